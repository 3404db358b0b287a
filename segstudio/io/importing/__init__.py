"""Imports of datasets into a project: a dry run, layers staged out of sight, and one step of the history that brings them in."""
