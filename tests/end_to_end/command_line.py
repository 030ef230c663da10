"""`definitions.py` as a user calls it, with an embedded AWS in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import boto3

from local.connection import find_server

ROOT = Path(__file__).parents[2]


@dataclass
class CommandLine:
    """Runs `definitions.py` with its own state folder."""

    folder: Path
    more: Mapping[str, str] = field(default_factory=dict)  # variables of its environment

    @property
    def environment(self):
        own = {"BREEDLINE_LOCAL": str(self.folder), "BREEDLINE_ENV": "local"}
        return {**os.environ, **own, **self.more}

    def run(self, *arguments, timeout=280, cwd=ROOT):
        return subprocess.run(
            [sys.executable, str(ROOT / "definitions.py"), *arguments],
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self.environment,
            cwd=cwd,
        )

    def json(self, *arguments, code=0):
        done = self.run(*arguments, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    @property
    def connection(self):
        connection = find_server(self.folder)
        assert connection is not None, "the embedded AWS does not run"
        return connection

    def client(self, service):
        return boto3.client(service, **self.connection.client_options())
