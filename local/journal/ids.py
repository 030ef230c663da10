"""The ids that moto draws at random, drawn again: a request made again gets the ids of the first.

Clients remember them (keys of KMS, ARNs of subscriptions), so each kept request carries a seed.
Only the thread that makes the request draws from it.
"""

from __future__ import annotations

import contextlib
import os
import random
import threading
from collections.abc import Iterator

import moto.kms.utils as kms_utils
from moto.moto_api._internal import mock_random
from moto.moto_api._internal.moto_random import MotoRandom

_drawing = threading.local()


class SeededByThread(MotoRandom):  # type: ignore[misc]
    """moto's one source of chance; a thread may have one of its own for a while."""

    def random(self) -> float:
        own = _own()
        return own.random() if own else float(super().random())

    def getrandbits(self, k: int) -> int:
        own = _own()
        return own.getrandbits(k) if own else int(super().getrandbits(k))


def _own() -> random.Random | None:
    return getattr(_drawing, "source", None)


def _data_key(number_of_bytes: int) -> bytes:
    """The material of a new KMS key, so that what it encrypted can be read after a restart."""
    own = _own()
    return own.randbytes(number_of_bytes) if own else os.urandom(number_of_bytes)


@contextlib.contextmanager
def drawn_from(seed: int) -> Iterator[None]:
    """Let moto draw this thread's ids from `seed`."""
    mock_random.__class__ = SeededByThread
    kms_utils.generate_data_key = _data_key
    _drawing.source = random.Random(seed)  # noqa: S311 - ids, not secrets
    try:
        yield
    finally:
        _drawing.source = None
