"""A job forked from the warm process cannot tell itself from one that was started plainly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.jobs.launcher import HostCommand, Launcher, PlainLauncher, Process, Reaper
from local.jobs.layout import base_environment
from local.jobs.warm import WarmLauncher, WarmProcess, usable

pytestmark = pytest.mark.skipif(not usable(), reason="needs Linux with pidfds, and torch")

MENTION = "if False:\n    import torch\n"  # enough to be forked; the plain run stays quick

SCRIPTS = {
    "its surroundings": """
import os, sys
print(sys.argv, os.getcwd(), __name__, __file__, sys.path, sys.flags, sys.stdin.read())
print(sorted(os.environ.items()), sys.stdout.encoding, sys.stdout.line_buffering)
print(os.getpgid(0) == os.getsid(0) == os.getpid())
print(sys.modules["__main__"].__file__, __spec__, sorted(vars(sys.modules["__main__"])))
""",
    "an exception": "def f():\n    raise ValueError('x')\nf()",
    "a chained exception": "try:\n    1 / 0\nexcept Exception as e:\n    raise KeyError() from e",
    "a syntax error": "def f(:\n    pass",
    "an exit code": "import sys; sys.exit(3)",
    "a negative exit code": "import sys; sys.exit(-1)",
    "a message": "import sys; sys.exit('no images')",
    "an interrupt": "raise KeyboardInterrupt",
    "SIGKILL": "import os; os.kill(os.getpid(), 9)",
    "SIGTERM": "import os; os.kill(os.getpid(), 15)",
    "abort": "import os; os.abort()",
    "exit functions and threads": """
import atexit, threading, time
atexit.register(print, "bye")
threading.Thread(target=lambda: (time.sleep(0.2), print("thread"))).start()
""",
    "a file left open": "import atexit; f = open('left.txt', 'w'); f.write('kept')",
    "its own excepthook": "import sys; sys.excepthook = lambda *a: print('hook', a[0]); 1 / 0",
}


@pytest.fixture(scope="module")
def launchers() -> tuple[Launcher, Launcher]:
    reaper = Reaper()
    plain = PlainLauncher(reaper)
    return plain, WarmLauncher(plain, reaper)


@pytest.fixture
def command(tmp_path: Path) -> HostCommand:
    (tmp_path / "hosts").touch()
    environment = {**base_environment(1), "PYTHONPATH": str(tmp_path), "MINE": "yes"}
    words = ["python3", "train.py", "--epochs", "3"]
    return HostCommand("algo-1", words, environment, tmp_path, tmp_path, tmp_path / "hosts")


def write(command: HostCommand, script: str) -> None:
    (command.folder / "train.py").write_text(MENTION + script)


def run(launcher: Launcher, command: HostCommand) -> tuple[Process, Any]:
    process = launcher.start(command)
    code = process.wait()
    with process.stdout, process.stderr:
        return process, (code, process.stdout.read(), process.stderr.read())


@pytest.mark.parametrize("what", SCRIPTS)
def test_a_forked_script_shows_the_same(launchers, command, what):
    write(command, SCRIPTS[what])
    plain, warm = launchers
    _, expected = run(plain, command)
    left = {path.name: path.read_bytes() for path in command.folder.glob("left.txt")}
    process, shown = run(warm, command)
    assert isinstance(process, WarmProcess)
    assert shown == expected
    assert left == {path.name: path.read_bytes() for path in command.folder.glob("left.txt")}


def test_forks_do_not_share_their_randomness(launchers, command):
    write(
        command,
        "import random, numpy, torch; print(random.random(), numpy.random.rand(), torch.rand(1))",
    )
    outputs = [run(launchers[1], command)[1][1] for _ in range(2)]
    assert all(a != b for a, b in zip(*(o.split() for o in outputs), strict=True))


def test_torch_is_there_already_with_the_threads_of_the_job(launchers, command):
    write(
        command,
        "import sys; print('torch' in sys.modules)\nimport torch; print(torch.get_num_threads())",
    )
    assert run(launchers[1], command)[1] == (0, b"True\n1\n", b"")


def test_lines_arrive_while_the_script_runs(launchers, command):
    write(command, "import time; print('now'); time.sleep(60)")
    process = launchers[1].start(command)
    assert process.stdout.readline() == b"now\n"
    process.signal(15)
    assert process.wait() == -15
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("variable", ["PYTHONHASHSEED", "TORCH_LOGS", "KMP_AFFINITY"])
def test_variables_that_are_read_at_the_start_need_a_plain_start(launchers, command, variable):
    write(command, "import os; print(len(os.environ))")
    environment = {**command.environment, variable: "0"}
    changed = HostCommand(**{**vars(command), "environment": environment})
    assert not isinstance(run(launchers[1], changed)[0], WarmProcess)


def test_a_module_named_like_one_of_torchs_needs_a_plain_start(launchers, command):
    write(command, "import statistics; print(statistics.own)")
    (command.folder / "statistics.py").write_text("own = 'mine'")
    process, (code, stdout, _) = run(launchers[1], command)
    assert (code, stdout) == (0, b"mine\n")
    assert not isinstance(process, WarmProcess)


def test_a_script_without_torch_is_started_plainly(launchers, command):
    (command.folder / "train.py").write_text("print('quick')")
    assert not isinstance(run(launchers[1], command)[0], WarmProcess)
