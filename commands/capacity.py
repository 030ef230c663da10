"""`capacity`: what one instance of the endpoint holds within a latency, and a scaling target.

It asks the endpoint itself (InvokeEndpoint) and not the function in front, whose concurrency is a
limit of its own: autoscaling counts what the endpoint is asked.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from typing import Any

from commands.endpoint import describe, version_of
from commands.measurement import (
    LONGEST_HOLD,
    MOST_PER_SECOND,
    MOST_SECONDS,
    Measurement,
    count_instances,
)
from commands.output import emit, say, table
from commands.rates import Rate, bounds
from commands.samples import read_samples
from commands.scaling import dynamic_scaling_suspended
from commands.session import Session
from errors import BreedlineError
from statemachine.names import Names
from workloads import workload_of

# An alarm takes minutes to ring and an instance minutes to start; meanwhile the load may grow by
# half of the target before the instances that are there exceed what they hold.
SAFETY = 0.7
BUSY = 0.8  # of a core: Python sends from one, so that the load itself is what is slow
COLUMNS = ("rate/s", "per instance", "p50 ms", "p90 ms", "p99 ms", "errors", "")


def capacity(session: Session, arguments: argparse.Namespace) -> int:
    """Measure, propose, and with --save keep the proposal; exit 1 when no rate holds."""
    _check_kind(session)
    if arguments.seconds > LONGEST_HOLD:
        raise BreedlineError(
            f"--seconds {arguments.seconds:g} is too long; "
            f"a rate is held for {LONGEST_HOLD:g} s at most."
        )
    objective = arguments.latency_ms or float(session.settings.alarms.latency_p90_ms)
    count_instances(session)  # says what is in the way before anything else is read
    found = describe(session) or {}
    samples = read_samples(session, found["EndpointConfigName"], arguments.images)
    noun = workload_of(session.settings).usage.noun
    _announce(session, objective, f"{len(samples)} {noun}")
    measurement = Measurement(session, samples, objective, arguments.seconds)
    with dynamic_scaling_suspended(session):
        rates = measurement.run()
    result = {
        "endpoint": session.settings.endpoint_name,
        "model_version": version_of(session.client("sagemaker"), found["EndpointConfigName"]),
        noun: len(samples),
        "objective": {"percentile": "p90", "latency_ms": objective},
        "seconds": arguments.seconds,
        "rates": [_figures(rate, measurement) for rate in rates],
        **propose(rates),
        "notes": _notes(session, measurement, rates),
        "saved": None,
    }
    if arguments.save and result["proposal"]:
        result["saved"] = save(session, result["proposal"])
    emit(result, describe_capacity(session, result), session.as_json)
    return 0 if result["proposal"] else 1


def propose(rates: Sequence[Rate]) -> dict[str, Any]:
    """The highest rate that holds, and the scaling target that follows; None without one."""
    holding = bounds(rates)[0]
    best = next((rate for rate in rates if rate.per_second == holding), None)
    if best is None:
        return {"highest": None, "safety": SAFETY, "proposal": None}
    minute = best.per_instance * 60
    return {
        "highest": {
            "per_second": best.per_second,
            "instances": best.instances,
            "per_instance_and_second": best.per_instance,
            "per_instance_and_minute": minute,
        },
        "safety": SAFETY,
        "proposal": round(minute * SAFETY, 1),  # invocations per instance and minute
    }


def save(session: Session, proposal: float) -> str:
    """Keep the target where deployments read it; returns the parameter's name."""
    name = Names(session.settings).parameter
    session.client("ssm").put_parameter(
        Name=name,
        Value=str(proposal),
        Type="String",
        Overwrite=True,
        Description="Invocations per instance and minute, as `capacity --save` measured them.",
    )
    return name


def describe_capacity(session: Session, result: dict[str, Any]) -> str:
    """The rates as a table, what follows from them, and what becomes of it."""
    objective = f"p90 within {result['objective']['latency_ms']:g} ms"
    lines = [
        f"Endpoint {result['endpoint']}, version {result['model_version'] or 'unknown'}: "
        f"{objective}",
        table([COLUMNS, *map(_row, result["rates"])]),
    ]
    if highest := result["highest"]:
        lines.append(
            f"Highest rate that holds: {highest['per_second']:.1f}/s on {highest['instances']} "
            f"instances, {highest['per_instance_and_minute']:.0f} a minute and instance"
        )
        lines.append(
            f"Proposed scaling target: {result['proposal']:g} invocations a minute and instance "
            f"({result['safety']:.0%} of that)"
        )
        lines.append(_what_becomes_of_it(session, result["saved"]))
    else:
        lines.append(f"No rate holds {objective}; there is no target to propose.")
    return "\n".join([*lines, *result["notes"]])


def _what_becomes_of_it(session: Session, saved: str | None) -> str:
    if not saved:
        return "It is not kept; --save keeps it for deployments."
    if session.settings.scaling.target_from == "measured":
        return f"Saved as {saved}; the next deployment or rollback scales by it."
    return (
        f"Saved as {saved}, which nobody reads yet: set scaling.target_from to 'measured' for "
        f"the environment '{session.settings.environment}' and run `python definitions.py upsert`; "
        "the next deployment then scales by it."
    )


def _check_kind(session: Session) -> None:
    kind = session.settings.endpoint.kind
    reasons = {
        "serverless": "has no instances, and SageMaker scales it by itself",
        "asynchronous": "scales by the length of its queue (endpoint.asynchronous_concurrency)",
    }
    if kind in reasons:
        raise BreedlineError(
            f"The endpoint '{session.settings.endpoint_name}' is {kind}: it {reasons[kind]}; "
            "there is no target to measure."
        )


def _announce(session: Session, objective: float, samples: str) -> None:
    say(
        f"Asking the endpoint '{session.settings.endpoint_name}' itself, not the function in "
        f"front, about {samples}, until p90 passes {objective:g} ms. Other callers' load "
        "counts too; they wait while it is overloaded, and its alarms may ring."
    )


def _notes(session: Session, measurement: Measurement, rates: Sequence[Rate]) -> list[str]:
    """What one has to know to judge the figures."""
    notes, missed = [], [rate for rate in rates if rate.missed]
    if not missed and not measurement.out_of_time:
        notes.append(f"Higher rates than {MOST_PER_SECOND:g}/s were not tried; it may hold more.")
    if measurement.out_of_time:
        notes.append(f"The {MOST_SECONDS:g} s were over; it may hold more.")
    lowest = min(missed, key=lambda rate: rate.per_second, default=None)
    if lowest and measurement.own_cores[lowest.per_second] > BUSY:
        notes.append("Sending took all of a core on this machine; the endpoint may hold more.")
    if lowest and lowest.first_error:
        notes.append(f"The first error at {lowest.per_second:.1f}/s: {lowest.first_error}")
    if session.is_local:
        notes.append("The load shares this machine's cores with the instances.")
    return notes


def _figures(rate: Rate, measurement: Measurement) -> dict[str, Any]:
    figures = {**dataclasses.asdict(rate), "per_instance": rate.per_instance}
    return figures | {"own_cores": measurement.own_cores[rate.per_second]}


def _row(rate: dict[str, Any]) -> list[str]:
    figures = [f"{rate[key]:.1f}" for key in ("per_second", "per_instance", "p50", "p90", "p99")]
    verdict = rate["missed"] or ("holds" if rate["tries"] == 1 else "holds at the second try")
    return [*figures, str(rate["errors"]), verdict]
