"""Train and Evaluate as programs: what they leave, what they say, and how they fail."""

import json
import re
import shutil

import numpy as np
import pytest
from artifact import opened
from report import Champion, Evaluation, write_samples
from table import Dataset, Table, read_dataset, read_table

from examples.tabular.pipeline import METRICS
from tests.examples.tabular.conftest import TREES


@pytest.fixture
def evaluated(made):
    return json.loads((made.work / "evaluation" / "evaluation.json").read_text())


def test_the_metrics_line_has_what_the_jobs_metric_definitions_look_for(made):
    line = (made.work / "train.log").read_text()
    found = {name: re.search(rf"{name}=([0-9.eE+-]+)", line) for name in METRICS}
    assert all(found.values())
    provenance = json.loads((made.work / "model" / "model.json").read_text())["provenance"]
    figures = {name: float(match[1]) for name, match in found.items() if match}
    assert figures == pytest.approx(provenance["metrics"])
    assert 0 < figures["validation:r2"] < figures["train:r2"] < 1
    assert provenance["hyperparameters"]["trees"] == TREES


def test_the_artifact_serves_by_itself_and_holds_nothing_pickled(made):
    names = {path.name for path in (made.work / "model").rglob("*") if path.is_file()}
    assert names == {"model.npz", "model.json", "inference.py", "forest.py", "replies.py"}
    with np.load(made.work / "model" / "model.npz", allow_pickle=False) as stored:
        assert len(stored["roots"]) == TREES


def test_equal_seeds_train_equal_forests(made, programs):
    shutil.copytree(made.work / "splits", programs.work / "splits")
    programs.train("--trees", TREES)
    arrays = [np.load(p.work / "model" / "model.npz") for p in (made, programs)]
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0].files)
    programs.train("--trees", TREES, "--seed", 8)
    other = np.load(programs.work / "model" / "model.npz")
    assert not np.array_equal(arrays[0]["threshold"], other["threshold"])


def test_the_report_is_in_the_registrys_form_and_beats_the_best_constant(made, evaluated):
    metrics, more = evaluated["regression_metrics"], evaluated["breedline"]
    assert set(metrics) == {"mae", "mse", "rmse", "r2"}
    assert all(set(value) == {"value", "standard_deviation"} for value in metrics.values())
    assert metrics["rmse"]["value"] < more["baseline"]["rmse"]
    assert metrics["r2"]["value"] > more["champion"]["r2_to_beat"] == more["baseline"]["r2"]
    dataset = read_dataset(made.work / "splits" / "dataset")
    truth = read_table(made.work / "splits" / "test", dataset).values
    assert more["baseline"]["mae"] == pytest.approx(np.abs(truth - truth.mean()).mean())
    assert more["rows"] == len(truth)
    assert more["latency_ms"]["p50"] > 0


def test_the_samples_are_rows_of_the_test_split_with_the_answers_that_serving_gives(made):
    kept = json.loads((made.work / "evaluation" / "samples" / "samples.json").read_text())
    assert len(kept["samples"]) == 8
    expected = [sample["expected"] for sample in kept["samples"]]
    assert expected == sorted(expected)
    with opened(made.work / "model.tar.gz") as artifact:
        for sample in kept["samples"]:
            body = json.dumps({"record": sample["record"]})
            data = artifact.inference.input_fn(body, "application/json")
            answer = artifact.inference.predict_fn(data, artifact.model)
            assert answer["predictions"] == pytest.approx([sample["expected"]], rel=1e-12)


def evaluation(r2=None, tolerance=0.0, predicted=(1.0, 2.0, 4.0)):
    table = Table(np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0]))
    return Evaluation(
        Dataset(("a",), "price", "digest"),
        table,
        np.array(predicted),
        (1.0,),
        10,
        Champion("arn", r2, "why"),
        tolerance,
    )


@pytest.mark.parametrize(
    ("r2", "tolerance", "bar"), [(None, 0.1, 0.0), (0.9, 0.1, 0.8), (0.9, 0, 0.9), (-3.0, 0, 0.0)]
)
def test_a_model_has_to_beat_the_champion_and_always_the_best_constant(r2, tolerance, bar):
    assert evaluation(r2, tolerance).r2_to_beat == pytest.approx(bar)


def test_no_more_samples_are_kept_than_there_are_rows(tmp_path):
    assert len(write_samples(evaluation(), tmp_path / "samples", 8)) == 3


def test_a_job_that_cannot_train_says_why_in_its_failure_file(programs):
    programs.train(code=1)
    assert (
        "dataset.json is not what Prepare writes" in (programs.work / "output/failure").read_text()
    )


@pytest.mark.parametrize(
    ("option", "value"), [("trees", 0), ("max_features", 0), ("max_features", 1.5)]
)
def test_hyperparameters_outside_their_limits_are_refused(programs, option, value):
    assert "must be" in programs.train(f"--{option}", value, code=2)


def test_a_model_of_other_columns_is_not_evaluated(made, programs):
    (programs.work / "data").mkdir()
    rows = "".join(f"{number},{number}\n" for number in range(100))
    (programs.work / "data" / "rows.csv").write_text(f"a,price\n{rows}")
    programs.prepare(programs.work / "data")
    shutil.copy(made.work / "model.tar.gz", programs.work)
    said = programs.evaluate(code=1)
    assert said == ("evaluate: The model was trained on other columns than the test split has.\n")
    assert not (programs.work / "evaluation").exists()
