"""Train an image classifier: the script of SageMaker's training and tuning jobs.

Role: the entry point of one host, for one host or many, CPU or GPU. Boundary: hyperparameters on
the command line, SageMaker's variables in the environment, channels in folders; metrics on stdout,
progress on stderr, the model in SM_MODEL_DIR. SIGTERM saves and exits with 0.

    SM_CHANNEL_TRAIN=photos/train SM_CHANNEL_VALIDATION=photos/validation SM_MODEL_DIR=model \\
        SM_CHECKPOINT_DIR=checkpoints python3 train.py --epochs 30 --learning_rate 0.001
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence

from failure import report_failure
from hyperparameters import Job, SettingsProblem, output_folder, read_job
from stopping import Stopped, StopRequest


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the job; the exit status: 0 done or stopped, 1 with one sentence in `failure`."""
    # Read when torch is loaded. Threads that spin while they wait for each other cost several
    # times the work where hosts, or a host and its decoders, share cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    stop = StopRequest()
    stop.listen()
    try:
        job = read_job(arguments, environment)
    except SettingsProblem as problem:
        report_failure(str(problem), output_folder(environment))
        return 1
    return _run(job, stop)


def _run(job: Job, stop: StopRequest) -> int:
    # torch takes seconds to import: a wrong hyperparameter is told before, and a stop request
    # that comes meanwhile is already heard.
    import hosts
    from dataset import DatasetError
    from fitting import FitError
    from loading import LoadingError
    from network import NetworkError
    from sharding import ShardingError
    from training import train

    expected = (
        DatasetError,
        FitError,
        LoadingError,
        NetworkError,
        ShardingError,
        hosts.HostsError,
        OSError,
    )
    try:
        hosts.run(job.placement, stop, functools.partial(train, job))
    except Stopped:
        print("INFO stopped as asked", file=sys.stderr, flush=True)
    except expected as error:
        report_failure(" ".join(str(error).split()), job.folders.output)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
