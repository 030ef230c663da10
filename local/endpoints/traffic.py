"""Which variant answers a request: by weight, and while a rollout lasts from one of two fleets."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from local.endpoints.fleet import FleetClosed, Serving, Stopped
from local.endpoints.instance import Instance
from local.endpoints.variants import Variant
from local.errors import ApiError, validation_error


@dataclass
class Generation:
    """All variants of one endpoint configuration, running."""

    config: str
    variants: tuple[Variant, ...]
    fleets: Mapping[str, Serving]

    def choose(self, target: str) -> str:
        """The name of the variant that answers: the one asked for, or one drawn by weight."""
        if target:
            if target not in self.fleets:
                raise validation_error(
                    f"Variant {target} is none of the endpoint's: {', '.join(self.fleets)}."
                )
            return target
        weights = [variant.weight for variant in self.variants]
        if not sum(weights):
            raise validation_error("All variants of the endpoint have the weight 0.")
        names = [variant.name for variant in self.variants]
        return random.choices(names, weights)[0]  # noqa: S311 - a draw, no secret

    def start(self, stopped: Stopped) -> None:
        """Start every variant's fleet; raises StartFailed, and then nothing is left."""
        try:
            for variant in self.variants:
                self.fleets[variant.name].start(variant.count, stopped)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Answer what was begun, then end every process."""
        for fleet in self.fleets.values():
            fleet.stop()


@dataclass(frozen=True)
class Lease:
    """An instance for one request, of the variant and of how many."""

    variant: str
    instance: Instance
    instances: int


@dataclass
class Traffic:
    """One endpoint's fleets: those that serve and, while a rollout lasts, those that take over."""

    serving: Generation
    next: Generation | None = None
    share: float = 0.0  # of the requests that `next` answers
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def shift(self, generation: Generation, share: float) -> None:
        """Lead a share of the requests to the next generation."""
        with self._lock:
            self.next, self.share = generation, share

    def return_all(self) -> None:
        """Lead everything back to the generation that serves."""
        with self._lock:
            self.next, self.share = None, 0.0

    def settle(self, generation: Generation) -> Generation:
        """The next generation serves; returns the one before."""
        with self._lock:
            before, self.serving = self.serving, generation
            self.next, self.share = None, 0.0
            return before

    @contextmanager
    def lease(self, target: str) -> Iterator[Lease]:
        """An instance for one request. Raises ApiError, NoInstance or Busy."""
        while True:
            generation = self._choose()
            name = generation.choose(target)
            fleet = generation.fleets[name]
            try:
                with fleet.lease() as instance:
                    yield Lease(name, instance, fleet.size)
                    return
            except FleetClosed:
                if self._choose_again(generation):
                    continue
                raise ApiError(
                    "ServiceUnavailable", "The endpoint is being deleted.", 503
                ) from None

    def _choose(self) -> Generation:
        with self._lock:
            if self.next is not None and random.random() < self.share:  # noqa: S311
                return self.next
            return self.serving

    def _choose_again(self, closed: Generation) -> bool:
        """Whether another generation has taken over from one that is closed."""
        with self._lock:
            return closed is not self.serving
