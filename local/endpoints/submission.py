"""One request to an asynchronous endpoint and where its answer will be, as values."""

from __future__ import annotations

from dataclasses import dataclass

from local.endpoints.invocation import Invocation

MOST_AGE = 21_600  # seconds that a request may wait
MOST_TIME = 900  # seconds that a container may take, unless the request says more


@dataclass(frozen=True)
class Submission:
    """What a client asks: to answer the object at `location`, or the invocation's own body."""

    invocation: Invocation
    location: str = ""
    extension: str = ""
    filename: str = ""
    age_limit: int = MOST_AGE
    time_limit: int = MOST_TIME


@dataclass(frozen=True)
class Accepted:
    """The names that a client is given at once; `failure` is empty when none is kept."""

    inference_id: str
    output: str
    failure: str = ""
