"""Which other accounts there are: the servers whose state lies beneath the same folder."""

from __future__ import annotations

from pathlib import Path

from local.connection import (
    Connection,
    account_folder,
    account_folders,
    accounts_root,
    read_connection,
)
from local.iam.caller import Caller
from local.iam.calls import denied
from local.neighbours.messages import Answer, Message, send, stopped


class Neighbours:
    """The neighbours of one account. Who runs is looked up each time: they come and go."""

    def __init__(self, folder: Path, account: str) -> None:
        self._folder, self._account = folder, account
        self._root = accounts_root(folder, account)

    def running(self) -> list[Connection]:
        """Those that have said where they listen."""
        others = (each for each in account_folders(self._root) if each != self._folder)
        return [found for each in others if (found := read_connection(each))]

    def find(self, account: str) -> Connection | None:
        """The server of an account; None where this machine has no such account.

        Raises ApiError, ServiceUnavailable, when it does not run now.
        """
        folder = account_folder(self._root, account)
        if folder == self._folder or not folder.is_dir():
            return None
        found = read_connection(folder)
        if found is None:
            raise stopped(account)
        return found

    def ask(self, neighbour: Connection, who: Caller, message: Message) -> Answer:
        """A neighbour's answer to somebody of this account. Raises ApiError."""
        if who.account != self._account:  # a name that this account cannot vouch for
            raise denied(f"{who.role} is no role of the account {self._account}, which asks.")
        return send(neighbour, who, message)
