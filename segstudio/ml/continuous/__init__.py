"""Continuous learning: the trainer beside the hand. ``plan``, ``events`` and ``versions`` know no torch."""
