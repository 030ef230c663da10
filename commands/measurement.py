"""Measures an endpoint at one rate after the other, and keeps the measurement within bounds."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from commands.endpoint import describe
from commands.load import Send, arrivals, hold
from commands.output import say
from commands.rates import Rate, judge, search
from commands.session import Session
from commands.usage import Sample
from errors import BreedlineError

MOST_PER_SECOND = 500.0  # requests; more than this is a matter for several machines
MOST_SECONDS = 900.0  # of the whole measurement
LEAST_REQUESTS = 30  # of a rate, so that a percentile means something
LONGEST_HOLD = 60.0  # seconds
WARM_UP_REQUESTS = 8
SETTLING = 15.0  # seconds that an overloaded endpoint gets to work its queue off
MOST_WORKERS = 128
ATTEMPTS = 3  # at a rate during which the number of instances changed


@dataclass
class Measurement:
    """One run: what is asked, what it is held to, and what was found on the way."""

    session: Session
    samples: Sequence[Sample]
    objective_ms: float
    seconds: float  # that a rate is held, after its warm-up
    own_cores: dict[float, float] = field(default_factory=dict)  # rate -> cores that sending took
    out_of_time: bool = False

    def run(self) -> list[Rate]:
        """Every rate that was held, in order. Raises BreedlineError for an endpoint that fails."""
        send, deadline = self._sender(), time.monotonic() + MOST_SECONDS
        alone = self._warm_up(send)

        def measure(rate: float) -> Rate | None:
            if time.monotonic() > deadline:
                self.out_of_time = True
                return None
            found = self._hold(send, rate)
            # A second try: one pause of a machine says nothing about what it holds.
            if found.missed and not found.errors:
                found = dataclasses.replace(self._hold(send, rate), tries=2)
            return found

        first = max(0.5, count_instances(self.session) / alone / 4)
        return search(measure, first, MOST_PER_SECOND)

    def _sender(self) -> Send:
        runtime = self.session.make_client("sagemaker-runtime", **self._client_options())
        name = self.session.settings.endpoint_name

        def send(number: int) -> None:
            sample = self.samples[number % len(self.samples)]
            answer = runtime.invoke_endpoint(
                EndpointName=name,
                Body=sample.body,
                ContentType=sample.content_type,
                Accept="application/json",
            )
            answer["Body"].read()

        return send

    def _client_options(self) -> dict[str, Any]:
        """No second tries, which would hide errors, and a connection for each worker."""
        return {
            "retries": {"total_max_attempts": 1},
            "max_pool_connections": MOST_WORKERS,
            "read_timeout": max(5.0, 3 * self.objective_ms / 1_000),
        }

    def _warm_up(self, send: Send) -> float:
        """Seconds that a request takes which comes alone."""
        times = []
        for number in range(max(WARM_UP_REQUESTS, len(self.samples))):
            begun = time.monotonic()
            send(number)  # a refusal ends the command with the endpoint's own words
            times.append(time.monotonic() - begun)
        alone = sorted(times)[len(times) // 2]
        if alone * 1_000 > self.objective_ms:
            raise BreedlineError(
                f"A request that comes alone takes {alone * 1_000:.0f} ms, more than the "
                f"{self.objective_ms:g} ms to keep; give a larger --latency-ms."
            )
        return alone

    def _hold(self, send: Send, rate: float) -> Rate:
        for _ in range(ATTEMPTS):
            before = count_instances(self.session)
            found = self._load(send, rate, before)
            say(f"{rate:8.1f}/s  p90 {found.p90:7.1f} ms  {found.missed or 'holds'}")
            if found.missed:
                self._settle(send)
            if (after := count_instances(self.session)) == before:
                return found
            say(f"{rate:8.1f}/s  void: {before} instances before, {after} after")
        raise BreedlineError(
            f"The number of instances of '{self.session.settings.endpoint_name}' keeps changing; "
            "measure when it rests."
        )

    def _load(self, send: Send, rate: float, instances: int) -> Rate:
        held = min(max(self.seconds, LEAST_REQUESTS / rate), LONGEST_HOLD)
        warm, objective = min(1.0, held / 5), self.objective_ms / 1_000
        # By Little's law more requests under way mean a mean latency over twice the objective.
        workers = min(MOST_WORKERS, math.ceil(rate * objective * 2) + 2)
        wall, own = time.monotonic(), time.process_time()
        requests = hold(send, arrivals(rate, warm + held), workers, 5 * objective)
        self.own_cores[rate] = (time.process_time() - own) / (time.monotonic() - wall)
        counted = [request for request in requests if request.due >= warm]
        return judge(counted, rate, instances, self.objective_ms)

    def _settle(self, send: Send) -> None:
        """Wait until a request that comes alone is answered in time again."""
        deadline = time.monotonic() + SETTLING
        while time.monotonic() < deadline:
            (request,) = hold(send, [0.0], 1, SETTLING)
            if request.error is None and request.latency * 1_000 <= self.objective_ms:
                return


def count_instances(session: Session) -> int:
    """Instances that answer now.

    Raises:
        BreedlineError: there is no endpoint, it is not at rest, or it has no instances.
    """
    name, described = session.settings.endpoint_name, describe(session)
    if described is None:
        raise BreedlineError(
            f"There is no endpoint '{name}' yet; `python definitions.py approve` deploys a version."
        )
    if described["EndpointStatus"] != "InService":
        raise BreedlineError(
            f"The endpoint '{name}' is {described['EndpointStatus']}; measure it when it is "
            "InService."
        )
    count = described["ProductionVariants"][0].get("CurrentInstanceCount")
    if not count:
        raise BreedlineError(f"The endpoint '{name}' has no instances that could be measured.")
    return int(count)
