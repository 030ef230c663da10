"""Kept connections: used again, replaced when they were closed, given up in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from local.endpoints.connection import Pool, Unheard

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Listener:
    """A server that does as it is told with each connection, in turn."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        self.heard: list[bytes] = []

    def serve(self, *deeds: Callable[[socket.socket], None]) -> None:
        def run() -> None:
            for deed in deeds:
                client, _ = self.socket.accept()
                with client:
                    deed(client)

        threading.Thread(target=run, daemon=True).start()

    def answer(self, client: socket.socket) -> None:
        self.heard.append(client.recv(1 << 16))
        client.sendall(ANSWER)


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.socket.close()


def ask(pool: Pool, seconds: float = 10.0) -> bytes:
    return pool.exchange("GET /ping", {"A": "b\r\nC: d"}, b"", time.monotonic() + seconds).body


def test_a_connection_is_used_again(listener):
    def twice(client: socket.socket) -> None:
        listener.answer(client)
        listener.answer(client)

    listener.serve(twice)
    pool = Pool(listener.port, "secret")
    assert [ask(pool), ask(pool)] == [b"ok", b"ok"]


def test_a_request_is_one_head_with_the_secret_and_no_line_of_a_clients_own(listener):
    listener.serve(listener.answer)
    ask(Pool(listener.port, "secret"))
    lines = listener.heard[0].decode().split("\r\n")
    assert "X-Breedline-Secret: secret" in lines
    assert "A: b  C: d" in lines


def test_a_connection_that_was_closed_while_idle_is_replaced(listener):
    listener.serve(listener.answer, listener.answer)
    pool = Pool(listener.port, "secret")
    assert [ask(pool), ask(pool)] == [b"ok", b"ok"]


def test_a_fresh_connection_that_is_closed_is_not_tried_again(listener):
    listener.serve(lambda client: None, listener.answer)
    with pytest.raises(OSError):  # noqa: PT011 - closed or reset, as the system finds it
        ask(Pool(listener.port, "secret"))
    assert listener.heard == []


def test_an_answer_that_breaks_off_is_not_asked_for_again(listener):
    def broken(client: socket.socket) -> None:
        listener.answer(client)
        listener.heard.append(client.recv(1 << 16))
        client.sendall(ANSWER[:-1])

    listener.serve(broken, listener.answer)
    pool = Pool(listener.port, "secret")
    ask(pool)
    with pytest.raises(ConnectionResetError) as failed:
        ask(pool)
    assert not isinstance(failed.value, Unheard)
    assert len(listener.heard) == 2


def test_no_answer_in_time_is_a_time_out(listener):
    listener.serve(lambda client: [client.recv(100), threading.Event().wait(5)])  # type: ignore
    with pytest.raises(TimeoutError):
        ask(Pool(listener.port, "secret"), seconds=0.05)
