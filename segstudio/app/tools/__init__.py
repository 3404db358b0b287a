"""app/tools."""
