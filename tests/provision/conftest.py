"""An account from moto, a recorded SageMaker, and small scripts and documents."""

import dataclasses

import boto3
import pytest
from moto import mock_aws
from moto.s3.responses import S3Response

import settings
from local.events import moto_doors
from pipeline.definition import compile_pipeline
from provision.apply import apply
from provision.change import Clients
from provision.documents import Documents
from provision.packages import build, uris
from provision.plan import plan
from statemachine.alarms import alarms
from statemachine.definition import KINDS, compile_machine
from statemachine.policies import role_documents
from statemachine.rules import rules
from tests.provision import examples
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


@pytest.fixture(scope="session")
def boto3_clients(local):
    """Clients of moto in this process; making one takes longer than most tests."""
    made = {}
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}

    def make(service):
        if service not in made:
            made[service] = boto3.client(service, region_name=local.aws.region, **keys)
        return made[service]

    return make


@pytest.fixture
def clients(boto3_clients, monkeypatch):
    """An empty account: moto's, with a SageMaker that records, in which nobody waits."""
    sagemaker = RecordedSageMaker()
    # Without the embedded AWS's repair, moto keeps a bucket's EventBridge and tells nobody.
    told = moto_doors._get_bucket_notification
    monkeypatch.setattr(S3Response, "get_bucket_notification", told)
    with mock_aws():
        yield Clients(
            lambda service: sagemaker if service == "sagemaker" else boto3_clients(service),
            sleep=lambda _seconds: None,
        )


@pytest.fixture(scope="session")
def compiled():
    """Definitions already compiled: equal settings and code give equal ones."""
    return {}


@pytest.fixture
def described(local, steps_folder, compiled):
    """What the settings and the scripts describe."""

    def describe(loaded=local):
        packages = build(loaded, steps_folder)
        key = repr((loaded, uris(packages)))
        if key not in compiled:
            machines = {kind: compile_machine(kind, loaded) for kind in KINDS}
            compiled[key] = compile_pipeline(loaded, uris(packages)), machines
        pipeline, machines = compiled[key]
        return Documents(
            pipeline=pipeline,
            packages=packages,
            roles=role_documents(loaded),
            functions=examples.archives(),
            alarms=alarms(loaded),
            machines=machines,
            rules=rules(loaded),
        )

    return describe


@pytest.fixture
def upsert(clients, local, described):
    """Plan and apply, as the command does; returns the results."""

    def upsert_it(loaded=local, **changed):
        documents = dataclasses.replace(described(loaded), **changed)
        return apply(plan(clients, loaded, documents), clients)

    return upsert_it


@pytest.fixture
def replan(clients, local, described):
    """The changes that an upsert would make, those that change nothing left out."""

    def replan_it(loaded=local, **changed):
        documents = dataclasses.replace(described(loaded), **changed)
        changes = plan(clients, loaded, documents).changes
        return [change for change in changes if change.kind != "no-op"]

    return replan_it
