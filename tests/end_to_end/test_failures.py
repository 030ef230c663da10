"""What goes wrong is said in one sentence, and what was done is not lost."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from PIL import Image

from local.connection import find_server
from tests.end_to_end.command_line import ROOT, CommandLine

# Slow enough to be killed halfway, small enough to be quick: real images through the whole network.
SLOW_TRAINING = """
[local]
[local.aws]
region = "eu-west-1"
account_id = "123456789012"
role_name = "breedline-execution"
[local.pipeline]
accuracy_threshold = 0.0
[local.model]
fine_tune = "all"
image_size = 64
epochs = 3
[local.tuning]
max_jobs = 1
max_parallel_jobs = 1
[local.tuning.ranges]
learning_rate = { type = "continuous", min = 0.0001, max = 0.001, scaling = "Logarithmic" }
[local.training]
instance_count = 1
[local.retry]
interval_seconds = 1
"""


@pytest.fixture
def own(tmp_path):
    """A command line with an embedded AWS of its own, for tests that harm it."""
    command_line = CommandLine(tmp_path / "state")
    yield command_line
    command_line.run("local", "stop")


@pytest.fixture
def photos(tmp_path):
    """Two classes of six photos."""
    folder = tmp_path / "photos"
    for index, name in enumerate(("apple", "pear")):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            colour = (40 * number, 200 * index, 90)
            Image.new("RGB", (32, 32), colour).save(folder / name / f"{number}.jpg")
    return folder


def one_sentence(done):
    """The command failed, without a traceback; returns what it said."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr + done.stdout


def hear_interrupts():
    """A shell that starts a test run in the background lets all of it ignore them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def demo_that_tunes(own, photos, *options):
    """A demo in a process of its own, handed over when its Tune step has begun."""
    watching = subprocess.Popen(
        [sys.executable, str(ROOT / "definitions.py"), "demo", "--data", str(photos), *options],
        env=own.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hear_interrupts,
    )
    assert watching.stderr is not None
    while not watching.stderr.readline().startswith("Tune"):
        assert watching.poll() is None
    return watching


def test_an_unknown_parameter_is_named_with_those_there_are(command_line, demonstration):
    said = one_sentence(command_line.run("start", "--param", "Colour=red"))
    assert "Colour" in said
    assert "AccuracyThreshold" in said


def test_a_parameter_of_the_wrong_type_is_named_with_what_is_allowed(command_line, demonstration):
    said = one_sentence(command_line.run("start", "--param", "Epochs=many"))
    assert "Epochs" in said
    assert "many" in said


def test_a_missing_data_location_fails_prepare_and_is_named(command_line, demonstration):
    done = command_line.run("start", "--wait", "--param", "InputDataUri=s3://nowhere/at/all")
    assert "s3://nowhere/at/all" in one_sentence(done)


def test_a_folder_that_is_not_there_is_named(command_line):
    assert "/no/such/folder" in one_sentence(command_line.run("demo", "--data", "/no/such/folder"))


def test_an_empty_class_folder_is_named(command_line, photos):
    (photos / "plum").mkdir()
    (photos / "plum" / "notes.txt").write_text("no photo here")
    done = command_line.run("demo", "--data", str(photos))
    assert "plum" in one_sentence(done)


def test_photos_that_are_all_corrupt_are_counted(command_line, photos):
    for path in photos.rglob("*.jpg"):
        path.write_bytes(path.read_bytes()[:100])
    assert "12" in one_sentence(command_line.run("demo", "--data", str(photos)))


def test_an_unknown_environment_is_named_with_those_there_are(command_line):
    said = one_sentence(command_line.run("status", "--env", "moon"))
    assert "moon" in said
    assert "local" in said


def test_a_bad_settings_file_reports_all_its_problems_at_once(command_line, tmp_path):
    settings = tmp_path / "environments.toml"
    settings.write_text(
        SLOW_TRAINING.replace("epochs = 3", 'epochs = -1\npatiance = "long"').replace(
            "max_jobs = 1", "max_jobs = 0"
        )
    )
    said = one_sentence(command_line.run("upsert", "--settings", str(settings)))
    for part in ("epochs", "-1", "patiance", "patience", "max_jobs"):
        assert part in said


def test_a_taken_port_is_named(own):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert port in one_sentence(own.run("local", "start", "--port", port))


def test_starting_before_upsert_says_what_to_do(own):
    assert "upsert" in one_sentence(own.run("start"))


def test_a_server_killed_in_mid_run_is_said_and_retry_finishes_the_execution(own, photos):
    watching = demo_that_tunes(own, photos, "--param", "AccuracyThreshold=0.0")
    os.kill(own.connection.pid, signal.SIGKILL)
    _, said = watching.communicate(timeout=60)
    assert watching.returncode == 1
    assert "Traceback" not in said
    assert "stopped answering" in said

    cut_off = own.json("status")["executions"][0]  # starts the server again
    assert cut_off["status"] == "Failed"
    finished = own.json("retry", cut_off["arn"])
    assert finished["status"] == "Succeeded"


def test_an_interrupted_watch_leaves_the_execution_running_and_says_how_to_return(own, photos):
    watching = demo_that_tunes(own, photos)
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "Traceback" not in said
    newest = own.json("status")["executions"][0]
    assert f"watch {newest['arn']}" in said
    assert newest["status"] == "Executing"
    own.json("stop", newest["arn"])
    _until(lambda: own.json("status")["executions"][0]["status"] == "Stopped")


def test_a_training_killed_halfway_is_retried_and_resumes_from_its_checkpoint(own, tmp_path):
    settings = tmp_path / "environments.toml"
    settings.write_text(SLOW_TRAINING)
    demo = subprocess.Popen(
        [sys.executable, str(ROOT / "definitions.py"), "demo", "--json"]
        + ["--settings", str(settings)],
        env=own.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    _until(lambda: _training_epochs(own) >= 1, seconds=200)
    os.kill(_host_process(own).pid, signal.SIGKILL)
    output, _ = demo.communicate(timeout=250)
    result = json.loads(output)
    train = next(step for step in result["pipeline"]["steps"] if step["name"] == "Train")
    assert train["status"] == "Succeeded", train["failure_reason"]
    assert train["attempts"] == 2
    lines = _log_lines(own, train["arn"].rpartition("/")[2])
    epochs = [line.split()[1] for line in lines if line.startswith("metrics ")]
    assert "epoch=1" not in epochs  # it went on from the checkpoint
    assert "epoch=3" in epochs


def _train_jobs(own):
    if find_server(own.folder) is None:
        return []
    jobs = own.client("sagemaker").list_training_jobs()["TrainingJobSummaries"]
    return [job["TrainingJobName"] for job in jobs if "-Train-" in job["TrainingJobName"]]


def _log_lines(own, job):
    logs = own.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=job)["logStreams"]
    return [
        event["message"]
        for stream in streams
        for event in logs.get_log_events(
            logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
    ]


def _training_epochs(own):
    return sum(
        line.startswith("metrics ") for job in _train_jobs(own) for line in _log_lines(own, job)
    )


def _host_process(own):
    job = _train_jobs(own)[0]
    for process in psutil.process_iter():
        try:
            folder = process.cwd()  # not its variables: a forked job shows its parent's
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if f"/{job}/" in f"{folder}/":
            return process
    raise AssertionError(f"no process of {job}")


def _until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
