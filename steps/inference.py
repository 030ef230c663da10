"""Serve a trained model: the four handler functions that SageMaker's PyTorch containers call.

Boundary: request bytes in, JSON bytes out. Packed in the model artifact as code/inference.py; needs
torch, Pillow and the files beside it, and reads no network unless hosts are allowed.

Requests: `image/jpeg` or `image/png` bytes; or `application/json` with one of
    {"image": "<base64>"}                          one image, answered by one object
    {"images": ["<base64>", …]}                    a list, answered by {"predictions": […]}
    {"instances": [{"data": "<base64>"}, …]}       the same ("b64" is read too)
    {"url": "https://…"}                           only hosts in BREEDLINE_URL_ALLOW_LIST
and optionally "top_k". Answers: {"label", "index", "probability", "top_k": […]} for each image, and
"model_version" once, when the container was told one.

Environment: BREEDLINE_MAX_BYTES (of a request, 6 MiB), BREEDLINE_MAX_PIXELS (of an image,
50,000,000), BREEDLINE_MAX_IMAGES (of a list, 64), BREEDLINE_TOP_K (5), BREEDLINE_URL_ALLOW_LIST
(host names, separated by commas; empty), BREEDLINE_MODEL_VERSION (of the model package; none).
Run the tests: `pytest tests/steps/test_inference.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from folding import fold_batch_norm
from images import ImageError, open_image
from network import build_network, serving_dtype
from preprocessing import Preprocessing
from remote_images import FetchError, fetch
from replies import RequestError as RequestError
from replies import written

_BATCH = 32


@dataclass(frozen=True)
class Limits:
    """What one request may hold, and how many labels its answer names."""

    bytes: int
    pixels: int
    images: int
    top_k: int
    hosts: tuple[str, ...]

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Limits:
        """The limits that the environment sets. Raises ValueError for no whole number."""
        hosts = environment.get("BREEDLINE_URL_ALLOW_LIST", "").split(",")
        return cls(
            int(environment.get("BREEDLINE_MAX_BYTES") or 6 * 1024 * 1024),
            int(environment.get("BREEDLINE_MAX_PIXELS") or 50_000_000),
            int(environment.get("BREEDLINE_MAX_IMAGES") or 64),
            int(environment.get("BREEDLINE_TOP_K") or 5),
            tuple(host.strip() for host in hosts if host.strip()),
        )


@dataclass(frozen=True)
class Classifier:
    """A loaded model. `classes[index]` is a label's name."""

    network: Any
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    device: Any
    dtype: Any


@dataclass(frozen=True)
class Request:
    """Encoded images, not yet decoded, so that only one at a time takes memory."""

    images: tuple[bytes, ...]
    single: bool
    top_k: int
    max_pixels: int


