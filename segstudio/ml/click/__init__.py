"""The built-in click model: clicks, scribbles, a box and an earlier mask to the mask of one object."""
