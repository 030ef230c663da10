"""What one process of a training job does, from reading the channels to writing the artifact.

Boundary: puts the other modules together; the arithmetic is theirs.
Run the tests: `pytest tests/steps/test_train.py`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rules
import torch
from checkpoint import Checkpoint, fingerprint
from dataset import Channel, DatasetError, read_channel
from export import describe, export
from extractor import MIRRORED, ORIGINAL, freeze
from features import extract
from fitting import Fit, say
from hosts import Group, HostsError
from hyperparameters import Folders, Hyperparameters, Job
from network import (
    BACKBONES,
    Network,
    NetworkError,
    build_network,
    freeze_backbone,
    load_backbone,
    pretrained_file,
    training_dtype,
    weights_digest,
)
from preprocessing import Preprocessing
from rows import FeatureRows, ImageRows, Rows
from sharding import Sharding
from stopping import Stopped, StopRequest

# The backbone already knows how to see; large steps would make it forget.
_BACKBONE_SHARE = 0.1


@dataclass(frozen=True)
class Split:
    """A channel on this host, and who computes which of its images."""

    channel: Channel
    sharding: Sharding


@dataclass(frozen=True)
class Setting:
    """A job's data and untrained network, ready on this process."""

    train: Split
    validation: Split
    network: Network
    backbone_digest: str
    preprocessing: Preprocessing
    dtype: Any

    @property
    def data_digest(self) -> str:
        """Names the content of the training and validation images."""
        digests = self.train.channel.digest + self.validation.channel.digest
        return hashlib.sha256(digests.encode()).hexdigest()


def train(job: Job, group: Group, stop: StopRequest) -> None:
    """Train as `job` says and write the artifact on rank 0.

    Asked to stop, it writes the artifact of the best epoch so far and raises Stopped. Raises
    DatasetError, NetworkError, HostsError and the other expected errors of its parts.
    """
    setting = prepare(job, group)
    name = _fingerprint(job.hyperparameters, setting, group)
    checkpoint = Checkpoint(job.folders.checkpoints, name)
    _announce(job, setting, group)
    fit = _fit(job, setting, checkpoint, group, stop)
    try:
        fit.run()
    except Stopped:
        _write(job, setting, fit, group)
        raise
    _write(job, setting, fit, group)


def prepare(job: Job, group: Group) -> Setting:
    """Read the channels and build the network, alike on every process."""
    hyperparameters = job.hyperparameters
    train_split, validation_split = read_splits(job.folders, group)
    torch.manual_seed(hyperparameters.seed)
    network = build_network(
        hyperparameters.backbone,
        len(train_split.channel.classes),
        hyperparameters.hidden_units,
        hyperparameters.image_size,
    )
    load_pretrained(network, hyperparameters, job.folders)
    digest = weights_digest(network.backbone)
    named = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    dtype = named.get(hyperparameters.precision) or training_dtype(
        group.device, hyperparameters.backbone
    )
    shape = BACKBONES[hyperparameters.backbone].preprocessing(hyperparameters.image_size)
    network.to(group.device)
    return Setting(train_split, validation_split, network, digest, shape, dtype)


def read_splits(folders: Folders, group: Group) -> tuple[Split, Split]:
    """The training and the validation images; checks that the hosts hold parts of one data set."""
    train_channel = read_channel(folders.train, "train", folders.dataset)
    classes = train_channel.classes
    if len(classes) < 2:
        raise DatasetError(
            f"The train channel has the single class {classes[0]!r}; a classifier needs two."
        )
    validation = read_channel(folders.validation, "validation", folders.dataset, classes)
    return _split(train_channel, "train", group), _split(validation, "validation", group)


def load_pretrained(network: Network, hyperparameters: Hyperparameters, folders: Folders) -> None:
    """Load the backbone's weights, or raise NetworkError where training needs them."""
    if hyperparameters.pretrained == "none":
        return
    path = pretrained_file(hyperparameters.backbone, folders.pretrained)
    if path is not None:
        load_backbone(network, path)
    elif hyperparameters.fine_tune == "head":
        raise NetworkError(
            f"There are no pretrained weights for {hyperparameters.backbone}, and fine_tune=head "
            "leaves the backbone as it is: give the channel pretrained a file of weights, choose "
            "efficientnet_lite0, or set fine_tune=all."
        )


def _split(channel: Channel, name: str, group: Group) -> Split:
    identities = group.gather((channel.classes, channel.digest, channel.split_size))
    if any(identity != identities[0] for identity in identities):
        raise DatasetError(
            f"The hosts' {name} channels differ; use FullyReplicated, or give the channel dataset "
            "of the prepare run, which tells the hosts what the whole split is."
        )
    held = torch.zeros((group.world, channel.split_size), dtype=torch.bool)
    for rank, orders in enumerate(group.gather([record.order for record in channel.records])):
        held[rank, orders] = True
    return Split(channel, Sharding(held, group.rank))


