"""One compilation of the local environment for all tests that only look at it."""

import pytest

import settings
from tests.pipeline.examples import compiled, steps_of


@pytest.fixture(scope="session")
def local():
    return settings.load("local")


@pytest.fixture(scope="session")
def definition(local):
    return compiled(local)


@pytest.fixture(scope="session")
def steps(definition):
    return steps_of(definition)
