"""A pipeline that is not ours, written against the plain SageMaker SDK, runs unchanged."""

import contextlib
import time
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "someone_elses"
# The SDK asks STS for the account behind its default bucket at a fixed URL, so the bucket is named.
BUCKET = "someone-elses-bucket"
ROLE = "arn:aws:iam::123456789012:role/someone"


@pytest.fixture
def houses(sdk):
    s3 = sdk.client("s3")
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": sdk.region_name},
        )
    rows = "\n".join(f"{x},{3 * x + 7 + (-1) ** x * 0.1}" for x in range(40))
    s3.put_object(Bucket=BUCKET, Key="raw/houses.csv", Body=rows.encode())
    return f"s3://{BUCKET}/raw"


def estimator(session):
    from sagemaker.sklearn.estimator import SKLearn

    return SKLearn(
        entry_point="train.py",
        source_dir=str(SCRIPTS),
        framework_version="1.2-1",
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        hyperparameters={"scale": "none"},
        metric_definitions=[{"Name": "train:mse", "Regex": r"train_mse: ([0-9.]+);"}],
        sagemaker_session=session,
    )


def build_pipeline(session, houses):
    from sagemaker.inputs import TrainingInput
    from sagemaker.model import Model
    from sagemaker.processing import ProcessingInput, ProcessingOutput
    from sagemaker.sklearn.processing import SKLearnProcessor
    from sagemaker.tuner import ContinuousParameter, HyperparameterTuner
    from sagemaker.workflow.condition_step import ConditionStep
    from sagemaker.workflow.conditions import ConditionLessThanOrEqualTo
    from sagemaker.workflow.fail_step import FailStep
    from sagemaker.workflow.functions import Join, JsonGet
    from sagemaker.workflow.model_step import ModelStep
    from sagemaker.workflow.parameters import ParameterFloat
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.steps import ProcessingStep, TuningStep

    threshold = ParameterFloat("MseThreshold", default_value=1.0)
    processor = SKLearnProcessor(
        framework_version="1.2-1",
        role=ROLE,
        instance_type="ml.m5.large",
        instance_count=1,
        sagemaker_session=session,
    )
    prepare = ProcessingStep(
        "PrepareHouses",
        step_args=processor.run(
            code=str(SCRIPTS / "prepare.py"),
            inputs=[ProcessingInput(houses, "/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput("/opt/ml/processing/train", output_name="train"),
                ProcessingOutput("/opt/ml/processing/test", output_name="test"),
            ],
        ),
    )
    outputs = prepare.properties.ProcessingOutputConfig.Outputs
    tuner = HyperparameterTuner(
        estimator(session),
        "train:mse",
        {"ridge": ContinuousParameter(0.1, 100.0, scaling_type="Logarithmic")},
        metric_definitions=[{"Name": "train:mse", "Regex": r"train_mse: ([0-9.]+);"}],
        objective_type="Minimize",
        max_jobs=3,
        max_parallel_jobs=2,
    )
    tune = TuningStep(
        "TuneRidge",
        step_args=tuner.fit({"train": TrainingInput(outputs["train"].S3Output.S3Uri)}),
    )
    best = tune.get_top_model_s3_uri(top_k=0, s3_bucket=session.default_bucket())
    report = PropertyFile("Report", output_name="evaluation", path="evaluation.json")
    evaluate = ProcessingStep(
        "EvaluateHouses",
        step_args=processor.run(
            code=str(SCRIPTS / "evaluate.py"),
            inputs=[
                ProcessingInput(best, "/opt/ml/processing/model"),
                ProcessingInput(outputs["test"].S3Output.S3Uri, "/opt/ml/processing/test"),
            ],
            outputs=[ProcessingOutput("/opt/ml/processing/evaluation", output_name="evaluation")],
        ),
        property_files=[report],
    )
    mse = JsonGet("EvaluateHouses", report, "regression_metrics.mse.value")
    model = Model(
        image_uri=estimator(session).training_image_uri(),
        model_data=best,
        role=ROLE,
        sagemaker_session=session,
    )
    register = ModelStep(
        "RegisterHouses",
        step_args=model.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=["ml.m5.large"],
            transform_instances=["ml.m5.large"],
            model_package_group_name="someone-elses-models",
        ),
    )
    too_bad = FailStep("TooBad", error_message=Join(" ", ["mse is over", threshold]))
    gate = ConditionStep(
        "GoodEnough",
        conditions=[ConditionLessThanOrEqualTo(mse, threshold)],
        if_steps=[register],
        else_steps=[too_bad],
    )
    return Pipeline(
        "SomeoneElsesPipeline",
        parameters=[threshold],
        steps=[prepare, tune, evaluate, gate],
        sagemaker_session=session,
    )


