"""Groups of processes: sums, exchanges, and what is said when one does not come."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import multiprocessing
import socket
import sys
import threading

import hosts
import processes
import pytest
import torch
from hosts import Group, HostsError
from hyperparameters import Placement
from stopping import Stopped, StopRequest

PAIR = Placement(("algo-1", "algo-2"), "algo-1", 0, "127.0.0.1", 0, timeout=1)


# What the processes do: a module, because a process that is spawned imports its work by name.
WORK = """
import torch
from pathlib import Path


def exchange(folder, group, stop):
    assert group.sum(torch.tensor([float(group.rank)])).item() == 6
    rows = torch.full((group.rank, 3), float(group.rank), dtype=torch.bfloat16)
    received = group.gather_rows(rows)
    assert [len(part) for part in received] == [0, 1, 2, 3]
    assert received[3].dtype == torch.bfloat16
    assert received[3].float().unique().tolist() == [3.0]
    assert group.share(group.rank) == 0
    assert group.gather(group.rank) == [0, 1, 2, 3]
    assert group.any(group.rank == 2) and not group.any(False)
    Path(folder, f"{group.rank} of {group.world}").touch()


def fail(group, stop):
    if group.rank == 1:
        raise ValueError("from process 1")
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "group_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(folder))
    module = importlib.import_module("group_work")
    yield module
    del sys.modules["group_work"]


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_one_process_needs_no_group():
    seen = []
    hosts.run(Placement(), StopRequest(), lambda group, stop: seen.append(group))
    (group,) = seen
    assert (group.rank, group.world) == (0, 1)
    assert group.sum(torch.tensor([1.5])).item() == 1.5
    assert group.gather("value") == ["value"]
    assert group.share("value") == "value"
    assert [rows.tolist() for rows in group.gather_rows(torch.tensor([[1], [2]]))] == [[[1], [2]]]
    assert group.any(True)
    assert not group.any(False)


def test_several_processes_of_a_host_and_of_two_hosts_form_one_group(port, tmp_path, work):
    done = tmp_path / "done"
    done.mkdir()
    # As on two hosts with two GPUs each, but on the CPU.
    threads = []
    for name in PAIR.hosts:
        placement = dataclasses.replace(PAIR, current=name, port=port, timeout=60)
        exchange = functools.partial(work.exchange, str(tmp_path / "done"))
        arguments = (2, placement, StopRequest(), exchange)
        threads.append(threading.Thread(target=processes.run_each, args=arguments))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(path.name for path in done.iterdir()) == ["0 of 4", "1 of 4", "2 of 4", "3 of 4"]


def test_a_missing_host_is_named(port):
    placement = dataclasses.replace(PAIR, port=port)
    with pytest.raises(HostsError, match=r"^algo-2 did not come to 127\.0\.0\.1:\d+ within 1 s"):
        hosts.run(placement, StopRequest(), lambda group, stop: None)


def test_a_missing_first_host_is_named(port):
    placement = dataclasses.replace(PAIR, current="algo-2", port=port)
    with pytest.raises(HostsError, match="^algo-1 did not answer algo-2 at 127"):
        hosts.run(placement, StopRequest(), lambda group, stop: None)


def test_a_taken_port_is_named(monkeypatch):
    monkeypatch.setattr("hosts._BIND_SECONDS", 0.2)
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        placement = dataclasses.replace(PAIR, port=taken.getsockname()[1])
        with pytest.raises(HostsError, match="cannot listen on port .* set MASTER_PORT"):
            hosts.run(placement, StopRequest(), lambda group, stop: None)


def test_a_stop_request_ends_the_waiting_for_other_hosts(port):
    placement = dataclasses.replace(PAIR, port=port, timeout=60)
    stop = StopRequest()
    stop.requested = True
    with pytest.raises(Stopped):
        hosts.run(placement, stop, lambda group, stop: None)


def test_an_error_of_the_work_itself_is_not_taken_for_a_lost_host():
    group = Group(0, 2, torch.device("cpu"), "algo-1, process 0")
    with pytest.raises(RuntimeError, match="shapes"), group.contact():
        raise RuntimeError("shapes cannot be multiplied")
    with pytest.raises(HostsError, match="^algo-1, process 0 lost contact"), group.contact():
        raise RuntimeError("Connection closed by peer [127.0.0.1]:1234")


def test_the_first_failure_of_a_process_is_raised_by_its_host(port, work):
    placement = dataclasses.replace(PAIR, hosts=("algo-1",), port=port, timeout=60)
    with pytest.raises(ValueError, match="from process 1"):
        processes.run_each(2, placement, StopRequest(), work.fail)
    assert not multiprocessing.active_children()
