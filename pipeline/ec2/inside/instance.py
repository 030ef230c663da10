"""Train on this machine: the program of an instance's user data.

    python3 instance.py task.json

Role: prepares the data, trains, evaluates, and registers the model if it passes the gate, each with
the script that the pipeline's step of that name runs. Boundary: the task and S3 in; the artifact,
the evaluation, the log and `outcome.json` out, the last however it ends. Exit status 0 when the
model is registered.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from instance_files import Files, FilesError
from instance_log import InstanceLog
from instance_notice import watch_notices
from instance_steps import Instance, StepFailed, train_and_register
from instance_stop import Interrupted, Stop


def main(path: Path) -> int:
    """Carry the task out and tell how it ended."""
    task: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    base = Path(os.environ.get("BREEDLINE_BASE", "/opt/ml"))
    log = InstanceLog(boto3.client("logs"), task["log"]["group"], task["log"]["stream"])
    files, stop = Files(boto3.client("s3")), Stop()
    signal.signal(signal.SIGTERM, lambda *_: stop.ask("The instance was told to stop."))
    watch_notices(stop)
    started = time.time()
    outcome = _carry_out(Instance(task, base, files, log, stop))
    document = {"name": task["name"], "started": started, "ended": time.time(), **outcome}
    log.say(f"INFO {outcome['status']}: {outcome['reason']}")
    log.close()
    files.put_text(f"{task['place']}/log.txt", log.text)
    files.put_text(f"{task['place']}/outcome.json", json.dumps(document, indent=2) + "\n")
    return 0 if outcome["status"] == "Succeeded" else 1


def _carry_out(instance: Instance) -> dict[str, Any]:
    """How it ended: {"status", "reason", …}; whatever goes wrong is told, nothing is raised."""
    try:
        return train_and_register(instance)
    except Interrupted as interruption:
        return {"status": "Interrupted", "reason": str(interruption)}
    except (StepFailed, FilesError) as failure:
        return {"status": "Failed", "reason": str(failure)}
    except Exception as error:  # noqa: BLE001 - nobody else is there to tell of it
        return {"status": "Failed", "reason": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
