"""Models that answer a person's hints."""
