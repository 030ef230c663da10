"""The stepfunctions SDK, kept quiet while it is imported.

Importing it takes seconds and brings the whole sagemaker SDK; it also silences the root logger for
good. So the modules that author state machines (`asl`, `flow` and what stands on them) are imported
inside `definition.compile_machine` only, within `quiet_import`.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_import() -> Iterator[None]:
    """Leave loggers, warnings and the printer of tracebacks as they were before the imports."""
    root, hook = logging.getLogger(), sys.excepthook
    level, disabled = root.level, logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        sys.excepthook = hook
