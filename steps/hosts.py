"""Join the processes of all hosts into one group, and compute sums over them.

Boundary: SageMaker's placement in, a Group out; knows nothing of images or networks. One process
takes the same path with no group at all. CPU hosts run one process each, in place; hosts with
several GPUs start one process for each.
Run the tests: `pytest tests/steps/test_hosts.py`.
"""

from __future__ import annotations

import datetime
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from hyperparameters import Placement
from stopping import Stopped, StopRequest

_POLL_SECONDS = 0.1
_BIND_SECONDS = 15.0
_COLLECTIVE_TIMEOUT = datetime.timedelta(minutes=15)


class HostsError(Exception):
    """The hosts cannot work together; one sentence naming the host and the way out."""


class Group:
    """The processes that train together; `rank` 0 is the only one that writes."""

    def __init__(self, rank: int = 0, world: int = 1, device: Any = None, name: str = "") -> None:
        self.rank = rank
        self.world = world
        self.device = device if device is not None else torch.device("cpu")
        self.name = name

    def sum(self, values: Any) -> Any:
        """Add up a tensor over all processes, in place; the result is the same on each."""
        if self.world > 1:
            with self.contact():
                dist.all_reduce(values)
        return values

    def any(self, flag: bool) -> bool:
        """True on every process when it is true on one."""
        return bool(self.sum(torch.tensor(int(flag))).item())

    def gather(self, value: Any) -> list[Any]:
        """Every process's `value` (a picklable object), in the order of ranks."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        with self.contact():
            dist.all_gather_object(values, value)
        return values

    def share(self, value: Any) -> Any:
        """Rank 0's `value` (a picklable object) on every process."""
        if self.world == 1:
            return value
        values = [value if self.rank == 0 else None]
        with self.contact():
            dist.broadcast_object_list(values, src=0)
        return values[0]

    def gather_rows(self, rows: Any) -> list[Any]:
        """Every process's `rows` (CPU tensor [n, …], n may differ), in the order of ranks."""
        if self.world == 1:
            return [rows]
        counts = self.gather(len(rows))
        # As bytes: not every version of gloo moves bfloat16.
        width = rows[:1].numel() * rows.element_size() if len(rows) else 0
        width = max(self.gather(width))
        padded = torch.zeros(max(counts) * width, dtype=torch.uint8)
        flat = rows.contiguous().view(-1).view(torch.uint8)
        padded[: len(flat)] = flat
        received = [torch.empty_like(padded) for _ in counts]
        with self.contact():
            dist.all_gather(received, padded)
        shape = rows.shape[1:]
        return [
            data[: count * width].view(rows.dtype).view(count, *shape)
            for data, count in zip(received, counts, strict=True)
        ]

    @contextmanager
    def contact(self) -> Iterator[None]:
        """Turn the loss of another process inside the block into a HostsError."""
        try:
            yield
        except RuntimeError as error:
            if self.world == 1 or not _is_lost_contact(error):
                raise
            raise HostsError(
                f"{self.name} lost contact with the other processes; the log of the host that "
                "ended first says why."
            ) from error


def run(
    placement: Placement, stop: StopRequest, work: Callable[[Group, StopRequest], None]
) -> None:
    """Do `work` in this host's process, or in one process for each of its GPUs.

    `work` must be picklable when a host has several GPUs. Raises what `work` raises.
    """
    processes = placement.gpus if torch.cuda.is_available() and placement.gpus > 1 else 1
    if processes == 1:
        with joined(placement, 0, 1, stop) as group:
            work(group, stop)
    else:
        from processes import run_each  # only hosts with several GPUs start processes

        run_each(processes, placement, stop, work)


