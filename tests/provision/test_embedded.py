"""Everything at once, over HTTP, on the embedded AWS: no-ops, two at once, a restart."""

import threading

import boto3
import pytest

from local.connection import ensure_server, stop_server
from provision.apply import apply
from provision.change import Clients
from provision.plan import plan


@pytest.fixture
def folder(tmp_path):
    yield tmp_path / "state"
    stop_server(tmp_path / "state")


@pytest.fixture
def connect(folder, local):
    """Clients of the server, which is started when it does not run."""

    def connect_it():
        connection, _ = ensure_server(folder, local.aws.region)
        made = {}

        def make(service):
            if service not in made:
                session = boto3.session.Session()  # one a thread: the default one is not safe
                made[service] = session.client(service, **connection.client_options())
            return made[service]

        return Clients(make)

    return connect_it


def changes(planned):
    return [str(change) for change in planned.changes if change.kind != "no-op"]


def test_a_second_upsert_is_empty_also_after_a_restart(connect, folder, local, described):
    clients, documents = connect(), described()
    results = apply(plan(clients, local, documents), clients)
    assert {result.change.kind for result in results} == {"create"}
    assert changes(plan(clients, local, documents)) == []
    stop_server(folder)
    assert changes(plan(connect(), local, documents)) == []


def test_two_upserts_at_once_make_one_set_of_resources(connect, local, described):
    documents = described()
    both = [connect(), connect()]
    planned = [plan(clients, local, documents) for clients in both]
    together, failures = threading.Barrier(len(both)), []

    def upsert(clients, made):
        together.wait()
        try:
            apply(made, clients)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [
        threading.Thread(target=upsert, args=pair) for pair in zip(both, planned, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert changes(plan(both[0], local, documents)) == []
