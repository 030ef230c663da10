"""The Prepare step: a processing job that validates, splits and describes the data set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.context import INPUT, OUTPUT, Context, arguments

# Where the container finds the raw data, and leaves what it makes of them.
PLACES = {
    "input": f"{INPUT}/data",
    "output": f"{OUTPUT}/splits",
    "statistics": f"{OUTPUT}/statistics",
}
PRETRAINED = f"{INPUT}/pretrained"  # weights of the network that embeds images


def prepare_step(context: Context, options: Mapping[str, Any] | None = None) -> Any:
    """Prepare, whose output `splits` holds everything that later steps read.

    `options` are the script's, those for images by default.
    """
    from sagemaker.workflow.steps import ProcessingStep

    # One host: a split without leakage needs to see every image's hash.
    processor = context.processor("prepare", context.settings.prepare)
    return ProcessingStep(
        name="Prepare",
        step_args=processor.run(
            inputs=_inputs(context),
            outputs=_outputs(context),
            arguments=arguments(_image_options(context) if options is None else options),
        ),
        cache_config=context.caching(),
        retry_policies=context.job_retries(),
    )


def splits_uri(prepare: Any) -> Any:
    """Where Prepare wrote the splits: of this execution, or of the one that was reused."""
    return prepare.properties.ProcessingOutputConfig.Outputs["splits"].S3Output.S3Uri


def _inputs(context: Context) -> list[Any]:
    from sagemaker.processing import ProcessingInput

    sources = {"code": context.code["prepare"], "data": context.parameters["InputDataUri"]}
    if context.settings.embeds and context.settings.model.pretrained_uri:
        sources["pretrained"] = context.settings.model.pretrained_uri
    return [
        ProcessingInput(source=source, destination=f"{INPUT}/{name}", input_name=name)
        for name, source in sources.items()
    ]


def _outputs(context: Context) -> list[Any]:
    from sagemaker.processing import ProcessingOutput

    return [
        ProcessingOutput(
            source=f"{OUTPUT}/{name}",
            destination=context.execution_uri("prepare", name),
            output_name=name,
        )
        for name in ("splits", "statistics")
    ]


def _image_options(context: Context) -> dict[str, Any]:
    prepare = context.settings.prepare
    return {
        "input": PLACES["input"],
        "source-uri": context.parameters["InputDataUri"],
        "output": PLACES["output"],
        "statistics": PLACES["statistics"],
        "data-type": context.parameters["TrainingDataType"],
        "validation-fraction": str(prepare.validation_fraction),
        "test-fraction": str(prepare.test_fraction),
        "max-rejected-fraction": str(prepare.max_rejected_fraction),
        "min-images-per-class": str(prepare.min_images_per_class),
        "seed": str(prepare.seed),
        **_feature_options(context),
    }


def _feature_options(context: Context) -> dict[str, Any]:
    """What Prepare has to know of the feature group, where there is one."""
    settings = context.settings
    if not settings.feature_group:
        return {}
    return {
        "feature-group": settings.feature_group,
        "online-store": str(settings.features.online).lower(),
        **_embedding_options(context),
    }


def _embedding_options(context: Context) -> dict[str, Any]:
    """Which network embeds the images: the one that training begins with."""
    settings = context.settings
    if not settings.embeds:
        return {}
    options = {
        "embedding-backbone": settings.model.backbone,
        "embedding-image-size": str(settings.model.image_size),
    }
    if settings.model.pretrained_uri:
        options["embedding-weights"] = PRETRAINED
    return options
