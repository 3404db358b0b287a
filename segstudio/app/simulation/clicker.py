"""A simulated annotator that clicks: on what is missed of an object, and beside it where too much was taken."""
