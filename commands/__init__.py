"""What each command of `definitions.py` does: parse, call, print."""
