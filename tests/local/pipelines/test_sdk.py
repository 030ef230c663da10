"""The SageMaker SDK's own pipeline calls, unchanged, against the interpreter over scripted jobs."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from local.json_protocol import respond

pytest.importorskip("sagemaker")
ROLE = "arn:aws:iam::123456789012:role/pipeline"
TELEMETRY_OFF = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


@pytest.fixture
def session(world, monkeypatch):
    """A PipelineSession whose SageMaker client reaches our services without HTTP."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    import boto3
    import sagemaker.utils
    from sagemaker.workflow.pipeline_context import PipelineSession

    # The SDK validates its whole configuration at each look-up, which takes most of a second.
    monkeypatch.setattr(sagemaker.utils, "validate_sagemaker_config", lambda configuration: None)
    boto_session = boto3.Session(region_name="eu-west-1")
    client = boto_session.client("sagemaker")
    client.meta.events.register("before-call.sagemaker", lambda **call: answer(world, **call))
    session = PipelineSession(
        boto_session,
        sagemaker_client=client,
        default_bucket="bucket",
        sagemaker_config=TELEMETRY_OFF,
    )
    session._default_bucket = "bucket"  # found already: the SDK must not look for it in S3
    return session


def answer(world, model, params, **call: Any):
    status, body = respond(world.sagemaker, model.name, params["body"])
    if status != 200:
        body = {"Error": {"Code": body["__type"], "Message": body["message"]}}
    return SimpleNamespace(status_code=status), body | {"ResponseMetadata": {}}


@pytest.fixture
def pipeline(session):
    """Prepare, tune, train, evaluate, gate; then register and create a model, or fail."""
    from sagemaker.estimator import Estimator
    from sagemaker.inputs import TrainingInput
    from sagemaker.model import Model
    from sagemaker.model_metrics import MetricsSource, ModelMetrics
    from sagemaker.processing import ProcessingInput, ProcessingOutput, ScriptProcessor
    from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionGreaterThanOrEqualTo
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join, JsonGet
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.parameters import (
        ParameterBoolean,
        ParameterFloat,
        ParameterInteger,
        ParameterString,
    )
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.steps import CacheConfig, ProcessingStep, TrainingStep, TuningStep

    data = ParameterString("Data", default_value="s3://bucket/data")
    count = ParameterInteger("Count", default_value=2)
    threshold = ParameterFloat("Threshold", default_value=0.9)
    spot = ParameterBoolean("Spot", default_value=False)
    common = {"role": ROLE, "instance_type": "ml.m5.large", "sagemaker_session": session}
    cache = CacheConfig(enable_caching=True, expire_after="30d")
    processor = ScriptProcessor(image_uri="image", command=["python3"], instance_count=1, **common)

    def process(name, source, outputs, **more):
        arguments = processor.run(
            code=f"s3://bucket/code/{name}.py",
            inputs=[ProcessingInput(source=source, destination="/opt/ml/processing/in")],
            outputs=[
                ProcessingOutput(output_name=each, source=f"/opt/ml/processing/{each}")
                for each in outputs
            ],
        )
        return ProcessingStep(name, step_args=arguments, **more)

    prepare = process("Prepare", data, ["splits"], cache_config=cache)
    splits = prepare.properties.ProcessingOutputConfig.Outputs["splits"].S3Output.S3Uri
    channel = {"train": TrainingInput(s3_data=Join(on="/", values=[splits, "train"]))}
    estimator = Estimator(
        image_uri="image",
        instance_count=count,
        hyperparameters={"epochs": count},
        use_spot_instances=spot,
        max_wait=86400,
        output_path="s3://bucket/models",
        **common,
    )
    tuner = HyperparameterTuner(
        estimator,
        "loss",
        {"rate": ContinuousParameter(0.1, 1)},
        [{"Name": "loss", "Regex": "loss=(.*)"}],
        objective_type="Minimize",
        max_jobs=count,
    )
    tune = TuningStep("Tune", step_args=tuner.fit(channel), cache_config=cache)
    best = tune.properties.BestTrainingJob.TunedHyperParameters["learning_rate"]
    trainer = Estimator(
        image_uri="image",
        instance_count=count,
        hyperparameters={"rate": best},
        output_path="s3://bucket/models",
        **common,
    )
    train = TrainingStep("Train", step_args=trainer.fit(channel), cache_config=cache)
    artifacts = train.properties.ModelArtifacts.S3ModelArtifacts
    report = PropertyFile("Report", "report", "evaluation.json")
    evaluate = process("Evaluate", artifacts, ["report"], property_files=[report])
    model = Model(image_uri="image", model_data=artifacts, role=ROLE, sagemaker_session=session)
    folder = evaluate.properties.ProcessingOutputConfig.Outputs["report"].S3Output.S3Uri
    statistics = MetricsSource("application/json", Join("/", [folder, "evaluation.json"]))
    register = ModelStep(
        "Register",
        step_args=model.register(
            content_types=["image/jpeg"],
            response_types=["application/json"],
            inference_instances=["ml.m5.large"],
            model_package_group_name="dogs",
            model_metrics=ModelMetrics(model_statistics=statistics),
        ),
    )
    create = ModelStep("Create", step_args=model.create(instance_type="ml.m5.large"))
    accuracy = JsonGet(step_name="Evaluate", property_file=report, json_path="accuracy.value")
    message = Join(on=" ", values=["accuracy", accuracy, "is below", threshold])
    gate = ConditionStep(
        "Gate",
        conditions=[ConditionGreaterThanOrEqualTo(accuracy, threshold)],
        if_steps=[register, create],
        else_steps=[FailStep("Reject", error_message=message)],
    )
    return Pipeline(
        "Dogs",
        parameters=[data, count, threshold, spot],
        steps=[prepare, tune, train, evaluate, gate],
        sagemaker_session=session,
    )


