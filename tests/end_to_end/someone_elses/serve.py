import json
from pathlib import Path


def model_fn(model_dir):
    return json.loads(Path(model_dir, "model.json").read_text())


def predict_fn(data, model):
    return [model["slope"] * x + model["offset"] for x in data.tolist()]
