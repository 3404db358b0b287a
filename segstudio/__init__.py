"""segstudio: label images with a model's help, and retrain it on your own corrections."""

__version__ = "0.1.0"
