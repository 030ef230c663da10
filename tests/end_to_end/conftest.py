"""One embedded AWS for all end-to-end tests, used as a user does: through `definitions.py`."""

import pytest

from tests.end_to_end.command_line import CommandLine


@pytest.fixture(scope="session")
def command_line(tmp_path_factory):
    """A command line whose embedded AWS starts by itself and is stopped at the end."""
    command_line = CommandLine(tmp_path_factory.mktemp("local") / "state")
    yield command_line
    command_line.run("local", "stop")


@pytest.fixture(scope="session")
def demonstration(command_line):
    """The result of one `demo --json`, which several tests look at."""
    return command_line.json("demo")
