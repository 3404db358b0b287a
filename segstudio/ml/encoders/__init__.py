"""ml/encoders."""
