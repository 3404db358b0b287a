"""ml/inference."""
