"""A script-mode training script that knows nothing of Breedline: one-feature ridge regression."""

import argparse
import csv
import json
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--ridge", type=float, required=True)
parser.add_argument("--scale", type=str, default="none")
parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
arguments = parser.parse_args()

rows = list(csv.reader((Path(arguments.train) / "train.csv").open()))
xs = [float(x) for x, _ in rows]
ys = [float(y) for _, y in rows]
mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
slope = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys)) / (
    sum((x - mean_x) ** 2 for x in xs) + arguments.ridge
)
intercept = mean_y - slope * mean_x
mse = sum((y - intercept - slope * x) ** 2 for x, y in zip(xs, ys)) / len(xs)
print(f"train_mse: {mse:.6f};")
(Path(arguments.model_dir) / "model.json").write_text(
    json.dumps({"slope": slope, "intercept": intercept})
)
