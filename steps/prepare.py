"""The Prepare step: look at every image, leave out the bad ones, split, write manifests.

Role: a SageMaker processing job's script. Boundary: local folders in and out; S3 appears only
as the URI that the manifests refer to. Nothing is published unless everything succeeded.

    python3 prepare.py --input photos --source-uri s3://bucket/photos --output splits \\
        --statistics statistics

With --feature-group each kept image's record goes there as well, and with --embedding-backbone an
embedding in it. Where --input is a selection by query, its images are fetched from S3.

A file is rejected, with its reason, when it is no image, does not decode to its last pixel,
repeats another file's content, or carries two labels. Files whose names begin with a dot are
ignored. The job fails when more than --max-rejected-fraction of the files are rejected.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from arguments import fraction, positive, share
from catalogue import SPLITS, Catalogue, Image
from inspection import inspect_all
from manifests import write_channels, write_dataset, write_json, write_statistics
from records import FeatureGroup, RecordsError, Written, open_group, put_records
from selection import fetch_selected, find_selected, is_selection, read_about
from sources import SourceError, find_candidates
from staging import staged


class PrepareError(Exception):
    """The data set cannot be prepared; the message is one sentence with the way out."""


@dataclass(frozen=True)
class Options:
    """What the command line says; fractions lie between 0 and 1."""

    input: Path
    source_uri: str
    output: Path
    statistics: Path
    data_type: str
    validation_fraction: float
    test_fraction: float
    max_rejected_fraction: float
    min_images_per_class: int
    seed: int
    feature_group: str
    online_store: str
    embedding_backbone: str
    embedding_image_size: int
    embedding_weights: Path | None


@dataclass(frozen=True)
class Source:
    """Where the images are, as files and in S3; `selection` tells of the query they come from."""

    folder: Path
    uri: str
    selection: Mapping[str, Any] | None = None


def prepare(options: Options) -> None:
    """Run the whole step. Raises PrepareError or SourceError; then nothing was written."""
    with tempfile.TemporaryDirectory(prefix="prepare-") as scratch:
        catalogue = Catalogue(Path(scratch) / "catalogue.sqlite", options.seed)
        try:
            source = locate(options)
            fill(catalogue, source, options)
            catalogue.reject_repeats()
            check(catalogue, options)
            split(catalogue, options)
            publish(catalogue, source, options)
            print(summary(catalogue), flush=True)
        finally:
            catalogue.close()


def locate(options: Options) -> Source:
    """The images as they were downloaded; those of a selection are fetched now."""
    if not is_selection(options.input):
        return Source(options.input, options.source_uri)
    about = read_about(options.input, options.source_uri)
    folder = options.input / "images"
    fetch_selected(options.input, about["root"], folder)
    return Source(folder, about["root"], about)


def fill(catalogue: Catalogue, source: Source, options: Options) -> None:
    """Inspect every file that claims to be an image and record what was found."""
    find = find_selected if source.selection else find_candidates
    candidates = find(options.input, source.uri)
    for number, finding in enumerate(inspect_all(source.folder, candidates), 1):
        if catalogue.has(finding.candidate.relative):
            raise PrepareError(
                f"The manifest names {finding.candidate.relative} twice; delete one line."
            )
        catalogue.add(finding)
        if number % 1000 == 0:
            print(f"prepare: {number} files inspected", flush=True)


def check(catalogue: Catalogue, options: Options) -> None:
    """Refuse data that are too damaged or too few to learn from."""
    accepted = catalogue.class_counts()
    rejected = catalogue.rejected_counts()
    if not accepted:
        raise PrepareError(
            f"None of the {catalogue.total()} files in {options.source_uri} is a usable image: "
            f"{_rejections(catalogue, rejected)}."
        )
    part = sum(rejected.values()) / catalogue.total()
    if part > options.max_rejected_fraction:
        raise PrepareError(
            f"{sum(rejected.values())} of {catalogue.total()} files ({part:.1%}) were rejected, "
            f"more than max-rejected-fraction {options.max_rejected_fraction:g} allows: "
            f"{_rejections(catalogue, rejected)}; repair the data or raise the fraction."
        )
    _check_classes(catalogue, accepted, options)


def _rejections(catalogue: Catalogue, rejected: Mapping[str, int]) -> str:
    counts = ", ".join(f"{count} {reason}" for reason, count in rejected.items())
    first = next(catalogue.rejected(1))
    return f"{counts} (first {first['path']}: {first['message'].rstrip('.')})"


def _check_classes(catalogue: Catalogue, accepted: Mapping[str, int], options: Options) -> None:
    names = catalogue.class_names()
    if len(names) < 2:
        raise PrepareError(
            f"Only one class ({names[0]}) was found in {options.source_uri}; a classifier needs "
            "at least two class folders."
        )
    few = [n for n in names if accepted.get(n, 0) < options.min_images_per_class]
    if few:
        listed = ", ".join(f"{name} has {accepted.get(name, 0)}" for name in few[:5])
        more = f" and {len(few) - 5} more classes have too few" if len(few) > 5 else ""
        raise PrepareError(
            f"Each class needs at least {options.min_images_per_class} usable images, but "
            f"{listed}{more}; add images or leave the class out."
        )


def split(catalogue: Catalogue, options: Options) -> None:
    """Keep the splits that the data bring; carve the missing ones out of train, class by class."""
    given = catalogue.given_splits()
    fractions = {"test": options.test_fraction, "validation": options.validation_fraction}
    missing = {name: share for name, share in fractions.items() if name not in given}
    catalogue.start_split()
    untrained = sorted(set(catalogue.class_counts()) - set(catalogue.class_counts("train")))
    if untrained:
        raise PrepareError(
            f"The class {untrained[0]} has no usable image in train; add some or leave it out."
        )
    for name, count in catalogue.class_counts("train").items():
        catalogue.move_from_train(name, carve(count, missing))
    empty = [name for name in SPLITS if not catalogue.class_counts(name)]
    if empty:
        raise PrepareError(
            f"No image is left for the {empty[0]} split; add images or change the fractions."
        )


def carve(count: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of `count` images go to each split: rounded, at least one, and one left over.

    >>> carve(40, {"test": 0.15, "validation": 0.15})
    {'test': 6, 'validation': 6}
    """
    wanted = {name: max(1, int(count * share + 0.5)) for name, share in fractions.items()}
    while wanted and sum(wanted.values()) >= count and any(wanted.values()):
        # The last of the largest gives way, so the test split is the last to lose its image.
        largest = max(reversed(wanted), key=lambda name: wanted[name])
        wanted[largest] -= 1
    return wanted


