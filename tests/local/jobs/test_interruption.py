"""Spot capacity that goes away: the job goes on from its checkpoint, within its limits."""

from __future__ import annotations

import dataclasses

import pytest

from local.jobs.hosts import INTERRUPTED, Outcome
from local.jobs.layout import HostFolder
from local.jobs.lifecycle import JobTable
from local.jobs.metric_lines import MetricLines
from local.jobs.training_request import read_training_request
from local.jobs.training_run import TrainingRun
from local.jobs.training_status import KIND
from tests.local.jobs.conftest import BUCKET, Trainer, training_request
from tests.local.jobs.test_ending import STUBBORN, wait_for_line, wait_until_gone

# One epoch after another, each kept; from the second on a file must appear before it goes on.
EPOCHS = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"])
folder.mkdir(exist_ok=True)
kept = folder / "epoch.txt"
begun = int(kept.read_text()) if kept.exists() else 0
stop = []
signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
for epoch in range(begun + 1, 5):
    while epoch == 3 and begun == 0 and not stop:
        time.sleep(0.01)
    if stop:
        print("told to stop", flush=True)
        sys.exit(0)
    kept.write_text(str(epoch))
    print("epoch", epoch, "host", os.environ["SM_CURRENT_HOST"], flush=True)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("done")
"""
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60},
}


def checkpoints(name: str) -> dict[str, object]:
    return {"CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"}}


def printed(trainer: Trainer, name: str, host: str = "algo-1") -> list[str]:
    """All lines of a host, of every start; each start has a log stream unless they share one."""
    group = trainer.backend.logs._backend.groups["/aws/sagemaker/TrainingJobs"]
    names = sorted(n for n in group.streams if n.startswith(f"{name}/{host}-"))
    return [event.message for n in names for event in group.streams[n].events]


@pytest.mark.parametrize("hosts", [1, 2])
def test_an_interrupted_job_goes_on_where_it_was(trainer, hosts):
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": hosts, "VolumeSizeInGB": 1}
    name = f"spot-{hosts}"
    trainer.start(name, EPOCHS, ResourceConfig=resources, **SPOT, **checkpoints(name))
    for host in range(1, hosts + 1):
        wait_for_line(trainer, name, "epoch 2", f"algo-{host}")
    trainer.jobs.interruptions.interrupt(name, away=0.3)
    done = trainer.wait(name)
    assert done["TrainingJobStatus"] == "Completed"
    assert [change["Status"] for change in done["SecondaryStatusTransitions"]] == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    for algo in (f"algo-{number}" for number in range(1, hosts + 1)):
        assert printed(trainer, name, algo) == [
            *(f"epoch {epoch} host {algo}" for epoch in (1, 2)),
            "told to stop",
            *(f"epoch {epoch} host {algo}" for epoch in (3, 4)),
        ], "no epoch twice"


def test_time_without_instances_is_not_billed(trainer):
    trainer.start("billed", EPOCHS, **SPOT, **checkpoints("billed"))
    wait_for_line(trainer, "billed", "epoch 2")
    trainer.jobs.interruptions.interrupt("billed", away=2.5)
    done = trainer.wait("billed")
    elapsed = done["TrainingEndTime"] - done["TrainingStartTime"]
    assert elapsed > 2.5
    assert done["BillableTimeInSeconds"] == done["TrainingTimeInSeconds"]
    assert done["BillableTimeInSeconds"] <= max(1, round(elapsed - 2.5))


def test_a_job_without_checkpoints_begins_again(trainer):
    script = """
    import os, pathlib, time
    begun = pathlib.Path(os.environ["TMP_MARK"])
    first = not begun.exists()
    begun.touch()
    print("begin", flush=True)
    if first:
        time.sleep(60)
    """
    mark = str(trainer.backend.folder / "mark")
    trainer.start("anew", script, Environment={"TMP_MARK": mark}, **SPOT)
    wait_for_line(trainer, "anew", "begin")
    trainer.jobs.interruptions.interrupt("anew", away=0)
    assert trainer.wait("anew")["TrainingJobStatus"] == "Completed"
    assert printed(trainer, "anew") == ["begin", "begin"]


def test_hosts_that_do_not_heed_the_notice_are_killed(trainer):
    trainer.start("deaf", STUBBORN, **SPOT)
    pids = [int(p) for p in wait_for_line(trainer, "deaf", "processes").split()[1:]]
    trainer.jobs.interruptions.interrupt("deaf", away=60)
    wait_until_gone(pids)
    trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "deaf"})
    assert trainer.wait("deaf")["TrainingJobStatus"] == "Stopped"


def test_capacity_that_stays_away_ends_at_the_longest_wait(trainer):
    limits = {"MaxRuntimeInSeconds": 2, "MaxWaitTimeInSeconds": 2}
    trainer.start("away", EPOCHS, **{**SPOT, "StoppingCondition": limits}, **checkpoints("away"))
    wait_for_line(trainer, "away", "epoch 2")
    trainer.jobs.interruptions.interrupt("away", away=3600)
    waiting = trainer.until("away", lambda document: document["SecondaryStatus"] == "Starting")
    assert waiting["SecondaryStatusTransitions"][-1]["StatusMessage"] == "Waiting for spot capacity"
    done = trainer.wait("away")
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == (
        "Stopped",
        "MaxWaitTimeExceeded",
    )
    assert trainer.backend.objects.find(BUCKET, "checkpoints/away/epoch.txt"), "what it had kept"


def test_a_job_that_waits_for_capacity_can_be_stopped(trainer):
    trainer.start("given-up", EPOCHS, **SPOT, **checkpoints("given-up"))
    wait_for_line(trainer, "given-up", "epoch 2")
    trainer.jobs.interruptions.interrupt("given-up", away=3600)
    trainer.until("given-up", lambda document: document["SecondaryStatus"] == "Starting")
    trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "given-up"})
    done = trainer.wait("given-up")
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "Stopped")


def test_only_a_spot_job_with_instances_can_lose_them(trainer):
    interruptions = trainer.jobs.interruptions
    with pytest.raises(ValueError, match="no training job named 'nobody'"):
        interruptions.interrupt("nobody", 0)
    trainer.run("steady", "pass")
    with pytest.raises(ValueError, match="does not run on spot capacity"):
        interruptions.interrupt("steady", 0)
    trainer.run("over", "pass", **SPOT)
    with pytest.raises(ValueError, match="no instances to lose: it is Completed"):
        interruptions.interrupt("over", 0)
    for away in (-1, float("nan"), 1e9):
        with pytest.raises(ValueError, match="Capacity can be away"):
            interruptions.interrupt("over", away)


def test_runtime_before_and_after_an_interruption_counts_towards_one_limit(backend):
    clock = 1000.0
    backend = dataclasses.replace(backend, now=lambda: clock)
    table = JobTable(backend, KIND)
    condition = {"MaxRuntimeInSeconds": 100, "MaxWaitTimeInSeconds": 900}
    asked = training_request("long", **{**SPOT, "StoppingCondition": condition})
    table.create(dict(asked), None)
    request, lines = read_training_request(asked), MetricLines(())
    run = TrainingRun(table, request, "arn", (HostFolder(backend.folder, "a"),), lines, 1.0, None)
    run.begin()
    assert run.limits().runtime_until == 1100
    clock = 1060.0
    run.upload(Outcome(INTERRUPTED), None)
    assert (run.limits().runtime_until, run.limits().wait_until) == (None, 1900)
    clock = 1500.0
    run.begin()
    assert run.limits().runtime_until == 1540
