"""Compute each image's features once with the frozen backbone, and give all of them to every host.

Boundary: a network and this host's records in, one table of all features out. Every process
computes its share; rows already in the cache are read from there.
Run the tests: `pytest tests/steps/test_features.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from dataset import Record
from extractor import MIRRORED, Extractor
from feature_cache import PACK_ROWS, FeatureCache
from hosts import Group
from loading import Images, View, load
from sharding import Sharding
from stopping import Stopped, StopRequest


@dataclass(frozen=True)
class Table:
    """All images of a split. `features` float32 [N, V, F] (V views), `labels` int64 [N]."""

    features: Any
    labels: Any


@dataclass
class Share:
    """The rows that this process is answerable for, view by view and by image digest."""

    records: Sequence[Record]
    views: Sequence[str]
    caches: dict[str, FeatureCache]
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    new: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        digests = [record.digest for record in self.records]
        self.new = {view: {} for view in self.views}
        self.rows = {view: self.caches[view].load(digests) for view in self.views}

    def missing(self) -> list[Record]:
        """One record for each image that lacks a view."""
        seen: dict[str, Record] = {}
        for record in self.records:
            if any(self.lacks(record, view) for view in self.views):
                seen.setdefault(record.digest, record)
        return list(seen.values())

    def lacks(self, record: Record, view: str) -> bool:
        return record.digest not in self.rows[view]

    def add(self, view: str, digest: str, row: Any) -> None:
        self.rows[view][digest] = self.new[view][digest] = row

    def save(self) -> None:
        """Put the rows that are new since the last time into the cache."""
        for view in self.views:
            self.caches[view].save(self.new[view])
            self.new[view] = {}

    def stacked(self) -> Any:
        """[n, V, F] in the order of the records; an empty share has F = 0."""
        if not self.records:
            return None
        return torch.stack(
            [torch.stack([self.rows[v][r.digest] for v in self.views]) for r in self.records]
        )


def extract(
    extractor: Extractor,
    records: Sequence[Record],
    sharding: Sharding,
    views: Sequence[str],
    group: Group,
    stop: StopRequest,
) -> Table:
    """Features and labels of the whole split on every process.

    `records` are this host's, `views` are of ORIGINAL and MIRRORED. Raises Stopped on all
    processes, with what was computed kept in the cache, once any of them is asked to stop.
    """
    begin = time.perf_counter()
    mine = set(sharding.own(torch.arange(sharding.count)).tolist())
    own = [record for record in records if record.order in mine]
    caches = {view: FeatureCache(extractor.folder, view) for view in views}
    share = Share(own, views, caches)
    missing = share.missing()
    passes = sum(share.lacks(record, view) for record in missing for view in views)
    _compute(extractor, share, missing, group, stop)
    _report(group, len(own), passes, time.perf_counter() - begin)
    return _assemble(share, sharding.count, group)


def _compute(
    extractor: Extractor, share: Share, missing: list[Record], group: Group, stop: StopRequest
) -> None:
    """Fill the share, all processes in step, so that a stop is seen by all at the same time."""
    size = extractor.batch_size
    chunks = [missing[start : start + size] for start in range(0, len(missing), size)]
    turns = max(group.gather(len(chunks)))
    pixels = _pixels(extractor, chunks)
    try:
        for turn in range(turns):
            if group.any(stop.requested):
                raise Stopped
            if turn < len(chunks):
                _add(extractor, share, chunks[turn], next(pixels))
            if any(len(rows) >= PACK_ROWS for rows in share.new.values()):
                share.save()
    finally:
        share.save()


def _add(extractor: Extractor, share: Share, chunk: list[Record], pixels: Any) -> None:
    for view in share.views:
        # Prepare may have computed the original for its embedding, and never the mirror image.
        lacking = [place for place, record in enumerate(chunk) if share.lacks(record, view)]
        if lacking:
            wanted = pixels[lacking]
            rows = extractor(wanted.flip(3) if view == MIRRORED else wanted).cpu()
            for place, row in zip(lacking, rows, strict=True):
                # A copy: a slice would keep, and save, the whole batch with each row.
                share.add(view, chunk[place].digest, row.clone())


def _pixels(extractor: Extractor, chunks: Sequence[Sequence[Record]]) -> Iterator[Any]:
    held = {record.order: record for chunk in chunks for record in chunk}
    images = Images(held, extractor.preprocessing, seed=0)
    views = [[View(record.order) for record in chunk] for chunk in chunks]
    return load(images, views, extractor.device)


def _report(group: Group, images: int, passes: int, seconds: float) -> None:
    rate = f", {passes / seconds:.1f} forward passes/s" if passes else ""
    print(
        f"INFO features on {group.name}: {images} images, {passes} forward passes for what the "
        f"cache lacked, {seconds:.2f} s{rate}",
        file=sys.stderr,
        flush=True,
    )


def _assemble(share: Share, count: int, group: Group) -> Table:
    """Exchange the shares; the table is in the order of the whole split."""
    orders = torch.tensor([record.order for record in share.records], dtype=torch.int64)
    labels = torch.tensor([record.label for record in share.records], dtype=torch.int64)
    place = torch.cat(group.gather_rows(orders))
    own = share.stacked()
    shape, dtype = next(kind for kind in group.gather(_kind(own)) if kind is not None)
    if own is None:
        own = torch.empty((0, *shape), dtype=dtype)
    rows = torch.cat(group.gather_rows(own))
    features = torch.empty((count, *shape), dtype=torch.float32)
    features[place] = rows.float()
    everyones = torch.empty(count, dtype=torch.int64)
    everyones[place] = torch.cat(group.gather_rows(labels))
    return Table(features, everyones)


def _kind(rows: Any) -> Any:
    return None if rows is None else (tuple(rows.shape[1:]), rows.dtype)
