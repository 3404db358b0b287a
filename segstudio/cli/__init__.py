"""The command line: one thin file for each sub-command, none of which needs a screen or Qt."""
