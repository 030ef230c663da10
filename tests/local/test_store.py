"""The store keeps documents through a crash, changes them whole, and wakes who waits."""

import threading

import pytest

from local.store import DocumentExists, NoSuchDocument, Store, public


def test_a_document_survives_a_killed_server(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("TrainingJob", "first", {"TrainingJobStatus": "InProgress", "at": 1.5})
    store.set("TrainingJob", "first", TrainingJobStatus="Completed")
    reopened = Store(tmp_path / "state.sqlite")  # without closing: as after kill -9
    assert reopened.get("TrainingJob", "first") == {"TrainingJobStatus": "Completed", "at": 1.5}


def test_a_name_is_taken_once(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("Model", "a", {})
    with pytest.raises(DocumentExists):
        store.create("Model", "a", {})


def test_a_change_that_raises_leaves_the_document_as_it_was(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("Model", "a", {"n": 1})

    def fail_halfway(document):
        document["n"] = 2
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.update("Model", "a", fail_halfway)
    assert store.get("Model", "a") == {"n": 1}
    assert Store(tmp_path / "state.sqlite").get("Model", "a") == {"n": 1}


def test_what_is_handed_out_is_a_copy(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("Model", "a", {"list": [1]})
    store.get("Model", "a")["list"].append(2)
    assert store.get("Model", "a") == {"list": [1]}


def test_listing_keeps_the_order_of_creation_also_after_reopening(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    for name in ("c", "a", "b"):
        store.create("Model", name, {"name": name})
    store.delete("Model", "a")
    for opened in (store, Store(tmp_path / "state.sqlite")):
        assert [d["name"] for d in opened.list("Model")] == ["c", "b"]


def test_waiting_ends_when_another_thread_changes_the_document(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("Job", "j", {"status": "InProgress"})
    worker = threading.Timer(0.05, lambda: store.set("Job", "j", status="Completed"))
    worker.start()
    document = store.wait("Job", "j", lambda d: d["status"] == "Completed", timeout=10)
    assert document["status"] == "Completed"


def test_waiting_for_too_long_or_for_nothing_raises(tmp_path):
    store = Store(tmp_path / "state.sqlite")
    store.create("Job", "j", {"status": "InProgress"})
    with pytest.raises(TimeoutError):
        store.wait("Job", "j", lambda d: False, timeout=0.05)
    with pytest.raises(NoSuchDocument):
        store.wait("Job", "missing", lambda d: True)


def test_private_keys_are_not_for_clients():
    assert public({"Name": "a", "_pid": 7}) == {"Name": "a"}
