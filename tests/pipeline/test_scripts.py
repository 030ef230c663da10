"""The pipeline and the scripts in `steps/` agree on options and hyperparameters."""

import ast
import dataclasses
from pathlib import Path

import hyperparameters
import pytest

import settings
from settings.pipeline import Model

STEPS = Path(settings.__file__).parents[1] / "steps"


@pytest.mark.parametrize("step", ["Prepare", "Evaluate"])
def test_every_option_that_the_step_passes_is_one_the_script_knows(steps, step):
    arguments = steps[step]["Arguments"]["AppSpecification"]["ContainerArguments"]
    passed = {item for item in arguments if isinstance(item, str) and item.startswith("--")}
    tree = ast.parse((STEPS / f"{step.lower()}.py").read_text(encoding="utf-8"))
    known = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and str(node.value).startswith("--")
    }
    assert passed <= known


def test_train_accepts_every_hyperparameter_of_the_settings(local):
    rules = {
        field.name: field.metadata["rule"]
        for field in dataclasses.fields(hyperparameters.Hyperparameters)
    }
    for field in Model.__dataclass_fields__:
        if field == "pretrained_uri":
            continue
        value = rules[field].convert(str(getattr(local.model, field)))
        assert rules[field].accepts(value), field


def test_train_accepts_both_ends_of_every_tuned_range(local):
    rules = {
        field.name: field.metadata["rule"]
        for field in dataclasses.fields(hyperparameters.Hyperparameters)
    }
    for name, span in local.tuning.ranges.items():
        for text in span.values or (str(span.min), str(span.max)):
            assert rules[name].accepts(rules[name].convert(text)), (name, text)