def model_fn(model_dir: str) -> Classifier:
    """Load the artifact in `model_dir` and warm it up."""
    folder = Path(model_dir)
    document = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    shape = Preprocessing.from_json(document["preprocessing"])
    classes = tuple(document["classes"])
    network = build_network(
        document["backbone"], len(classes), document["hidden_units"], shape.image_size
    )
    weights = torch.load(folder / "model.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = serving_dtype(device)
    fold_batch_norm(network.backbone, shape.image_size)
    network.to(device).backbone.to(dtype=dtype, memory_format=torch.channels_last)
    classifier = Classifier(network, classes, shape, device, dtype)
    _warm_up(classifier)
    return classifier


def input_fn(body: bytes | str, content_type: str) -> Request:
    """Take a request apart. Raises RequestError: 400, 413 or 415."""
    limits = Limits.read(os.environ)
    if len(body) > limits.bytes:
        raise RequestError(413, f"The request is larger than {limits.bytes} bytes.")
    kind = content_type.partition(";")[0].strip().lower()
    if kind in ("image/jpeg", "image/jpg", "image/png"):
        data = body.encode("latin-1") if isinstance(body, str) else bytes(body)
        return Request((data,), True, limits.top_k, limits.pixels)
    if kind == "application/json":
        return _from_json(body, limits)
    raise RequestError(
        415,
        f"The content type {kind!r} is not taken; send image/jpeg, image/png or application/json.",
    )


def predict_fn(data: Request, model: Classifier) -> dict[str, Any]:
    """Classify the images of a request. Raises RequestError for one that does not open."""
    pixels = [_pixels(image, number, data, model) for number, image in enumerate(data.images)]
    answers = [_answer(row, data.top_k, model) for row in _probabilities(pixels, model)]
    return answers[0] if data.single else {"predictions": answers}


def output_fn(prediction: Mapping[str, Any], accept: str) -> str:
    """The answer as JSON. Raises RequestError 406 when the client takes no JSON."""
    return written(prediction, accept, os.environ)


def predict_batch(images: Sequence[Any], model: Classifier) -> Any:
    """Probabilities, float32 [N, C] on the CPU, of N upright RGB Pillow images of any size."""
    return _probabilities([model.preprocessing.pixels(image) for image in images], model)


def _probabilities(pixels: Sequence[Any], model: Classifier) -> Any:
    """float32 [N, C] on the CPU of N tensors uint8 [3, H, W]."""
    rows = [torch.empty((0, len(model.classes)))]
    with torch.inference_mode():
        for start in range(0, len(pixels), _BATCH):
            batch = torch.stack(list(pixels[start : start + _BATCH])).to(model.device)
            logits = model.network(model.preprocessing.normalise(batch, model.dtype))
            rows.append(logits.softmax(dim=1).cpu())
        return torch.cat(rows)


def _pixels(image: bytes, number: int, request: Request, model: Classifier) -> Any:
    try:
        return model.preprocessing.pixels(open_image(image, request.max_pixels))
    except ImageError as error:
        which = "" if request.single else f"Image {number} of the list: "
        status = 413 if error.kind == "too-large" else 400
        # Without the cause, which SageMaker's toolkit would print to the client in full.
        raise RequestError(status, f"{which}{error}") from None


def _answer(probabilities: Any, top_k: int, model: Classifier) -> dict[str, Any]:
    values, indices = probabilities.topk(min(top_k, len(model.classes)))
    top = [
        {"label": model.classes[index], "index": index, "probability": value}
        for value, index in zip(values.tolist(), indices.tolist(), strict=True)
    ]
    return {**top[0], "top_k": top}


def _from_json(body: bytes | str, limits: Limits) -> Request:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise RequestError(400, "The body is not JSON.") from None
    if not isinstance(document, dict):
        raise RequestError(400, 'The body must be an object such as {"image": "<base64>"}.')
    top_k = _top_k(document.get("top_k", limits.top_k))
    images, single = _encoded(document, limits)
    return Request(tuple(images), single, top_k, limits.pixels)


def _encoded(document: dict[str, Any], limits: Limits) -> tuple[list[bytes], bool]:
    """The images of a JSON request as bytes, and whether it was a single one."""
    given = [key for key in ("image", "images", "instances", "url") if key in document]
    if len(given) != 1:
        raise RequestError(400, "Give exactly one of image, images, instances and url.")
    value = document[given[0]]
    if given == ["url"]:
        return [_fetched(value, limits)], True
    if given == ["image"]:
        return [_decoded(value, "image")], True
    if not isinstance(value, list) or not 1 <= len(value) <= limits.images:
        raise RequestError(
            413 if isinstance(value, list) and value else 400,
            f"{given[0]} must be a list of 1 to {limits.images} images.",
        )
    if given == ["instances"]:
        value = [_instance(item, number) for number, item in enumerate(value)]
    return [_decoded(item, f"{given[0]}[{number}]") for number, item in enumerate(value)], False


def _instance(item: Any, number: int) -> Any:
    if isinstance(item, dict):
        for key in ("data", "b64"):
            if key in item:
                return item[key]
    raise RequestError(400, f'instances[{number}] must be an object like {{"data": "<base64>"}}.')


def _decoded(text: Any, name: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (AttributeError, UnicodeError, binascii.Error):
        raise RequestError(400, f"{name} is not base64 text.") from None


def _fetched(url: Any, limits: Limits) -> bytes:
    if not isinstance(url, str):
        raise RequestError(400, "url is not a text.")
    try:
        return fetch(url, limits.hosts, limits.bytes)
    except FetchError as error:
        raise RequestError(error.status, str(error)) from None


def _top_k(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(400, f"top_k is {value!r}; it must be a whole number from 1.")
    return value


def _warm_up(classifier: Classifier) -> None:
    """The first passes choose and compile kernels; no client should wait for that."""
    size = classifier.preprocessing.image_size
    for _ in range(2):
        _probabilities([torch.zeros((3, size, size), dtype=torch.uint8)], classifier)
