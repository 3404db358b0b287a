"""ml/classic."""
