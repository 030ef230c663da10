"""The local environment's definition as it is deployed, and one training of it."""

import json
from pathlib import Path

import pytest

import settings
from pipeline.ec2.task import Training

GOLDEN = Path(__file__).parents[1] / "golden" / "local.json"


@pytest.fixture(scope="session")
def definition():
    return json.loads(GOLDEN.read_text())


@pytest.fixture(scope="session")
def training():
    return Training(settings.load("local"), "try-1")
