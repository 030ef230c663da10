"""The types of resources, each made, changed and deleted by its service's own API."""

from __future__ import annotations

from collections.abc import Mapping

from local.stacks.kinds import identity, network, notices, storage
from local.stacks.kinds.kind import Kind

KINDS: Mapping[str, Kind] = {
    **storage.KINDS,
    **identity.KINDS,
    **notices.KINDS,
    **network.KINDS,
}
