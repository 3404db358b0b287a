"""gui/canvas."""
