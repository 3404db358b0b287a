"""A simulated annotator at work on the real session: effort against quality, without a person and without a window."""
