"""app/presenters."""