def report(world, accuracy):
    content = {"report": {"evaluation.json": {"accuracy": {"value": accuracy}}}}
    world.jobs.scripts.setdefault("Evaluate", []).append({"Completed": content})


def statuses(execution):
    return {step["StepName"]: step["StepStatus"] for step in execution.list_steps()}


def test_upsert_start_wait_and_list_steps(world, pipeline):
    report(world, 0.95)
    created = pipeline.upsert(role_arn=ROLE, tags=[{"Key": "a", "Value": "b"}])
    updated = pipeline.upsert(role_arn=ROLE, tags=[{"Key": "c", "Value": "d"}])
    assert updated["PipelineArn"] == created["PipelineArn"]
    tags = world.call("ListTags", ResourceArn=created["PipelineArn"])["Tags"]
    assert {tag["Key"] for tag in tags} == {"a", "c"}

    execution = pipeline.start(parameters={"Count": 3, "Spot": True})
    world.wait(execution.arn)
    execution.wait(delay=1)

    assert set(statuses(execution).values()) == {"Succeeded"}
    assert list(statuses(execution))[-4:] == ["Evaluate", "Train", "Tune", "Prepare"]
    definition = world.jobs.requests["Tune"][0]["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"]["epochs"] == "3"
    assert definition["EnableManagedSpotTraining"] is True
    assert world.jobs.requests["Train"][0]["HyperParameters"]["rate"] == "0.01"
    packages = world.call("ListModelPackages", ModelPackageGroupName="dogs")
    assert len(packages["ModelPackageSummaryList"]) == 1


def test_a_low_accuracy_is_rejected_and_wait_says_so(world, pipeline):
    from botocore.exceptions import WaiterError

    report(world, 0.5)
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start()
    world.wait(execution.arn)
    with pytest.raises(WaiterError, match="terminal failure state"):
        execution.wait(delay=1)

    rejected = next(s for s in execution.list_steps() if s["StepName"] == "Reject")
    assert rejected["FailureReason"] == "accuracy 0.5 is below 0.9"
    assert execution.describe()["PipelineExecutionStatus"] == "Failed"


def test_a_second_execution_hits_the_cache_after_an_upsert(world, pipeline):
    report(world, 0.95)
    report(world, 0.95)
    pipeline.upsert(role_arn=ROLE)
    first = pipeline.start()
    world.wait(first.arn)
    pipeline.upsert(role_arn=ROLE)
    second = pipeline.start()
    world.wait(second.arn)

    hits = {s["StepName"] for s in second.list_steps() if "CacheHitResult" in s}
    assert hits == {"Prepare", "Tune", "Train"}


def test_stop_and_selective_execution(world, pipeline):
    from sagemaker.workflow.selective_execution_config import SelectiveExecutionConfig

    report(world, 0.95)
    world.jobs.scripts["Train"] = ["Hang"]
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start()
    world.wait_for_step(execution.arn, "Train", StepStatus="Executing")
    execution.stop()
    assert world.wait(execution.arn)["PipelineExecutionStatus"] == "Stopped"

    config = SelectiveExecutionConfig(selected_steps=["Train"], reference_latest_execution=True)
    selected = pipeline.start(selective_execution_config=config)
    world.wait(selected.arn)
    assert statuses(selected) == {"Prepare": "Succeeded", "Tune": "Succeeded", "Train": "Succeeded"}


def test_parameters_of_an_execution_can_be_taken_over(world, pipeline):
    report(world, 0.95)
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start(parameters={"Threshold": 0.1})
    world.wait(execution.arn)

    values = pipeline.build_parameters_from_execution(execution.arn, {"Count": 1})
    assert values == {"Data": "s3://bucket/data", "Count": 1, "Threshold": "0.1", "Spot": "false"}
    assert json.loads(pipeline.describe()["PipelineDefinition"])["Version"] == "2020-12-01"
