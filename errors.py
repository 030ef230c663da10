"""The root of every expected failure.

Code that finds a bad value raises a `BreedlineError` whose message is one sentence: the thing,
its bad value, and the way out. `definitions.py` prints that sentence and exits; any other
exception is a bug and keeps its traceback.
"""


class BreedlineError(Exception):
    """An expected failure; `str(error)` is what the user reads."""
