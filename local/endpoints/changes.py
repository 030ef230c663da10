"""What UpdateEndpoint and UpdateEndpointWeightsAndCapacities change, read from their requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from local.endpoints.documents import wanted, with_wanted
from local.endpoints.variants import Variant, read_variants
from local.errors import validation_error
from local.store import Document

RETAINED = {"DesiredInstanceCount": "count", "DesiredWeight": "weight"}


def retaining(
    request: Mapping[str, Any], variants: Sequence[Variant], document: Document
) -> tuple[Variant, ...]:
    """The new variants, with what the request retains of those before."""
    if not request.get("RetainAllVariantProperties", False):
        return tuple(variants)
    excluded = {
        RETAINED.get(one["VariantPropertyType"], "")
        for one in request.get("ExcludeRetainedVariantProperties", [])
    }
    fresh = {one["name"]: one for one in wanted(variants)}
    kept = [
        {**one, **{key: fresh[one["name"]][key] for key in excluded if key}}
        for one in document["_wanted"]
        if one["name"] in fresh
    ]
    return with_wanted(variants, kept)


def with_capture(request: Mapping[str, Any], config: Document, document: Document) -> Document:
    """The configuration with the capture settings that apply: retained ones are the old ones."""
    excluded = [
        one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties", [])
    ]
    if not request.get("RetainAllVariantProperties", False) or "DataCaptureConfig" in excluded:
        return config
    fresh = {key: value for key, value in config.items() if key != "DataCaptureConfig"}
    before = document["_config"].get("DataCaptureConfig")
    return {**fresh, "DataCaptureConfig": before} if before else fresh


def resized(document: Document, asked: Sequence[Mapping[str, Any]]) -> tuple[Variant, ...]:
    """The variants with the counts and weights that were asked for; raises ApiError."""
    variants = with_wanted(read_variants(document["_config"]), document["_wanted"])
    by_name = {variant.name: variant for variant in variants}
    least = 0 if "AsyncInferenceConfig" in document else 1
    for one in asked:
        name = one["VariantName"]
        if name not in by_name:
            raise validation_error(f"Variant {name} is none of the endpoint's.")
        variant = by_name[name]
        if variant.is_serverless:
            raise validation_error(f"Variant {name} is serverless and has no instances to count.")
        count = int(one.get("DesiredInstanceCount", variant.count))
        if count < least:
            raise validation_error(f"DesiredInstanceCount of {name} is {count}; at least {least}.")
        weight = float(one.get("DesiredWeight", variant.weight))
        by_name[name] = variant.with_count(count).with_weight(weight)
    return tuple(by_name.values())
