"""/opt/ml without a container: a mount namespace of the process's own, where the machine allows.

Never required: paths in commands, arguments and variables are rewritten as well, so only scripts
that name /opt/ml in their own text need it.
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from pathlib import Path

_MOUNTS = str(Path(__file__).parent / "inside" / "mounts.py")


def entering(root: Path, hosts_file: Path, command: list[str]) -> list[str]:
    """The command that runs `command` with `root` as its /opt/ml; itself where that cannot be."""
    if not available():
        return command
    return [sys.executable, "-I", "-S", _MOUNTS, str(root), str(hosts_file), *command]


@functools.cache
def available() -> bool:
    """Whether this machine lets a process have its own /opt/ml; tried once."""
    if sys.platform != "linux":
        return False
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "proof").touch()
        hosts_file = Path(folder) / "hosts"
        hosts_file.touch()
        command = [sys.executable, "-I", "-S", _MOUNTS, folder, str(hosts_file)]
        test = ["/bin/sh", "-c", "test -e /opt/ml/proof"]
        result = subprocess.run([*command, *test], capture_output=True, check=False)
        return result.returncode == 0