@contextmanager
def joined(
    placement: Placement, local_rank: int, processes: int, stop: StopRequest
) -> Iterator[Group]:
    """The group this process belongs to, left again at the end of the block."""
    world = len(placement.hosts) * processes
    rank = placement.hosts.index(placement.current) * processes + local_rank
    device = _device(placement, local_rank)
    group = Group(rank, world, device, f"{placement.current}, process {local_rank}")
    if world == 1:
        yield group
        return
    store = _meet(placement, rank, processes, stop)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    with group.contact():
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=world, timeout=_COLLECTIVE_TIMEOUT
        )
    try:
        yield group
        # Rank 0 holds the meeting point: the others must be done with it before it goes.
        group.any(False)
    finally:
        dist.destroy_process_group()


def _device(placement: Placement, local_rank: int) -> Any:
    if placement.gpus > 0 and torch.cuda.is_available():
        torch.cuda.set_device(local_rank)
        return torch.device("cuda", local_rank)
    return torch.device("cpu")


def _meet(placement: Placement, rank: int, processes: int, stop: StopRequest) -> Any:
    """Wait until all processes reached the first host; the store they met at."""
    _choose_interface(placement)
    deadline = time.monotonic() + placement.timeout
    open_store = _serve if rank == 0 else _reach
    store = open_store(placement, deadline, stop)
    store.set(f"arrived/{rank}", placement.current)
    missing = set(range(len(placement.hosts) * processes))
    while missing:
        with _meeting_lost(placement):
            missing = {other for other in missing if not store.check([f"arrived/{other}"])}
        if missing and time.monotonic() > deadline:
            names = ", ".join(sorted({placement.hosts[other // processes] for other in missing}))
            raise HostsError(
                f"{names} did not come to {placement.address}:{placement.port} within "
                f"{placement.timeout:g} s; see the log of {names} and that the hosts may reach "
                "each other on all ports."
            )
        _pause(stop)
    return store


def _serve(placement: Placement, deadline: float, stop: StopRequest) -> Any:
    """Open the meeting point; a port still held by a process that just died is waited for."""
    patience = min(deadline, time.monotonic() + _BIND_SECONDS)
    while True:
        try:
            return dist.TCPStore(
                placement.address, placement.port, None, True, wait_for_workers=False
            )
        except RuntimeError as error:
            if time.monotonic() > patience:
                raise HostsError(
                    f"{placement.current} cannot listen on port {placement.port}; another process "
                    "uses it: set MASTER_PORT to a free one on every host."
                ) from error
        _pause(stop)


def _reach(placement: Placement, deadline: float, stop: StopRequest) -> Any:
    """Connect to the meeting point, however much later than this host the first one starts."""
    while True:
        try:
            with socket.create_connection((placement.address, placement.port), timeout=1):
                pass
            with _meeting_lost(placement):
                return dist.TCPStore(
                    placement.address, placement.port, None, False, wait_for_workers=False
                )
        except OSError as error:
            if time.monotonic() > deadline:
                raise HostsError(
                    f"{placement.hosts[0]} did not answer {placement.current} at "
                    f"{placement.address}:{placement.port} within {placement.timeout:g} s; see "
                    f"the log of {placement.hosts[0]}."
                ) from error
        _pause(stop)


@contextmanager
def _meeting_lost(placement: Placement) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise HostsError(
            f"{placement.hosts[0]} ended while {placement.current} waited for the other hosts; "
            f"see the log of {placement.hosts[0]}."
        ) from error


def _pause(stop: StopRequest) -> None:
    if stop.requested:
        raise Stopped
    time.sleep(_POLL_SECONDS)


def _choose_interface(placement: Placement) -> None:
    """Name the network interface, which the backends otherwise guess from the host's own name."""
    name = os.environ.get("SM_NETWORK_INTERFACE_NAME")
    if placement.address in ("127.0.0.1", "localhost"):
        name = "lo" if os.path.isdir("/sys/class/net/lo") else "lo0"  # noqa: PTH112
    if name:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", name)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", name)


def _is_lost_contact(error: RuntimeError) -> bool:
    text = str(error)
    signs = ("onnection", "peer", "imed out", "Socket", "socket", "NCCL", "gloo")
    return any(sign in text for sign in signs)
