"""Write the model artifact: weights, what is needed to use them, and the code that serves them.

Boundary: a trained network in, the files of model.tar.gz out. The code lies inside, so that the
artifact serves without being repacked and without installing anything.
Run the tests: `pytest tests/steps/test_export.py`.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import folding
import images
import inference
import network
import preprocessing
import remote_images
import replies
import torch
from hyperparameters import Hyperparameters
from progress import Metrics

VERSION = 1
_CODE: tuple[ModuleType, ...] = (
    inference,
    network,
    folding,
    preprocessing,
    images,
    remote_images,
    replies,
)
_EFFICIENTNET = "efficientnet_lite_pytorch"
_EFFICIENTNET_DISTRIBUTION = "efficientnet-lite-pytorch"


def export(
    folder: Path,
    trained: network.Network,
    classes: Sequence[str],
    shape: preprocessing.Preprocessing,
    provenance: Mapping[str, Any],
) -> None:
    """Write model.pt, code/ and model.json to `folder`; `shape` says how images are fed.

    `provenance` is what `describe` returns; the network's kind is read from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hyperparameters = provenance["hyperparameters"]
    _copy_code(folder / "code", hyperparameters["backbone"])
    weights = {name: value.cpu().contiguous() for name, value in trained.state_dict().items()}
    torch.save(weights, folder / "model.pt")
    document = {
        "version": VERSION,
        "classes": list(classes),
        "backbone": hyperparameters["backbone"],
        "hidden_units": hyperparameters["hidden_units"],
        "preprocessing": shape.as_json(),
        "provenance": dict(provenance),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    (folder / "model.json").write_text(text + "\n", encoding="utf-8")


def describe(
    hyperparameters: Hyperparameters, data_digest: str, weights: str, metrics: Metrics
) -> dict[str, Any]:
    """Where a model comes from; `weights` is the digest of the backbone it started with."""
    return {
        "hyperparameters": asdict(hyperparameters),
        "data_digest": data_digest,
        "backbone_digest": weights,
        "metrics": asdict(metrics),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "torchvision": _version("torchvision"),
            "pillow": _version("pillow"),
        },
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "none"


def _copy_code(folder: Path, backbone: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for module in _CODE:
        source = Path(str(module.__file__))
        shutil.copyfile(source, folder / source.name)
    if backbone == "efficientnet_lite0":
        _copy_efficientnet(folder / _EFFICIENTNET)


def _copy_efficientnet(folder: Path) -> None:
    """The architecture's sources, with the licence that they are passed on under."""
    found = importlib.util.find_spec(_EFFICIENTNET)
    if found is None or found.origin is None:
        raise network.NetworkError(f"The package {_EFFICIENTNET_DISTRIBUTION} was not found.")
    folder.mkdir(exist_ok=True)
    for source in sorted(Path(found.origin).parent.glob("*.py")):
        shutil.copyfile(source, folder / source.name)
    for licence in _licences(Path(found.origin).parent):
        shutil.copyfile(licence, folder / licence.name)


def _licences(package: Path) -> list[Path]:
    """Licence files beside the sources, or in the installed distribution's description."""
    beside = sorted(package.glob("LICEN[SC]E*"))
    if beside:
        return beside
    try:
        files = importlib.metadata.files(_EFFICIENTNET_DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name.startswith("LICEN")]
