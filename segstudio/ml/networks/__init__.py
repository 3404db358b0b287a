"""ml/networks."""
