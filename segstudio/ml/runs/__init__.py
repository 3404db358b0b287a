"""Runs as they lie on the disk: reading, listing, comparing and reporting them. No torch here."""