def _fingerprint(hyperparameters: Hyperparameters, setting: Setting, group: Group) -> str:
    name = fingerprint(
        {
            "hyperparameters": asdict(hyperparameters),
            "data": setting.data_digest,
            "backbone": setting.backbone_digest,
            "dtype": str(setting.dtype),
        }
    )
    if len(set(group.gather(name))) > 1:
        raise HostsError(
            "The hosts have different hyperparameters, data, weights or arithmetic; give every "
            "host the same job and the same kind of machine."
        )
    return name


def _announce(job: Job, setting: Setting, group: Group) -> None:
    if group.rank > 0:
        return
    values = " ".join(f"{key}={value}" for key, value in asdict(job.hyperparameters).items())
    counts = [split.sharding.count for split in (setting.train, setting.validation)]
    for line in (
        f"hyperparameters: {values}",
        f"{group.world} process(es) on {', '.join(job.placement.hosts)}, device {group.device}, "
        f"backbone arithmetic {str(setting.dtype).removeprefix('torch.')}",
        f"rules that end training: {job.thresholds.stop_on_rules}",
        f"images: {counts[0]} train, {counts[1]} validation, "
        f"{len(setting.train.channel.classes)} classes, data {setting.data_digest[:12]}",
    ):
        print(f"INFO {line}", file=sys.stderr, flush=True)


def _fit(
    job: Job, setting: Setting, checkpoint: Checkpoint, group: Group, stop: StopRequest
) -> Fit:
    hyperparameters, network = job.hyperparameters, setting.network
    if hyperparameters.fine_tune == "head":
        freeze_backbone(network)
        rows = _feature_rows(job, setting, group, stop)
        # The head is small and learns from features in full precision.
        module, dtype = network.head, torch.float32
        weights: list[dict[str, Any]] = [{"params": list(network.head.parameters())}]
    else:
        rows = _image_rows(job, setting, group)
        module, dtype = network, setting.dtype
        low = hyperparameters.learning_rate * _BACKBONE_SHARE
        weights = [
            {"params": list(network.backbone.parameters()), "lr": low},
            {"params": list(network.head.parameters())},
        ]
    optimizer = torch.optim.AdamW(
        weights, lr=hyperparameters.learning_rate, weight_decay=hyperparameters.weight_decay
    )
    return Fit(
        *(module, optimizer, hyperparameters, rows, checkpoint, group, stop, dtype),
        thresholds=job.thresholds,
    )


def _feature_rows(job: Job, setting: Setting, group: Group, stop: StopRequest) -> tuple[Rows, Rows]:
    extractor = freeze(
        setting.network.backbone,
        setting.preprocessing,
        setting.dtype,
        group.device,
        job.folders.feature_cache,
    )

    def rows(split: Split, views: Sequence[str]) -> FeatureRows:
        table = extract(extractor, split.channel.records, split.sharding, views, group, stop)
        return FeatureRows(table, job.hyperparameters.seed, group)

    return rows(setting.train, (ORIGINAL, MIRRORED)), rows(setting.validation, (ORIGINAL,))


def _image_rows(job: Job, setting: Setting, group: Group) -> tuple[Rows, Rows]:
    def rows(split: Split) -> ImageRows:
        records = split.channel.records
        seed = job.hyperparameters.seed
        return ImageRows(records, split.sharding, setting.preprocessing, seed, group)

    return rows(setting.train), rows(setting.validation)


def _write(job: Job, setting: Setting, fit: Fit, group: Group) -> None:
    """Write the artifact of the best epoch, and repeat its metrics as the last line."""
    if group.rank > 0:
        return
    if not fit.progress.best:
        print("INFO stopped before the first epoch ended: no model", file=sys.stderr, flush=True)
        return
    fit.module.load_state_dict(fit.progress.best["weights"])
    best = fit.progress.best_metrics
    provenance = describe(job.hyperparameters, setting.data_digest, setting.backbone_digest, best)
    classes = setting.train.channel.classes
    export(job.folders.model, setting.network, classes, setting.preprocessing, provenance)
    _write_rules(job, fit)
    say(best.line())


def _write_rules(job: Job, fit: Fit) -> None:
    """Write rules.json beside the model, and a last line of what was ever found."""
    findings, epochs = fit.progress.watched.findings, fit.progress.epoch
    stopped_by = fit.stopped_by
    if stopped_by:
        print(
            f"INFO training ended in epoch {epochs} by the rule {stopped_by.rule}; the model is "
            f"that of epoch {fit.progress.best_metrics.epoch}",
            file=sys.stderr,
            flush=True,
        )
    name = stopped_by.rule if stopped_by else ""
    document = rules.report(findings, job.thresholds, epochs, name)
    text = json.dumps(document, indent=2, allow_nan=False)
    (job.folders.model / "rules.json").write_text(text + "\n", encoding="utf-8")
    say(rules.line(epochs, {finding.rule for finding in findings}))
