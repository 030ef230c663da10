"""The SageMaker SDK's own tuner and analytics, unchanged, against the tuning service over HTTP."""

from __future__ import annotations

import json
import os
import threading

import boto3
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.gateway import Gateway
from local.jobs.training import TrainingJobs
from local.sagemaker import SageMaker
from local.tuning import TuningJobs

KEY = "LOCALTESTKEY"
SCRIPT = """
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float)
parser.add_argument("--units", type=int)
parser.add_argument("--backbone")
arguments = parser.parse_args()
assert arguments.backbone in ("resnet18", "resnet50")
print(f"validation:loss={arguments.rate + arguments.units:.6f}", flush=True)
"""


@pytest.fixture
def session(backend, tmp_path, monkeypatch):
    """An SDK session whose endpoint is a server of this test's own."""
    table = SageMaker()
    training = TrainingJobs(backend)
    table.add([training, TuningJobs(backend, training.create, table.call), backend.tags])
    moto_app = DomainDispatcherApplication(create_backend_app)
    app = Gateway(KEY, table, moto_app, backend.objects.mark_changed)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _configure(monkeypatch, tmp_path, f"http://127.0.0.1:{server.port}", backend.region)
    import sagemaker

    yield sagemaker.Session(boto3.Session(), default_bucket="bucket")
    server.shutdown()
    server.server_close()


def _configure(monkeypatch, tmp_path, url: str, region: str) -> None:
    config = tmp_path / "config.yaml"
    modules = {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}}
    config.write_text(json.dumps({"SchemaVersion": "1.0", "SageMaker": modules}))
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    os.environ.pop("AWS_SESSION_TOKEN", None)


def make_tuner(session, tmp_path):
    from sagemaker.pytorch import PyTorch
    from sagemaker.tuner import (
        CategoricalParameter,
        ContinuousParameter,
        HyperparameterTuner,
        IntegerParameter,
    )

    (tmp_path / "train.py").write_text(SCRIPT)
    estimator = PyTorch(
        entry_point="train.py",
        source_dir=str(tmp_path),
        framework_version="2.5.1",
        py_version="py311",
        role="arn:aws:iam::123456789012:role/training",
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    return HyperparameterTuner(
        estimator,
        objective_metric_name="validation:loss",
        objective_type="Minimize",
        hyperparameter_ranges={
            "rate": ContinuousParameter(0.001, 0.1),
            "units": IntegerParameter(1, 8),
            "backbone": CategoricalParameter(["resnet18", "resnet50"]),
        },
        metric_definitions=[{"Name": "validation:loss", "Regex": "validation:loss=([0-9.]+)"}],
        max_jobs=3,
        max_parallel_jobs=2,
        base_tuning_job_name="sdk",
    )


@pytest.mark.filterwarnings("ignore")  # the SDK's own deprecations
def test_fit_wait_best_attach_and_analytics_work_unchanged(session, tmp_path, backend):
    from sagemaker.analytics import HyperparameterTuningJobAnalytics
    from sagemaker.tuner import HyperparameterTuner

    (tmp_path / "source").mkdir()
    tuner = make_tuner(session, tmp_path / "source")
    tuner.fit(wait=False)
    name = tuner.latest_tuning_job.name
    backend.store.wait(
        "HyperParameterTuningJob",
        name,
        lambda document: "HyperParameterTuningEndTime" in document,
        timeout=120,
    )
    tuner.wait()
    best = tuner.best_training_job()
    assert best.startswith(f"{name}-00")

    frame = HyperparameterTuningJobAnalytics(name, session).dataframe()
    assert len(frame) == 3
    assert list(frame["TrainingJobStatus"]) == ["Completed"] * 3
    assert frame.loc[frame["FinalObjectiveValue"].idxmin(), "TrainingJobName"] == best
    assert set(frame["backbone"]) <= {'"resnet18"', '"resnet50"'}
    sums = frame["rate"] + frame["units"]
    assert (sums - frame["FinalObjectiveValue"]).abs().max() < 1e-5

    attached = HyperparameterTuner.attach(name, sagemaker_session=session)
    assert attached.best_training_job() == best
    assert attached.objective_metric_name == "validation:loss"
    assert attached.best_estimator().latest_training_job.name == best
    assert set(attached.analytics().tuning_ranges) == {"rate", "units", "backbone"}
    attached.stop_tuning_job()  # has ended already: the SDK takes our refusal for that
