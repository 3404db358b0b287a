"""io/readers."""
