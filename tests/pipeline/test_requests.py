"""Every step's arguments are a request that SageMaker's own model accepts."""

import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

import settings
from tests.pipeline.examples import changed, compiled, steps_of, with_examples

OPERATIONS = {
    "Prepare": ("CreateProcessingJob", "ProcessingJobName"),
    "Tune": ("CreateHyperParameterTuningJob", "HyperParameterTuningJobName"),
    "Train": ("CreateTrainingJob", "TrainingJobName"),
    "Evaluate": ("CreateProcessingJob", "ProcessingJobName"),
    "Register": ("CreateModelPackage", None),
}
ENVIRONMENTS = {
    "local": lambda: settings.load("local"),
    "aws-example": lambda: settings.load("aws-example"),
    "a grid": lambda: changed(
        settings.load("local"),
        "tuning",
        strategy="Grid",
        ranges={"batch_size": settings.load("local").tuning.ranges["batch_size"]},
    ),
    "hyperband, warm": lambda: changed(
        settings.load("local"),
        "tuning",
        strategy="Hyperband",
        early_stopping="Off",
        warm_start_parents=("first", "second"),
    ),
}


@pytest.fixture(scope="module")
def model():
    return botocore.session.get_session().get_service_model("sagemaker")


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def requests(request):
    definition = compiled(ENVIRONMENTS[request.param]())
    defaults = {item["Name"]: item["DefaultValue"] for item in definition["Parameters"]}
    return {
        name: with_examples(step["Arguments"], defaults)
        for name, step in steps_of(definition).items()
    }


def limits_broken(value: Any, shape: Any, path: str = "") -> list[str]:
    """Enumerations, patterns and upper limits, which botocore leaves to the service."""
    if shape.type_name == "structure":
        inner = [(value[key], shape.members[key], f"{path}.{key}") for key in value]
    elif shape.type_name == "list":
        inner = [(item, shape.member, f"{path}[]") for item in value]
    elif shape.type_name == "map":
        inner = [(item, shape.value, f"{path}.{key}") for key, item in value.items()]
    else:
        inner = []
    found = [problem for item in inner for problem in limits_broken(*item)]
    metadata = shape.metadata
    size = value if isinstance(value, int | float) else len(value)
    if "enum" in metadata and value not in metadata["enum"]:
        found.append(f"{path}: {value!r} is not in {metadata['enum']}")
    # Patterns of free text use Unicode classes that Python's dialect lacks.
    pattern = metadata.get("pattern", r"\p")
    if r"\p" not in pattern and not re.fullmatch(pattern, value):
        found.append(f"{path}: {value!r} does not match {pattern}")
    if metadata.get("max", size) < size:
        found.append(f"{path}: {size} is over {metadata['max']}")
    return found


@pytest.mark.parametrize("step", OPERATIONS)
def test_arguments_fit_the_request_model_of_their_operation(model, requests, step):
    operation, name = OPERATIONS[step]
    shape = model.operation_model(operation).input_shape
    # The pipeline service gives each job its name.
    arguments = {**requests[step], **({name: "a-name"} if name else {})}
    report = ParamValidator().validate(arguments, shape)
    assert not report.has_errors(), report.generate_report()
    assert limits_broken(arguments, shape) == []


def test_the_checks_above_can_fail(model):
    shape = model.operation_model("CreateTrainingJob").input_shape
    broken = {"TrainingJobName": "with space", "AlgorithmSpecification": {"TrainingInputMode": "x"}}
    assert len(limits_broken(broken, shape)) == 2
