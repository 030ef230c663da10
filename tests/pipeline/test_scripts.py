"""The pipeline and the scripts in `steps/` agree on options and hyperparameters."""

import ast
import dataclasses
from pathlib import Path

import hyperparameters
import pytest
import thresholds

import settings
from pipeline.train import watch_hyperparameters
from provision.sources import closure
from settings.pipeline import Debugger, Model
from settings.types import RULES

STEPS = Path(settings.__file__).parents[1] / "steps"


@pytest.mark.parametrize("step", ["Prepare", "Evaluate"])
def test_every_option_that_the_step_passes_is_one_the_script_knows(steps, step):
    arguments = steps[step]["Arguments"]["AppSpecification"]["ContainerArguments"]
    passed = {item for item in arguments if isinstance(item, str) and item.startswith("--")}
    files = [STEPS / name for name in closure(STEPS, [f"{step.lower()}.py"])]
    known = {
        node.value
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and str(node.value).startswith("--")
    }
    assert passed <= known


def limits_of(entries):
    return {field.name: field.metadata["limit"] for field in dataclasses.fields(entries)}


def test_train_accepts_every_hyperparameter_of_the_settings(local):
    limits = limits_of(hyperparameters.Hyperparameters)
    for field in Model.__dataclass_fields__:
        if field == "pretrained_uri":
            continue
        value = limits[field].convert(str(getattr(local.model, field)))
        assert limits[field].accepts(value), field


def test_train_accepts_both_ends_of_every_tuned_range(local):
    limits = limits_of(hyperparameters.Hyperparameters)
    for name, span in local.tuning.ranges.items():
        for text in span.values or (str(span.min), str(span.max)):
            assert limits[name].accepts(limits[name].convert(text)), (name, text)


def test_the_settings_know_the_rules_with_their_thresholds_and_defaults():
    assert tuple(RULES) == thresholds.RULES
    passed, limits = watch_hyperparameters(Debugger()), limits_of(thresholds.Thresholds)
    assert passed == dataclasses.asdict(thresholds.Thresholds())
    for name, value in passed.items():
        assert limits[name].accepts(limits[name].convert(str(value))), name


def test_the_rules_that_end_training_are_passed_as_train_reads_them():
    passed = watch_hyperparameters(Debugger(stop_on_rules=("overfit", "dead_relu")))
    limit = limits_of(thresholds.Thresholds)["stop_on_rules"]
    assert limit.accepts(passed["stop_on_rules"])
    watch = thresholds.Thresholds(stop_on_rules=passed["stop_on_rules"])
    assert watch.stopping == ("dead_relu", "overfit")
