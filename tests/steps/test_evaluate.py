"""evaluate.py as a job runs it, on a model archive with its own inference code."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

import champion
import evaluate
import prepare
import pytest
import rules
from measuring import MeasureError
from PIL import Image
from thresholds import Thresholds

from tests.steps import tiny_artifact


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Coloured images, prepared as the Prepare step does: 15 test images of 3 classes."""
    folder = tmp_path_factory.mktemp("data")
    dice = random.Random(3)  # noqa: S311
    for name, colour in tiny_artifact.COLOURS.items():
        (folder / "in" / name).mkdir(parents=True)
        for number in range(10):
            shade = tuple(min(255, max(0, value + dice.randint(-30, 30))) for value in colour)
            kind = ("png", "jpg", "gif")[number % 3]
            Image.new("RGB", (16, 12), shade).save(folder / "in" / name / f"{number}.{kind}")
    arguments = ["--input", str(folder / "in"), "--source-uri", "s3://b/p"]
    arguments += ["--output", str(folder / "out"), "--statistics", str(folder / "statistics")]
    arguments += ["--data-type", "S3Prefix", "--test-fraction", "0.5"]
    assert prepare.main(arguments) == 0
    return folder / "out"


def run(data: Path, model: Path, out: Path, *more: str) -> int:
    channels = ["--test", str(data / "test" / "S3Prefix"), "--dataset", str(data / "dataset")]
    outputs = ["--model", str(model), "--output", str(out), "--batch-size", "4"]
    return evaluate.main([*channels, *outputs, *more])


def report(out: Path) -> Any:
    def forbid(literal: str) -> Any:
        raise AssertionError(f"{literal} is no JSON")

    return json.loads((out / "evaluation.json").read_text(), parse_constant=forbid)


class Registry:
    """Stands in for a boto3 session: a registry with one approved model, or none."""

    def __init__(self, archive: Path | None) -> None:
        self._archive = archive

    def client(self, _: str) -> Registry:
        return self

    def list_model_packages(self, **_: Any) -> Any:
        found = [{"ModelPackageArn": "arn:breeds/3"}] if self._archive else []
        return {"ModelPackageSummaryList": found}

    def describe_model_package(self, **_: Any) -> Any:
        container = {"ModelDataUrl": "s3://bucket/old/model.tar.gz"}
        return {"InferenceSpecification": {"Containers": [container]}}

    def download_file(self, bucket: str, key: str, target: str) -> None:
        assert (bucket, key) == ("bucket", "old/model.tar.gz")
        assert self._archive is not None
        shutil.copyfile(self._archive, target)


def against(
    monkeypatch: pytest.MonkeyPatch, data: Path, tmp_path: Path, approved: Path | None, *more: str
) -> Any:
    archive = approved / "model.tar.gz" if approved else None
    monkeypatch.setattr(champion, "session", lambda: Registry(archive))
    model = tiny_artifact.pack(tmp_path / "model")
    assert run(data, model, tmp_path / "out", "--model-package-group", "breeds", *more) == 0
    return report(tmp_path / "out")["breedline"]["champion"]


def test_a_model_is_measured_and_everything_is_reported(data: Path, tmp_path: Path) -> None:
    model = tiny_artifact.pack(tmp_path / "model")
    assert run(data, model, tmp_path / "out") == 0
    found = report(tmp_path / "out")
    metrics, own = found["multiclass_classification_metrics"], found["breedline"]
    assert metrics["accuracy"] == {"value": 1.0, "standard_deviation": "NaN"}
    assert metrics["confusion_matrix"]["blue"] == {"blue": 5, "green": 0, "red": 0}
    assert metrics["accuracy_best_constant_classifier"]["value"] == pytest.approx(1 / 3)
    assert own["top5_accuracy"] == own["macro"]["f1"] == 1.0
    assert own["images"] == 15
    assert own["model_bytes"] == (model / "model.tar.gz").stat().st_size
    assert own["data_digest"] == json.loads((data / "dataset/dataset.json").read_text())["digest"]
    assert own["champion"]["model_package_arn"] == "none" and own["champion"]["accuracy"] == 0.0


