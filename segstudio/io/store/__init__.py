"""io/store."""
