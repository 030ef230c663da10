"""The SDKs, kept quiet and apart from the user's own configuration.

Importing stepfunctions takes seconds and brings the whole sagemaker SDK; the one silences the root
logger for good, the other lets it print what boto3 does. So the modules that author state machines
(`asl`, `flow` and what stands on them) are imported inside `definition.compile_machine` only,
within `quiet_sdk`.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
FILES = ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")


@contextmanager
def quiet_sdk() -> Iterator[None]:
    """Print nothing, and leave loggers, warnings and the printer of tracebacks as they were.

    The SDKs log under several names, and warn about their own successors; none of it is the user's.
    """
    root, hook = logging.getLogger(), sys.excepthook
    level, handlers, disabled = root.level, root.handlers[:], logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), without_profiles():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
        root.setLevel(level)
        root.handlers[:] = handlers
        sys.excepthook = hook


@contextmanager
def without_profiles() -> Iterator[None]:
    """Hide the user's AWS profiles, with which compiling has no business.

    The sagemaker SDK makes a session while it is imported; a profile that is not there, or a
    configuration file that cannot be read, would end that.
    """
    before = {name: os.environ.get(name) for name in (*PROFILES, *FILES)}
    for name in PROFILES:
        os.environ.pop(name, None)
    os.environ.update(dict.fromkeys(FILES, os.devnull))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
