"""Resources of this endpoint that the settings no longer describe, and so are to be deleted.

Only what holds nothing of its own is ever deleted: alarms and rules. A resource is ours when its
name begins as ours do and it carries our tags: a name alone proves nothing, since another endpoint
may be called `<ours>-two`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from provision.change import Change, only
from settings import Settings

REASON = "the settings no longer describe it"


def marks(settings: Settings) -> dict[str, str]:
    """The tags of what may be deleted again."""
    return {**settings.tags, "endpoint": settings.endpoint_name}


def plan_stale(
    resource: str,
    found: Iterable[str],
    described: Collection[str],
    tags_of: Callable[[str], Mapping[str, str]],
    settings: Settings,
) -> Iterator[Change]:
    """The deletion of those names of `found` that are not `described` and carry our tags."""
    ours = {
        key: value
        for key, value in marks(settings).items()
        if key in ("endpoint", "environment", "owner")  # further tags of the settings may change
    }
    for name in sorted({*found} - {*described}):
        if only(tags_of(name), ours) == ours:
            yield Change("delete", resource, name, REASON, name)
