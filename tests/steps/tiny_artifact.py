"""A model artifact small enough for tests: it tells colours apart, through the four handlers."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

# As a training job would pack it: its own code, and a neighbour that it imports flatly.
INFERENCE = """
import io, json, os
from PIL import Image
from palette import nearest

class Model:
    def __init__(self, classes, colours, offset):
        self.classes, self.colours, self.offset = classes, colours, offset

def model_fn(model_dir):
    with open(os.path.join(model_dir, "model.json")) as stream:
        saved = json.load(stream)
    return Model(saved["classes"], saved["colours"], saved["offset"])

def predict_batch(images, model):
    return [nearest(image, model.colours, model.offset) for image in images]

def input_fn(body, content_type):
    assert content_type in ("image/jpeg", "image/png"), content_type
    return Image.open(io.BytesIO(body)).convert("RGB")

def predict_fn(data, model):
    row = predict_batch([data], model)[0]
    return model.classes[row.index(max(row))], max(row)

def output_fn(prediction, accept):
    label, probability = prediction
    return json.dumps({"label": label, "probability": probability})
"""
PALETTE = """
import math

def nearest(image, colours, offset):
    pixel = image.resize((1, 1)).getpixel((0, 0))
    near = [math.exp(-sum(abs(a - b) for a, b in zip(pixel, c)) / 40) for c in colours]
    near = near[offset:] + near[:offset]
    return [n / sum(near) for n in near]
"""
COLOURS = {"blue": (30, 30, 220), "green": (30, 200, 30), "red": (220, 30, 30)}


def pack(
    folder: Path, classes: Sequence[str] = tuple(COLOURS), offset: int = 0, rules: str = ""
) -> Path:
    """Write model.tar.gz into `folder`; an `offset` makes the model wrong on purpose.

    `rules` is the text of rules.json, which is left out when empty.
    """
    folder.mkdir(parents=True, exist_ok=True)
    saved = {"classes": classes, "colours": [COLOURS[n] for n in classes], "offset": offset}
    contents = {
        "model.json": json.dumps(saved),
        "code/inference.py": INFERENCE,
        "code/palette.py": PALETTE,
        **({"rules.json": rules} if rules else {}),
    }
    with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return folder
