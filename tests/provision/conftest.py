"""A bucket's worth of S3 from moto, a recorded SageMaker, and small step scripts."""

import boto3
import pytest
from moto import mock_aws

import settings
from pipeline.definition import compile_pipeline
from provision.change import Clients
from provision.packages import build, uris
from tests.provision.aws import RecordedSageMaker

SCRIPTS = {
    "prepare.py": "import images\n",
    "train.py": "import network\n",
    "evaluate.py": "import images\n",
    "inference.py": "import images, network\n",
    "images.py": "SIZE = 224\n",
    "network.py": "LAYERS = 2\n",
}


@pytest.fixture(scope="session")
def local():
    return settings.load("local")


@pytest.fixture
def steps_folder(tmp_path):
    folder = tmp_path / "steps"
    folder.mkdir()
    for name, text in SCRIPTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def clients(monkeypatch, local):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield Clients(boto3.client("s3", region_name=local.aws.region), RecordedSageMaker())


@pytest.fixture(scope="session")
def compiled():
    """Definitions already compiled: equal settings and code give equal ones."""
    return {}


@pytest.fixture
def described(local, steps_folder, compiled):
    """What the settings and the scripts describe: definition and packages."""

    def describe(loaded=local):
        packages = build(loaded, steps_folder)
        key = repr((loaded, uris(packages)))
        if key not in compiled:
            compiled[key] = compile_pipeline(loaded, uris(packages))
        return compiled[key], packages

    return describe