def test_a_plain_sdk_pipeline_upserts_starts_waits_and_lists_its_steps(sdk, houses):
    from sagemaker.workflow.pipeline_context import PipelineSession

    pipeline = build_pipeline(PipelineSession(sdk, default_bucket=BUCKET), houses)
    pipeline.upsert(role_arn=ROLE)
    pipeline.upsert(role_arn=ROLE)  # the second one takes the SDK's update path
    execution = pipeline.start()
    execution.wait(delay=1, max_attempts=120)
    assert execution.describe()["PipelineExecutionStatus"] == "Succeeded"
    steps = {step["StepName"]: step for step in execution.list_steps()}
    assert {step["StepStatus"] for step in steps.values()} == {"Succeeded"}
    packages = sdk.client("sagemaker").list_model_packages(
        ModelPackageGroupName="someone-elses-models"
    )["ModelPackageSummaryList"]
    assert len(packages) == 1

    failing = pipeline.start(parameters={"MseThreshold": 0.0001})
    with pytest.raises(Exception, match="Failed"):
        failing.wait(delay=1, max_attempts=120)
    reasons = [step.get("FailureReason", "") for step in failing.list_steps()]
    assert any("mse is over 0.0001" in reason for reason in reasons)


def test_fit_and_tuner_fit_and_their_analytics_work_unchanged(sdk, houses, capsys):
    from sagemaker import Session
    from sagemaker.analytics import TrainingJobAnalytics
    from sagemaker.tuner import ContinuousParameter, HyperparameterTuner

    sdk.client("s3").copy_object(
        Bucket=BUCKET,
        Key="split/train.csv",
        CopySource={"Bucket": BUCKET, "Key": "raw/houses.csv"},
    )
    session = Session(sdk, default_bucket=BUCKET)
    trained = estimator(session)
    trained.set_hyperparameters(ridge=0.5)
    trained.fit({"train": f"s3://{BUCKET}/split"}, logs=True)
    assert "train_mse" in capsys.readouterr().out
    assert trained.model_data.endswith("model.tar.gz")
    frame = TrainingJobAnalytics(
        trained.latest_training_job.name, ["train:mse"], sagemaker_session=session
    ).dataframe()
    assert list(frame["metric_name"]) == ["train:mse"]

    tuner = HyperparameterTuner(
        estimator(session),
        "train:mse",
        {"ridge": ContinuousParameter(0.1, 100.0)},
        metric_definitions=[{"Name": "train:mse", "Regex": r"train_mse: ([0-9.]+);"}],
        objective_type="Minimize",
        max_jobs=2,
        max_parallel_jobs=1,
    )
    tuner.fit({"train": f"s3://{BUCKET}/split"})
    trials = tuner.analytics().dataframe()
    assert len(trials) == 2
    assert tuner.best_training_job() in set(trials["TrainingJobName"])


def test_stopping_an_execution_stops_its_job(sdk, houses, tmp_path):
    from sagemaker.processing import ProcessingInput, ScriptProcessor
    from sagemaker.workflow.pipeline import Pipeline
    from sagemaker.workflow.pipeline_context import PipelineSession
    from sagemaker.workflow.steps import ProcessingStep

    (tmp_path / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    session = PipelineSession(sdk, default_bucket=BUCKET)
    processor = ScriptProcessor(
        image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/anything:latest",
        command=["python3"],
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    slow = ProcessingStep(
        "Slow",
        step_args=processor.run(
            code=str(tmp_path / "slow.py"),
            inputs=[ProcessingInput(houses, "/opt/ml/processing/input")],
        ),
    )
    pipeline = Pipeline("SlowPipeline", steps=[slow], sagemaker_session=session)
    pipeline.upsert(role_arn=ROLE)
    execution = pipeline.start()
    _until(lambda: _has_started(execution))
    execution.stop()
    _until(lambda: execution.describe()["PipelineExecutionStatus"] == "Stopped")
    job = execution.list_steps()[0]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    described = sdk.client("sagemaker").describe_processing_job(ProcessingJobName=job)
    assert described["ProcessingJobStatus"] == "Stopped"


def _has_started(execution):
    return any("Metadata" in step for step in execution.list_steps())


def _until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