def publish(catalogue: Catalogue, source: Source, options: Options) -> None:
    """Write all outputs; a failure on the way leaves none of them."""
    copy_from = source.folder if options.data_type == "S3Prefix" else None
    with staged(options.output) as splits, staged(options.statistics) as report:
        write_dataset(catalogue, splits / "dataset", source.uri, options.seed, source.selection)
        write_channels(catalogue, splits, source.uri, copy_from)
        write_statistics(catalogue, report)
        # Not those of a selection: their records are there, and their splits serve this run alone.
        if options.feature_group and not source.selection:
            record(catalogue, source.folder, report, options)


def record(catalogue: Catalogue, folder: Path, report: Path, options: Options) -> None:
    """Put the images of `folder` into the feature group, and how many into records.json."""
    images = chain.from_iterable(catalogue.images(split) for split in SPLITS)
    group = open_group(options.feature_group, options.online_store == "true")
    if options.embedding_backbone:
        done = put_embedded(images, folder, group, options)
    else:
        done = put_records(images, options.source_uri, group)
    write_json(report / "records.json", asdict(done))
    counts = f"{done.written} records written, {done.unchanged} unchanged"
    print(f"prepare: {counts} in the feature group {done.feature_group}", flush=True)


def put_embedded(
    images: Iterable[Image], folder: Path, group: FeatureGroup, options: Options
) -> Written:
    """Put the images' records, with an embedding in each."""
    # Read when torch is loaded, which takes seconds: only who embeds waits for it.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from embedding import EmbeddingError, Kind, open_embedder

    kind = Kind(options.embedding_backbone, options.embedding_image_size, options.embedding_weights)
    # Locally jobs share what is computed; on AWS nothing outlives a processing job but its outputs.
    cache = os.environ.get("BREEDLINE_FEATURE_CACHE")
    try:
        with closing(open_embedder(kind, folder, Path(cache) if cache else None)) as embedder:
            done = put_records(images, options.source_uri, group, embedder)
    except EmbeddingError as error:
        raise PrepareError(str(error)) from error
    print(f"prepare: {done.embedded} images embedded by {done.embedding_model}", flush=True)
    return done


def summary(catalogue: Catalogue) -> str:
    """One line for the job's log."""
    sizes = {name: sum(catalogue.class_counts(name).values()) for name in SPLITS}
    listed = ", ".join(f"{size} {name}" for name, size in sizes.items())
    rejected = sum(catalogue.rejected_counts().values())
    classes = len(catalogue.class_counts())
    return f"prepare: {listed} images of {classes} classes; {rejected} files rejected"


def parse(arguments: Sequence[str] | None = None) -> Options:
    """The options of a command line; argparse exits with status 2 when they are wrong."""
    parser = argparse.ArgumentParser(description="Validate and split a folder of images.")
    add = parser.add_argument
    add("--input", type=Path, required=True, help="folder with the data, as downloaded")
    add("--source-uri", required=True, help="the S3 location that --input is a copy of")
    add("--output", type=Path, required=True, help="folder for the splits")
    add("--statistics", type=Path, required=True, help="folder for the report")
    add("--data-type", choices=("ManifestFile", "S3Prefix"), default="ManifestFile")
    add("--validation-fraction", type=fraction, default=0.15, help="of the images, 0 to 1")
    add("--test-fraction", type=fraction, default=0.15, help="of the images, 0 to 1")
    add("--max-rejected-fraction", type=share, default=0.1, help="of all files, 0 to 1")
    add("--min-images-per-class", type=positive, default=5)
    add("--seed", type=int, default=7, help="of the split")
    add("--feature-group", default="", help="which gets a record for each image; empty: none")
    add("--online-store", choices=("true", "false"), default="true", help="has the group one?")
    add("--embedding-backbone", default="", help="whose features are kept; empty: no embeddings")
    add("--embedding-image-size", type=int, default=0, help="pixels; 0: the backbone's own")
    add("--embedding-weights", type=Path, help="folder with its file; default: the package's")
    options = Options(**vars(parser.parse_args(arguments)))
    if options.validation_fraction + options.test_fraction >= 1:
        parser.error("--validation-fraction and --test-fraction leave nothing to train on")
    if not options.source_uri.startswith("s3://"):
        parser.error(f"--source-uri must begin with s3://, not {options.source_uri!r}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with one sentence on stderr."""
    options = parse(arguments)
    try:
        prepare(options)
    except (PrepareError, RecordsError, SourceError) as error:
        print(f"prepare: {error}", file=sys.stderr)
        return 1
    except (OSError, sqlite3.OperationalError) as error:
        print(f"prepare: The output cannot be written: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    # A stopped job ends through the finally blocks, so that it leaves nothing half-written.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
