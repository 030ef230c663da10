"""The Evaluate step: a processing job that measures the model, and the champion, on the test split.

It is never cached: the approved champion is no argument of the job, so a reused answer could
compare with a champion that has since been replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.context import INPUT, OUTPUT, Context, arguments
from pipeline.prepare import splits_uri

REPORT = "EvaluationReport"
ACCURACY = "multiclass_classification_metrics.accuracy.value"
ACCURACY_TO_BEAT = "breedline.champion.accuracy_to_beat"
CHAMPION_ACCURACY = "breedline.champion.accuracy"
DATA_DIGEST = "breedline.data_digest"


@dataclass(frozen=True)
class Measured:
    """What Evaluate looks at: the test split, and the folder that describes the data set.

    `options` are those that its script has beside what every evaluate.py takes.
    """

    test: Any
    dataset: Any
    test_type: Any = "S3Prefix"
    options: Mapping[str, str] = field(default_factory=dict)


def evaluate_step(context: Context, prepare: Any, train: Any) -> Any:
    """Evaluate, of an image classifier."""
    from sagemaker.workflow.functions import Join

    splits, data_type = splits_uri(prepare), context.parameters["TrainingDataType"]
    measured = Measured(
        test=Join(on="/", values=[splits, "test", data_type]),
        dataset=Join(on="/", values=[splits, "dataset"]),
        test_type=data_type,
        options={"batch-size": str(context.settings.evaluate.batch_size)},
    )
    return measuring_step(context, train, measured)


def measuring_step(context: Context, train: Any, measured: Measured) -> Any:
    """Evaluate, whatever the model; its property file holds the figures for the gate."""
    from sagemaker.workflow.properties import PropertyFile
    from sagemaker.workflow.steps import CacheConfig, ProcessingStep

    # boto3 in the script asks the registry for the champion.
    environment = {"AWS_DEFAULT_REGION": context.settings.aws.region}
    processor = context.processor("evaluate", context.settings.evaluate, env=environment)
    report = PropertyFile(name=REPORT, output_name="evaluation", path="evaluation.json")
    return ProcessingStep(
        name="Evaluate",
        step_args=processor.run(
            inputs=_inputs(context, train, measured),
            outputs=_outputs(context),
            arguments=arguments(_options(context, measured.options)),
        ),
        property_files=[report],
        cache_config=CacheConfig(enable_caching=False),
        retry_policies=context.job_retries(),
    )


def figure(path: str) -> Any:
    """One figure of the evaluation report, known when Evaluate has run."""
    from sagemaker.workflow.functions import JsonGet

    return JsonGet(step_name="Evaluate", property_file=REPORT, json_path=path)


def report_uri(evaluate: Any) -> Any:
    """The S3 URI of evaluation.json."""
    return _output_uri(evaluate, "evaluation.json")


def samples_uri(evaluate: Any) -> Any:
    """The S3 URI of the folder with what smoke tests ask about."""
    return _output_uri(evaluate, "samples")


def _output_uri(evaluate: Any, name: str) -> Any:
    from sagemaker.workflow.functions import Join

    outputs = evaluate.properties.ProcessingOutputConfig.Outputs
    return Join(on="/", values=[outputs["evaluation"].S3Output.S3Uri, name])


def _inputs(context: Context, train: Any, measured: Measured) -> list[Any]:
    from sagemaker.processing import ProcessingInput

    model = train.properties.ModelArtifacts.S3ModelArtifacts
    sources = {"code": context.code["evaluate"], "model": model}
    sources |= {"test": measured.test, "dataset": measured.dataset}
    return [
        ProcessingInput(
            source=source,
            destination=f"{INPUT}/{name}",
            input_name=name,
            s3_data_type=measured.test_type if name == "test" else "S3Prefix",
        )
        for name, source in sources.items()
    ]


def _outputs(context: Context) -> list[Any]:
    from sagemaker.processing import ProcessingOutput

    return [
        ProcessingOutput(
            source=f"{OUTPUT}/evaluation",
            destination=context.execution_uri("evaluate"),
            output_name="evaluation",
        )
    ]


def _options(context: Context, own: Mapping[str, str]) -> dict[str, str]:
    settings = context.settings
    return {
        "model": f"{INPUT}/model",
        "test": f"{INPUT}/test",
        "dataset": f"{INPUT}/dataset",
        "output": f"{OUTPUT}/evaluation",
        "model-package-group": settings.pipeline.model_package_group,
        "champion-tolerance": str(settings.pipeline.champion_tolerance),
        **own,
        "latency-samples": str(settings.evaluate.latency_samples),
        "smoke-samples": str(settings.smoke.samples),
    }