def test_the_registry_keys_are_those_of_sagemakers_multiclass_format(
    data: Path, tmp_path: Path
) -> None:
    run(data, tiny_artifact.pack(tmp_path / "model"), tmp_path / "out")
    names = {"accuracy", "weighted_recall", "weighted_precision"}
    names |= {"weighted_f0_5", "weighted_f1", "weighted_f2"}
    expected = names | {f"{name}_best_constant_classifier" for name in names}
    metrics = report(tmp_path / "out")["multiclass_classification_metrics"]
    assert set(metrics) == expected | {"confusion_matrix"}
    assert all(set(metrics[name]) == {"value", "standard_deviation"} for name in expected)


def test_latency_is_taken_on_single_images_through_the_handlers(data: Path, tmp_path: Path) -> None:
    model = tiny_artifact.pack(tmp_path / "model")
    run(data, model, tmp_path / "out", "--latency-samples", "6")
    latency = report(tmp_path / "out")["breedline"]["latency_ms"]
    assert latency["samples"] == 6 and latency["agreement"] == 1.0
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]


def test_a_wrong_model_is_seen_to_be_wrong(data: Path, tmp_path: Path) -> None:
    run(data, tiny_artifact.pack(tmp_path / "model", offset=1), tmp_path / "out")
    assert report(tmp_path / "out")["multiclass_classification_metrics"]["accuracy"]["value"] == 0
    with (tmp_path / "out" / "per_class.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    # Shifted by one: what is green gets blue's place, and blue ends up last.
    assert [(row["class"], row["mistaken_for"], row["times"]) for row in rows] == [
        ("blue", "red", "5"),
        ("green", "blue", "5"),
        ("red", "green", "5"),
    ]


def test_the_plots_are_images(data: Path, tmp_path: Path) -> None:
    run(data, tiny_artifact.pack(tmp_path / "model", offset=1), tmp_path / "out")
    for name in ("confusion_matrix", "reliability", "worst_mistakes"):
        with Image.open(tmp_path / "out" / "plots" / f"{name}.png") as image:
            image.load()


def test_what_the_rules_found_in_training_is_reported(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    history = [rules.Epoch(n, loss, 2.0) for n, loss in enumerate((1.0, 0.2, 0.1, 0.1, 0.1), 1)]
    start, thresholds = rules.Start(1.1, 1.1), Thresholds()
    watched = rules.Watched(start)
    for epoch in history:
        watched.take(epoch, thresholds)
    written = rules.report(watched.findings, thresholds, 5, "overfit")
    run(data, tiny_artifact.pack(tmp_path / "model", rules=json.dumps(written)), tmp_path / "out")
    found = report(tmp_path / "out")["breedline"]["training_rules"]
    assert (found["found"], found["stopped_by"]) == (1, "overfit")
    assert found["findings"][0]["epoch"] == 3
    assert "in training, epoch 3, the rule overfit found: The valid" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["no JSON", "[]", '{"rules": 3}'])
def test_damaged_findings_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert run(data, tiny_artifact.pack(tmp_path / "model", rules=text), tmp_path / "out") == 1
    assert "rules.json" in capsys.readouterr().err


def test_an_artifact_that_tells_of_no_rules_is_evaluated_all_the_same(
    data: Path, tmp_path: Path
) -> None:
    run(data, tiny_artifact.pack(tmp_path / "model"), tmp_path / "out")
    assert report(tmp_path / "out")["breedline"]["training_rules"] is None


def test_images_that_the_model_knows_are_kept_for_smoke_tests(data: Path, tmp_path: Path) -> None:
    run(data, tiny_artifact.pack(tmp_path / "model"), tmp_path / "out", "--smoke-samples", "3")
    samples = tmp_path / "out" / "samples"
    listed = json.loads((samples / "samples.json").read_text())["samples"]
    assert len(listed) == 3
    assert {sample["label"] for sample in listed} == {"blue", "green", "red"}
    tests = {path.read_bytes() for path in (data / "test").rglob("*.*") if path.is_file()}
    assert {(samples / sample["file"]).read_bytes() for sample in listed} <= tests


def test_a_model_with_its_classes_in_another_order_is_measured_rightly(
    data: Path, tmp_path: Path
) -> None:
    model = tiny_artifact.pack(tmp_path / "model", classes=("red", "blue", "green"))
    run(data, model, tmp_path / "out")
    assert report(tmp_path / "out")["multiclass_classification_metrics"]["accuracy"]["value"] == 1


def test_the_approved_champion_is_measured_on_the_same_images(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worse = tiny_artifact.pack(tmp_path / "old", offset=1)
    found = against(monkeypatch, data, tmp_path, worse)
    assert (found["model_package_arn"], found["accuracy"]) == ("arn:breeds/3", 0.0)
    assert found["reason"] == "Measured on the same test images."
    same = against(monkeypatch, data, tmp_path, tiny_artifact.pack(tmp_path / "good"))
    assert same["accuracy"] == 1.0


def test_a_champion_of_other_classes_is_skipped_with_the_reason(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny_artifact.pack(tmp_path / "old", classes=("blue", "red"))
    found = against(monkeypatch, data, tmp_path, other)
    assert found["model_package_arn"] == "arn:breeds/3" and found["accuracy"] == 0.0
    assert "other classes" in found["reason"]


def test_a_group_without_an_approved_model_gives_no_champion(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = against(monkeypatch, data, tmp_path, None)
    assert found == {
        "model_package_arn": "none",
        "accuracy": 0.0,
        "accuracy_to_beat": 0.0,
        "reason": "The group breeds has no approved model package.",
    }


@pytest.mark.parametrize("tolerance, to_beat", [("0", 1.0), ("0.05", 0.95)])
def test_the_accuracy_to_beat_is_the_champions_less_the_tolerance(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tolerance: str, to_beat: float
) -> None:
    good = tiny_artifact.pack(tmp_path / "good")
    found = against(monkeypatch, data, tmp_path, good, "--champion-tolerance", tolerance)
    assert found["accuracy"] == 1.0 and found["accuracy_to_beat"] == to_beat


def test_failures_are_one_sentence_and_leave_nothing(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cases = {
        "There is no ": tmp_path / "nowhere",
        "The model knows 2 classes": tiny_artifact.pack(tmp_path / "two", ("blue", "red")),
    }
    for sentence, model in cases.items():
        assert run(data, model, tmp_path / "out") == 1
        message = capsys.readouterr().err
        assert message.startswith(f"evaluate: {sentence}") or sentence in message
        assert message.count("\n") == 1
        assert not list((tmp_path / "out").glob("*"))


def test_a_damaged_test_image_is_named(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(data, copy)
    victim = sorted((copy / "test" / "S3Prefix").rglob("*.*"))[0]
    victim.write_bytes(b"\xff\xd8\xff damaged")
    model = tiny_artifact.pack(tmp_path / "model")
    options = evaluate.parse(
        ["--model", str(model), "--test", str(copy / "test" / "S3Prefix")]
        + ["--dataset", str(copy / "dataset"), "--output", str(tmp_path / "out")]
    )
    with pytest.raises(MeasureError, match=f"{victim.name} does not open"):
        evaluate.evaluate(options)


def test_answers_that_are_no_probabilities_are_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tiny_artifact.PALETTE.replace("n / sum(near)", "float('nan')")
    monkeypatch.setattr(tiny_artifact, "PALETTE", broken)
    assert run(data, tiny_artifact.pack(tmp_path / "model"), tmp_path / "out") == 1
    assert "no probabilities" in capsys.readouterr().err
