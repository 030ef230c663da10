"""A kept HTTP connection to a model server: whole requests out, whole answers in."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"
SECRET_HEADER = "X-Breedline-Secret"  # noqa: S105 - the header's name
CHUNK = 1 << 18  # bytes read at once; larger bodies are sent on their own


@dataclass(frozen=True)
class Response:
    """A status, lower-case headers and a body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Unheard(OSError):
    """The server has closed the connection before it answered anything."""


class Connection:
    """One connection; one thread at a time uses it. Whatever it raises, it is of no more use."""

    def __init__(self, port: int, secret: str, ends: float) -> None:
        self._secret = secret
        self._socket = socket.create_connection((HOST, port), timeout=_left(ends))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        self._socket.close()

    def exchange(
        self, start: str, headers: Mapping[str, str], body: bytes, ends: float
    ) -> Response:
        """Send `start` (`GET /ping`) and wait for the answer until `ends` (monotonic).

        Raises TimeoutError, Unheard, or another OSError.
        """
        try:
            self._send(self._head(start, headers, len(body)), body, ends)
        except (BrokenPipeError, ConnectionResetError) as error:
            raise Unheard(str(error)) from error
        return self._receive(ends)

    def _head(self, start: str, headers: Mapping[str, str], length: int) -> bytes:
        lines = [f"{start} HTTP/1.1", f"Host: {HOST}", f"{SECRET_HEADER}: {self._secret}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {length}")
        plain = [line.replace("\r", " ").replace("\n", " ") for line in lines]
        return "\r\n".join([*plain, "", ""]).encode("latin-1", errors="replace")

    def _send(self, head: bytes, body: bytes, ends: float) -> None:
        self._socket.settimeout(_left(ends))
        if len(body) < CHUNK:
            self._socket.sendall(head + body)
            return
        self._socket.sendall(head)
        self._socket.settimeout(_left(ends))
        self._socket.sendall(body)

    def _receive(self, ends: float) -> Response:
        got = bytearray()
        while (head_ends := got.find(b"\r\n\r\n")) < 0:
            got += self._read(ends, first=not got)
        first, *lines = got[:head_ends].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", "0"))
        body = got[head_ends + 4 :]
        while len(body) < length:
            body += self._read(ends)
        return Response(int(first.split(" ", 2)[1]), headers, bytes(body))

    def _read(self, ends: float, first: bool = False) -> bytes:
        self._socket.settimeout(_left(ends))
        try:
            chunk = self._socket.recv(CHUNK)
        except ConnectionResetError as error:
            raise (Unheard(str(error)) if first else error) from error
        if not chunk:
            raise (Unheard if first else ConnectionResetError)("the server has gone")
        return chunk


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class Pool:
    """The connections to one port: as many as are used at the same time, kept for the next."""

    def __init__(self, port: int, secret: str) -> None:
        self._port, self._secret = port, secret
        self._lock = threading.Lock()
        self._idle: list[Connection] = []
        self._closed = False
        self.in_use = 0  # exchanges that wait for their answers; counted by the pool's owner

    def exchange(
        self, start: str, headers: Mapping[str, str], body: bytes, ends: float
    ) -> Response:
        """One request and its answer; raises TimeoutError or another OSError."""
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        if kept:
            # Closed while it was idle: the server has not begun to answer, so asking again is safe.
            with suppress(Unheard):
                return self._use(kept, start, headers, body, ends)
        fresh = Connection(self._port, self._secret, ends)
        return self._use(fresh, start, headers, body, ends)

    def _use(
        self,
        connection: Connection,
        start: str,
        headers: Mapping[str, str],
        body: bytes,
        ends: float,
    ) -> Response:
        try:
            response = connection.exchange(start, headers, body, ends)
        except BaseException:
            connection.close()
            raise
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return response
        connection.close()
        return response

    def close(self) -> None:
        """Close what is idle, and what is in use once it has its answer."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
