"""The vocabulary of checks: what they are given, and what they find."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from provision.change import Clients
from settings import Settings

Level = Literal["fault", "warning", "unchecked"]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """What is looked at: an account through its clients, and what is to be made there.

    `roles` are the documents of all actors: {trust, policy}. `data_uri` is where the next execution
    reads. `today` decides about dates. `refusal` is why there is no pipeline, where it does not
    compile. `commands` are those that the caller is asked about; without any, the next ones.
    """

    clients: Clients
    settings: Settings
    pipeline: Document
    machines: Mapping[str, Document]
    roles: Mapping[str, Document]
    data_uri: str
    today: date
    refusal: str = ""
    commands: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing found: a fault fails, a warning will not, and `unchecked` is what nobody knows.

    `policy` is a document that can be pasted, where permissions are missing.
    """

    level: Level
    about: str
    problem: str
    remedy: str
    policy: Document = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The finding for `--json`."""
        found = {
            "level": self.level,
            "about": self.about,
            "problem": self.problem,
            "remedy": self.remedy,
        }
        return {**found, "policy": self.policy} if self.policy else found


Check = Callable[[Subject], Iterator[Finding]]
