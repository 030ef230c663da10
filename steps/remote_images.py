"""Fetch an image from an allowed https address, and from nowhere else.

Boundary: a URL and a list of allowed hosts in, bytes out. Serving code must not become a way into
the network it runs in: only listed host names, only https on port 443, only public addresses (the
one that was checked is the one connected to), no redirects, a limit on size and on time.
It is packed with the model artifact beside inference.py, and with the function in front of it.
Run the tests: `pytest tests/steps/test_inference.py`.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import time
from collections.abc import Collection
from urllib.parse import urlsplit

SECONDS = 5.0
"""Time for one fetch, after the look-up of the name and up to the last byte."""


class FetchError(Exception):
    """The URL is refused or did not answer; one sentence. `status` is the HTTP status to answer:
    403 for what must not be fetched, 413 for what is too large, 400 for the rest."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def fetch(url: str, allowed: Collection[str], limit: int, seconds: float | None = None) -> bytes:
    """The content of `url`, at most `limit` bytes, within `seconds` if those are fewer than ours.

    Raises FetchError.
    """
    host, path = _checked(url, allowed)
    address = public_address(host)
    patience = SECONDS if seconds is None else min(seconds, SECONDS)
    connection = _Connection(host, address, time.monotonic() + patience)
    try:
        connection.request("GET", path, headers={"Accept": "image/*"})
        return _body(connection, connection.getresponse(), host, limit)
    except (OSError, http.client.HTTPException) as error:
        raise FetchError(400, f"The image could not be fetched from {host}.") from error
    finally:
        connection.close()


def public_address(host: str) -> str:
    """An address of `host`. Raises FetchError when it has none, or one that is not public."""
    try:
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(400, f"The host {host} was not found.") from error
    addresses = [str(entry[4][0]) for entry in found]
    # All of them: one private address among public ones is how rebinding begins.
    if not addresses or not all(map(_is_public, addresses)):
        raise FetchError(403, f"The host {host} has no public address; it is not fetched.")
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        # IPv6 can carry an IPv4 address inside (mapped, 6to4, NAT64): none is needed here.
        inside = address.ipv4_mapped or address.sixtofour or address.teredo
        if inside or address in ipaddress.ip_network("64:ff9b::/96"):
            return False
    return address.is_global and not address.is_multicast


def _checked(url: str, allowed: Collection[str]) -> tuple[str, str]:
    """The host and the path with query of an allowed URL."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError as error:
        raise FetchError(400, "The URL cannot be read.") from error
    if parts.scheme != "https" or port not in (None, 443) or parts.username is not None:
        raise FetchError(403, "Only https addresses on port 443 without a user are fetched.")
    if host not in {name.strip().lower() for name in allowed}:
        raise FetchError(
            403, 'The URL\'s host is not allowed; send the image itself, as {"image": base64}.'
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(character <= " " or character == "\x7f" for character in path):
        raise FetchError(400, "The URL holds characters that must be percent-encoded.")
    return host, path


def _body(
    connection: _Connection, response: http.client.HTTPResponse, host: str, limit: int
) -> bytes:
    if response.status != 200:
        raise FetchError(
            400,
            f"{host} answered {response.status}; only 200 is taken, redirects are not followed.",
        )
    content = bytearray()
    # In pieces, so that a host that sends slowly cannot outlast the time limit.
    while block := response.read1(65_536):
        content += block
        if len(content) > limit:
            raise FetchError(413, f"The image at {host} is larger than {limit} bytes.")
        connection.check_time()
    return bytes(content)


class _Connection(http.client.HTTPSConnection):
    """Connects to the address that was checked, with the certificate of the host's name."""

    def __init__(self, host: str, address: str, deadline: float) -> None:
        super().__init__(host, 443, timeout=SECONDS, context=ssl.create_default_context())
        self._address = address
        self._deadline = deadline
        self._tls = ssl.create_default_context()

    def connect(self) -> None:
        plain = socket.create_connection((self._address, 443), timeout=self._left())
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)

    def check_time(self) -> None:
        """Give the next read the time that is left. Raises TimeoutError when there is none."""
        left = self._left()
        if self.sock is not None:
            self.sock.settimeout(left)

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for one fetch is over")
        return left
