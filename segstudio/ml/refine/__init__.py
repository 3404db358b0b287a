"""ml/refine."""
