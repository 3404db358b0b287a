"""Proposals by classic methods: no network, no weights, no torch; one method a file, listed in ``table``."""
