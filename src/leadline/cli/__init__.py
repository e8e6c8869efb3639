"""The command line: a verb in each file, what they share beside them."""

INTERRUPTED = 130
"""The exit code of a verb that was told to stop before it was done."""
