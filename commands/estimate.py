"""`estimate`: what a run and a month of serving cost, line by line."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from commands.execution import list_executions
from commands.executions import read_steps
from commands.jobs import TUNING
from commands.output import emit, table
from commands.session import Session
from provision.estimate.bill import Bill, Line
from provision.estimate.month import bill_of_month
from provision.estimate.prices import TABLE, Prices, read_prices
from provision.estimate.run import Seconds, bill_of_ec2, bill_of_run
from statemachine.alarms import alarms

STEPS = ("Prepare", "Tune", "Train", "Evaluate")
LOOKED_AT = 20  # executions, for one that succeeded
OF_SCALING = 2  # alarms that target tracking makes


@dataclass(frozen=True)
class Spent:
    """Seconds of a job's hosts together; of those on spot capacity how many were billed."""

    seconds: float
    spot_seconds: float = 0.0
    spot_billed: float = 0.0


@dataclass(frozen=True)
class LastRun:
    """What is known of an execution; `spot_share` is what was left of the price on demand.

    `unread` says why nobody could look.
    """

    execution: str = ""
    seconds: Seconds = field(default_factory=dict)
    spot_share: float | None = None
    unread: str = ""

    def __str__(self) -> str:
        if self.execution:
            return self.execution
        if self.unread:
            return f"the time limits, as the executions cannot be read ({self.unread})"
        return "the time limits, as no execution has succeeded yet"


def estimate(session: Session, arguments: argparse.Namespace) -> int:
    """Print the bills; a price that is not known is told, and left out of the total."""
    settings = session.settings
    prices = read_prices(arguments.prices or settings.aws.region)
    last = read_last_run(session)
    shares = (last.spot_share,) if last.spot_share else prices.spot
    bills = [bill_of_run(settings, prices, last.seconds, share) for share in (1.0, *shares)]
    bills += [bill_of_ec2(settings, prices, last.seconds, share) for share in (1.0, *prices.spot)]
    count = len(alarms(settings)) + OF_SCALING
    bills.append(bill_of_month(settings, prices, arguments.requests, count))
    result = {
        "region": prices.region,
        "source": prices.source,
        "read": str(prices.read),
        "execution": last.execution,
        "unread": last.unread,
        "spot_share": {"measured": last.spot_share, "assumed": list(prices.spot)},
        "bills": [each.as_dict() for each in bills],
    }
    emit(result, describe_estimate(bills, prices, last), session.as_json)
    return 0


def read_last_run(session: Session) -> LastRun:
    """The newest execution that succeeded; without one, or without an account, nothing is known."""
    sagemaker = session.client("sagemaker")
    try:
        arn = next(
            one["arn"]
            for one in list_executions(session, LOOKED_AT)
            if one["status"] == "Succeeded"
        )
        steps = [step for step in read_steps(sagemaker, arn) if step["name"] in STEPS]
        # The result of a step without a job came out of the cache.
        found = {step["name"]: _spent(sagemaker, step["arn"]) for step in steps if step["arn"]}
    except StopIteration:
        return LastRun()
    except (ClientError, BotoCoreError) as error:
        return LastRun(unread=str(error).rstrip("."))
    seconds = {name: spent.seconds for name, spent in found.items()}
    return LastRun(arn, seconds, _share([*found.values()]))


def _share(found: list[Spent]) -> float | None:
    """What was billed of the seconds on spot capacity; the embedded AWS knows no discount."""
    spot = sum(spent.spot_seconds for spent in found)
    billed = sum(spent.spot_billed for spent in found)
    return billed / spot if billed < spot else None


def _spent(sagemaker: Any, arn: str) -> Spent:
    """What a job took; of a tuning job all its trials."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == TUNING.resource:
        pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        trials = [
            _of_training(sagemaker, trial["TrainingJobName"])
            for page in pages.paginate(HyperParameterTuningJobName=name)
            for trial in page["TrainingJobSummaries"]
        ]
        return Spent(
            sum(trial.seconds for trial in trials),
            sum(trial.spot_seconds for trial in trials),
            sum(trial.spot_billed for trial in trials),
        )
    if kind == "training-job":
        return _of_training(sagemaker, name)
    job = sagemaker.describe_processing_job(ProcessingJobName=name)
    return Spent((job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds())


def _of_training(sagemaker: Any, name: str) -> Spent:
    """AWS gives one host's seconds. The discount of spot capacity is in the billable ones."""
    job = sagemaker.describe_training_job(TrainingJobName=name)
    hosts, billed = job["ResourceConfig"]["InstanceCount"], job.get("BillableTimeInSeconds", 0)
    if not job.get("EnableManagedSpotTraining"):
        return Spent(float(billed * hosts))
    seconds = job.get("TrainingTimeInSeconds", 0) * hosts
    return Spent(float(seconds), float(seconds), float(billed * hosts))


def describe_estimate(bills: list[Bill], prices: Prices, last: LastRun) -> str:
    """A paragraph for each bill: its lines, and the total."""
    least, most = prices.spot
    spot = f"Spot is assumed to cost {least:.0%} to {most:.0%} of the price on demand"
    if last.spot_share:
        spot += f"; SageMaker's cost {last.spot_share:.0%} in that execution"
    head = [
        f"US dollars, prices of {prices.region} as of {prices.read}: {prices.source}.",
        f"Durations: {last}.",
        f"{spot}.",
    ]
    paragraphs = ["\n".join(head), *map(_paragraph, bills)]
    if any(each.unpriced for each in bills):
        ways = [f"add them to {TABLE.name}", *(f"take --prices {name}" for name in prices.others)]
        paragraphs.append(f"Prices that are not known: {', or '.join(ways)}.")
    return "\n\n".join(paragraphs)


def _paragraph(each: Bill) -> str:
    unpriced = f"no price known of {'; '.join(each.unpriced)}"
    if len(each.unpriced) == len(each.lines):
        foot = f"  {unpriced}"
    else:
        foot = f"  {_figure(each.total)} in all"
        foot += f", and more: {unpriced}" if each.unpriced else ""
    return "\n".join([each.title, table([_row(line) for line in each.lines]), foot])


def _row(line: Line) -> list[str]:
    head = [f"  {line.what}", f"{_figure(line.quantity)} {line.unit}"]
    if line.cost is None:
        return [*head, "×      ?", "", line.note]
    return [*head, f"× {line.price:.7g}", f"= {_figure(line.cost)}", line.note]


def _figure(value: float) -> str:
    """To the cent; what is less than ten cents with two digits that count."""
    decimals = 2 if value <= 0 else max(2, 1 - math.floor(math.log10(value)))
    return f"{value:,.{decimals}f}"
