"""The cost of one execution of the pipeline, and of the same training on EC2.

A job costs its hosts' time. What the last execution took is taken again; a step of which nothing is
known is taken to run into its time limit, which is the most that it can cost. Starting a host is
not billed; a failed attempt is, and is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from provision.estimate.bill import Bill, Line, bill
from provision.estimate.prices import Prices
from settings import Settings
from settings.workload import TABULAR

HOUR, HOURS_OF_MONTH = 3_600.0, 730.0
BOUND = "no more than its time limit"
Seconds = Mapping[str, float]  # step -> seconds of all its hosts together, as the last run had them


class Hosts(Protocol):
    """A section of the settings that says on what a job runs."""

    @property
    def instance_type(self) -> str: ...

    @property
    def volume_gb(self) -> int: ...


@dataclass(frozen=True)
class Job:
    """The hosts of one step. `seconds` are of all of them together."""

    step: str
    instance_type: str
    volume_gb: int
    seconds: float
    note: str
    may_be_spot: bool = False


def jobs_of(settings: Settings, seconds: Seconds) -> Iterator[Job]:
    """The jobs of an execution in which every step runs."""
    prepare, evaluate = settings.prepare, settings.evaluate
    tuning, training = settings.tuning, settings.training

    def job(step: str, hosts: Hosts, limit: float, may_be_spot: bool = False) -> Job:
        known = seconds.get(step)
        note = BOUND if known is None else "as in the last execution"
        spent = limit if known is None else known
        return Job(step, hosts.instance_type, hosts.volume_gb, spent, note, may_be_spot)

    yield job("Prepare", prepare, prepare.max_runtime_seconds)
    if settings.workload.kind != TABULAR:
        limit = tuning.max_jobs * tuning.instance_count * tuning.max_runtime_seconds
        yield job("Tune", tuning, limit, may_be_spot=True)
    limit = training.instance_count * training.max_runtime_seconds
    yield job("Train", training, limit, may_be_spot=True)
    yield job("Evaluate", evaluate, evaluate.max_runtime_seconds)


def bill_of_run(settings: Settings, prices: Prices, seconds: Seconds, share: float = 1.0) -> Bill:
    """One execution; `share` is what is left of the price of jobs that may be spot."""
    title = "A run, on demand" if share == 1.0 else f"A run, spot at {share:.0%} of the price"
    return bill(title, _lines(settings, prices, seconds, share))


def _lines(settings: Settings, prices: Prices, seconds: Seconds, share: float) -> Iterator[Line]:
    jobs = [*jobs_of(settings, seconds)]
    for job in jobs:
        price = prices.find("instances", job.instance_type)
        part = share if job.may_be_spot else 1.0
        paid = None if price is None else price * part
        what = f"{job.step}, {job.instance_type}"
        yield Line(what, job.seconds / HOUR, "hours", paid, job.note)
    stored = sum(job.volume_gb * job.seconds / HOUR / HOURS_OF_MONTH for job in jobs)
    price = prices.find("units", "ml_volume_gb_month")
    yield Line("volumes of the hosts", stored, "GB-months", price)


def bill_of_ec2(settings: Settings, prices: Prices, seconds: Seconds, share: float = 1.0) -> Bill:
    """The final training alone on the instance of `ec2-train`, which costs all of its time.

    It is taken to need as long as the hosts of the training did together, on whatever type.
    """
    ec2, training = settings.ec2, settings.training
    kind, known = ec2.instance_types[0], seconds.get("Train")
    hours = (ec2.max_runtime_seconds if known is None else known) / HOUR
    note = (
        BOUND if known is None else f"as {training.instance_count} × {training.instance_type} did"
    )
    price = prices.find("ec2", kind)
    title = "The training alone on EC2, " + (
        "on demand" if share == 1.0 else f"spot at {share:.0%}"
    )
    stored = prices.find("units", "ec2_volume_gb_month")
    return bill(
        title,
        [
            Line(f"{kind}, Linux", hours, "hours", None if price is None else price * share, note),
            Line("volume", ec2.volume_gb * hours / HOURS_OF_MONTH, "GB-months", stored),
        ],
    )
