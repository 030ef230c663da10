"""How jobs end early: stopped, out of time, a host lost, the server gone. No process is left."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local.backend import open_backend
from local.errors import ApiError
from local.jobs.training import TrainingJobs
from tests.local.conftest import forget_moto
from tests.local.jobs.conftest import BUCKET, Trainer, archive

SAVING = """
import os, pathlib, signal, sys, time
def save(number, frame):
    pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("until now")
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
print("ready", flush=True)
time.sleep(60)
"""

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("processes", os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


def wait_for_line(trainer: Trainer, name: str, start: str, host: str = "algo-1") -> str:
    """The first line that the host prints with this beginning."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            for line in trainer.log(name, host):
                if line.startswith(start):
                    return line
        except (KeyError, IndexError):
            pass  # no stream yet
        time.sleep(0.02)
    raise AssertionError(f"{name} never printed {start}")


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pids: list[int]) -> None:
    until = time.monotonic() + 10
    while not all(map(gone, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    assert all(map(gone, pids))


def test_a_stopped_job_may_save_its_model(trainer):
    trainer.start("saving", SAVING)
    wait_for_line(trainer, "saving", "ready")
    trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "saving"})
    done = trainer.wait("saving")
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [t["Status"] for t in done["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    model = archive(trainer.backend, done["ModelArtifacts"]["S3ModelArtifacts"])
    assert model == {"model.txt": b"until now"}


def test_a_job_that_does_not_heed_sigterm_is_killed_with_its_children(trainer):
    trainer.start("stubborn", STUBBORN)
    pids = [int(p) for p in wait_for_line(trainer, "stubborn", "processes").split()[1:]]
    trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "stubborn"})
    assert trainer.wait("stubborn")["TrainingJobStatus"] == "Stopped"
    wait_until_gone(pids)


def test_a_job_that_has_ended_cannot_be_stopped(trainer):
    trainer.run("ended", "pass")
    with pytest.raises(ApiError, match="its status is Completed"):
        trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "ended"})


def test_the_time_limit_stops_a_job_and_keeps_its_model(trainer):
    done = trainer.run("slow", SAVING, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == (
        "Stopped",
        "MaxRuntimeExceeded",
    )
    assert archive(trainer.backend, done["ModelArtifacts"]["S3ModelArtifacts"])


def test_the_processes_of_a_running_job_are_in_its_document(trainer):
    trainer.start("watched", "import os, time; print('pid', os.getpid()); time.sleep(60)")
    pid = int(wait_for_line(trainer, "watched", "pid").split()[1])
    running = trainer.until("watched", lambda document: "_pids" in document)
    assert running["_pids"] == {"algo-1": pid}
    os.kill(pid, 9)
    assert "was lost (killed by signal 9)" in trainer.wait("watched")["FailureReason"]


def test_when_one_host_fails_the_others_are_stopped(trainer):
    script = """
    import os, sys, time
    if os.environ["SM_CURRENT_HOST"] == "algo-2":
        sys.exit("algo-2 has no data")
    time.sleep(60)
    """
    done = trainer.run(
        "pair",
        script,
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1},
    )
    assert done["FailureReason"] == "AlgorithmError: algo-2 has no data, exit code: 1"


def test_a_job_waits_for_the_cores_and_can_be_stopped_while_it_waits(trainer):
    with trainer.backend.capacity.hold(trainer.backend.capacity.cores):
        trainer.start("waiting", "pass")
        trainer.until("waiting", lambda document: document["SecondaryStatus"] == "Pending")
        trainer.jobs.actions["StopTrainingJob"]({"TrainingJobName": "waiting"})
        done = trainer.wait("waiting")
    assert done["TrainingJobStatus"] == "Stopped"
    assert "TrainingStartTime" not in done


def test_a_job_that_waits_too_long_gives_up(trainer):
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    with trainer.backend.capacity.hold(trainer.backend.capacity.cores):
        done = trainer.run("late", "pass", StoppingCondition=limits, EnableManagedSpotTraining=True)
    assert (done["TrainingJobStatus"], done["SecondaryStatus"]) == (
        "Stopped",
        "MaxWaitTimeExceeded",
    )


def test_what_ran_when_the_server_stopped_is_failed_at_the_next_start(backend, trainer):
    trainer.run("before", "pass")
    backend.store.set("TrainingJob", "before", TrainingJobStatus="InProgress")
    TrainingJobs(backend).recover()
    document = backend.store.get("TrainingJob", "before")
    assert document["TrainingJobStatus"] == document["SecondaryStatus"] == "Failed"
    assert document["FailureReason"] == (
        "InternalServerError: the local server stopped while before ran."
    )


def test_what_a_completed_job_made_outlives_a_crash_at_once(trainer):
    done = trainer.run("durable", "import os; open(os.environ['SM_MODEL_DIR'] + '/m', 'w')")
    forget_moto()
    again = open_backend(trainer.backend.folder, "123456789012", "eu-west-1", {})
    assert archive(again, done["ModelArtifacts"]["S3ModelArtifacts"]) == {"m": b""}
    again.store.close()


SERVER = """
import sys, time
from pathlib import Path
from local.jobs.launcher import HostCommand, PlainLauncher, Reaper
folder = Path(sys.argv[1])
sleeper = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
command = HostCommand("algo-1", ["python3", "-c", sleeper], {}, folder, folder, Path("/etc/hosts"))
process = PlainLauncher(Reaper()).start(command)
print(process.stdout.readline().decode(), flush=True)
time.sleep(60)
"""


def test_processes_end_with_a_server_that_is_killed(tmp_path: Path):
    root = Path(__file__).parents[3]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert server.stdout
    pid = int(server.stdout.readline())
    assert not gone(pid)
    server.kill()
    server.wait()
    server.stdout.close()
    wait_until_gone([pid])


def test_a_checkpoint_survives_a_lost_host(trainer):
    script = """
    import os, pathlib
    path = pathlib.Path(os.environ["SM_CHECKPOINT_DIR"], "run/checkpoint.txt")
    epoch = int(path.read_text()) if path.exists() else 0
    path.parent.mkdir(exist_ok=True)
    path.write_text(str(epoch + 1))
    print("resumed at", epoch, flush=True)
    if epoch == 0:
        os.kill(os.getpid(), 9)
    """
    config = {"S3Uri": f"s3://{BUCKET}/checkpoints/mine"}
    first = trainer.run("lost", script, CheckpointConfig=config)
    assert first["FailureReason"].startswith("InternalServerError")
    second = trainer.run("again", script, CheckpointConfig=config)
    assert second["TrainingJobStatus"] == "Completed"
    assert trainer.log("again") == ["resumed at 1"]
