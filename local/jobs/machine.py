"""What this machine has for jobs: its GPUs, free ports."""

from __future__ import annotations

import functools
import re
import socket
import subprocess

_GPU_FAMILY = re.compile(r"ml\.(p|g)\d")


@functools.cache
def machine_gpus() -> int:
    """GPUs that nvidia-smi lists; 0 where there is no such program."""
    try:
        result = subprocess.run(
            ["nvidia-smi", "--list-gpus"], capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in result.stdout.splitlines())


def host_gpus(instance_type: str, hosts: int) -> int:
    """GPUs for one of `hosts`: a fair part of this machine's, none for a CPU instance type."""
    return machine_gpus() // max(1, hosts) if _GPU_FAMILY.match(instance_type) else 0


def gpu_variables(instance_type: str, hosts: int, rank: int) -> dict[str, str]:
    """CUDA_VISIBLE_DEVICES so that a host sees its own GPUs only; nothing without GPUs here."""
    if not machine_gpus():
        return {}
    each = host_gpus(instance_type, hosts)
    devices = range(rank * each, (rank + 1) * each)
    return {"CUDA_VISIBLE_DEVICES": ",".join(map(str, devices))}


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
