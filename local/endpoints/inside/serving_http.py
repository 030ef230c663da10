"""The HTTP side of a model server: one thread that reads requests, so that pings never wait.

HTTP/1.1 on one loopback socket, connections kept open, bodies by Content-Length. `requests` hands
complete invocations to the thread that runs the handlers, which answers them itself.
"""

import hmac
import queue
import selectors
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

LARGEST_HEAD = 1 << 16  # bytes
LARGEST_BODY = (1 << 30) + (1 << 20)  # bytes; asynchronous inference takes 1 GB
CHUNK = 1 << 18  # bytes read at once
SECRET_HEADER = "x-breedline-secret"  # noqa: S105 - the header's name

PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Answer:
    """What a client is told."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    phrase: str = ""

    def head(self) -> bytes:
        phrase = self.phrase or PHRASES.get(self.status, "")
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"Content-Length: {len(self.body)}")
        plain = [line.replace("\r", " ").replace("\n", " ") for line in lines]
        return "\r\n".join([*plain, "", ""]).encode("latin-1", errors="replace")


class Refused(Exception):
    """A request that cannot be read on; the connection ends with this status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Request:
    """One request; `headers` has lower-case names, `names` those that the model may see."""

    def __init__(self, connection: "Connection", head: bytes) -> None:
        self.connection = connection
        first, *lines = head.decode("latin-1").split("\r\n")
        try:
            self.method, self.path, _ = first.split(" ")
        except ValueError:
            raise Refused(400) from None
        self.headers: dict[str, str] = {}
        self.names: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.lower()] = value.strip()
            if name.lower() != SECRET_HEADER:
                self.names[name] = value.strip()
        self.body = bytearray(self._length())
        self.filled = 0

    def _length(self) -> int:
        text = self.headers.get("content-length", "")
        if not text and (self.method == "POST" or "transfer-encoding" in self.headers):
            raise Refused(411)
        if not (text or "0").isdecimal():
            raise Refused(400)
        if int(text or "0") > LARGEST_BODY:
            raise Refused(413)
        return int(text or "0")


class Connection:
    """One client: the reading thread reads, the thread that has its request answers it."""

    def __init__(self, client: socket.socket, secret: str) -> None:
        self.socket = client
        self._secret = secret.encode()
        self._head = bytearray()
        self._coming: Request | None = None
        self._lock = threading.Lock()
        self._unanswered = 0
        self.gone = False  # nobody hears an answer any more

    def receive(self) -> Request | None:
        """Read what is there; a request when it is whole. Raises Refused, or OSError at the end."""
        if self._coming is None:
            self._receive_head()
        else:
            self._receive_body(self._coming)
        coming = self._coming
        if coming is None or coming.filled < len(coming.body):
            return None
        self._coming = None
        with self._lock:
            self._unanswered += 1
        return coming

    def _receive_head(self) -> None:
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise ConnectionResetError
        self._head += chunk
        ends = self._head.find(b"\r\n\r\n")
        if (len(self._head) if ends < 0 else ends) > LARGEST_HEAD:
            raise Refused(413)
        if ends >= 0:
            self._coming = self._begun(bytes(self._head[:ends]), self._head[ends + 4 :])
            self._head.clear()

    def _begun(self, head: bytes, rest: bytearray) -> Request:
        request = Request(self, head)
        told = request.headers.get(SECRET_HEADER, "").encode()
        if not hmac.compare_digest(told, self._secret):
            raise Refused(403)
        if len(rest) > len(request.body):
            raise Refused(400)
        request.body[: len(rest)] = rest
        request.filled = len(rest)
        return request

    def _receive_body(self, request: Request) -> None:
        with memoryview(request.body) as view, view[request.filled :] as left:
            count = self.socket.recv_into(left, min(len(left), CHUNK))
        if not count:
            raise ConnectionResetError
        request.filled += count

    def answer(self, answer: Answer) -> None:
        """Send a whole answer; a client that has gone is fine."""
        with self._lock:
            if not self.gone:
                self._send(answer)
            self._unanswered -= 1
            self._close_when_done()

    def refuse(self, status: int) -> None:
        """Send the last answer of a connection whose request could not be read."""
        with self._lock:
            self._send(Answer(status))
            self.gone = True
            self._close_when_done()

    def leave(self) -> None:
        """The client has gone."""
        with self._lock:
            self.gone = True
            self._close_when_done()

    def _send(self, answer: Answer) -> None:
        head = answer.head()
        try:
            if len(answer.body) < CHUNK:
                self.socket.sendall(head + answer.body)
            else:
                self.socket.sendall(head)
                self.socket.sendall(answer.body)
        except OSError:
            self.gone = True

    def _close_when_done(self) -> None:
        if self.gone and not self._unanswered:
            self.socket.close()


class Server:
    """Listens on one socket; the thread that reads is started by `start`."""

    def __init__(self, listener: socket.socket, secret: str) -> None:
        self._listener = listener
        self._secret = secret
        self._requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self.healthy = False  # what a ping is told

    def start(self) -> None:
        threading.Thread(target=self._read, name="serving-http", daemon=True).start()

    def stop(self) -> None:
        """Let `requests` end after those that have come; safe in a signal handler."""
        self._requests.put(None)

    def requests(self) -> Iterator[Request]:
        """The invocations whose clients still wait, in the order in which they came."""
        while request := self._requests.get():
            if request.connection.gone:
                request.connection.answer(Answer(503))
            else:
                yield request

    def _read(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._accept()
                else:
                    self._receive(key.data)

    def _accept(self) -> None:
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # it has given up already
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client, self._secret)
        self._selector.register(client, selectors.EVENT_READ, connection)

    def _receive(self, connection: Connection) -> None:
        try:
            request = connection.receive()
        except Refused as refused:
            self._selector.unregister(connection.socket)
            connection.refuse(refused.status)
        except OSError:
            self._selector.unregister(connection.socket)
            connection.leave()
        else:
            if request:
                self._take(request)

    def _take(self, request: Request) -> None:
        if request.path == "/ping":
            request.connection.answer(Answer(200 if self.healthy else 503))
        elif request.path != "/invocations":
            request.connection.answer(Answer(404))
        elif request.method != "POST":
            request.connection.answer(Answer(405))
        else:
            self._requests.put(request)
