"""A processing script that reads a model artifact and writes a property file."""

import csv
import json
import tarfile
from pathlib import Path

base = Path("/opt/ml/processing")
with tarfile.open(base / "model" / "model.tar.gz") as archive:
    model = json.load(archive.extractfile("model.json"))
rows = [(float(x), float(y)) for x, y in csv.reader((base / "test" / "test.csv").open())]
errors = [(y - model["intercept"] - model["slope"] * x) ** 2 for x, y in rows]
(base / "evaluation").mkdir(parents=True, exist_ok=True)
report = {"regression_metrics": {"mse": {"value": sum(errors) / len(errors)}}}
(base / "evaluation" / "evaluation.json").write_text(json.dumps(report))
