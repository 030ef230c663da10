"""Whether the next execution finds a data set that Prepare would take.

By the names of the objects alone, in the layouts of docs/training.md: what is in the files, Prepare
finds out. A manifest is left to Prepare too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from provision.change import Clients
from provision.preflight.findings import Finding, Subject
from settings.workload import TABULAR

SPLITS = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}
MANIFESTS = (".manifest", ".jsonl")
MOST_PAGES = 200  # of a thousand objects; larger sets are judged by their beginning
NAMED = 5


@dataclass
class Layout:
    """What lies at a data location."""

    tops: set[str] = field(default_factory=set)
    manifests: set[str] = field(default_factory=set)
    files: int = 0
    is_whole: bool = True
    images: Counter[str] = field(default_factory=Counter)  # by class

    def add(self, relative: str) -> None:
        """Take note of a visible file."""
        parts = relative.split("/")
        if not parts[-1] or any(part.startswith(".") for part in parts):
            return
        self.files += 1
        if len(parts) == 1:
            if relative.endswith(MANIFESTS):
                self.manifests.add(relative)
            return
        self.tops.add(parts[0])
        inside = parts[1:] if parts[0].lower() in SPLITS else parts
        if len(inside) > 1:
            self.images[inside[0]] += 1

    @property
    def splits(self) -> list[str]:
        return sorted(top for top in self.tops if top.lower() in SPLITS)


def check_data(subject: Subject) -> Iterator[Finding]:
    """The location can be read, has the right shape, and enough of each class."""
    about = f"data {subject.data_uri}"
    try:
        layout = read_layout(subject.clients, subject.data_uri)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code == "NoSuchBucket":
            yield Finding("fault", about, "its bucket does not exist", _remedy())
            return
        problem = f"it cannot be read ({code})"
        yield Finding(
            "fault", about, problem, "let the caller list and read it, and the jobs' role"
        )
        return
    if not layout.files:
        yield Finding("fault", about, "it holds no files", _remedy())
        return
    if not layout.is_whole:
        problem = f"it has more than {layout.files} files; only the first were counted"
        yield Finding("unchecked", about, problem, "Prepare counts them all")
    if subject.settings.workload.kind != TABULAR and not layout.manifests:
        yield from _shape(about, layout)
        if layout.is_whole:
            yield from _few(about, layout, subject.settings.prepare.min_images_per_class)


def read_layout(clients: Clients, uri: str) -> Layout:
    """List what lies there; raises ClientError."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    prefix = f"{prefix.rstrip('/')}/" if prefix else ""
    layout = Layout()
    pages = clients("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for number, page in enumerate(pages):
        if number == MOST_PAGES:
            layout.is_whole = False
            break
        for item in page.get("Contents", []):
            layout.add(item["Key"].removeprefix(prefix))
    return layout


def _shape(about: str, layout: Layout) -> Iterator[Finding]:
    splits, others = layout.splits, sorted({*layout.tops} - {*layout.splits})
    if not layout.images:
        remedy = "put the images of each class into a folder that is named after it"
        yield Finding("fault", about, "it has no class folders", remedy)
    elif splits and others:
        problem = f"it mixes split folders ({', '.join(splits)}) with others ({others[0]})"
        yield Finding("fault", about, problem, "keep one kind at the top")
    elif splits and "train" not in {SPLITS[name.lower()] for name in splits}:
        problem = f"it has {', '.join(splits)} but no train folder"
        yield Finding("fault", about, problem, "add one")


def _few(about: str, layout: Layout, least: int) -> Iterator[Finding]:
    few = sorted(name for name, count in layout.images.items() if count < least)
    if few:
        more = f" and {len(few) - NAMED} more" if len(few) > NAMED else ""
        counts = ", ".join(f"{name} {layout.images[name]}" for name in few[:NAMED])
        problem = f"classes have fewer than {least} files: {counts}{more}"
        remedy = "add images, or lower prepare.min_images_per_class"
        yield Finding("fault", about, problem, remedy)


def _remedy() -> str:
    return "copy a data set there, or name another place: --data, or pipeline.data_uri"
