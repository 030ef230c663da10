"""The role that an endpoint's model works under, for what the endpoint does in its name."""

from __future__ import annotations

from local.backend import Backend
from local.endpoints.documents import KIND
from local.endpoints.variants import read_variants
from local.iam.caller import SAGEMAKER, Caller, caller

MODEL = "Model"  # the store's kind


def model_caller(backend: Backend, endpoint: str, variant: str = "") -> Caller | None:
    """The session of a variant's model, of the first without a name; None where nobody tells."""
    document = backend.store.find(KIND, endpoint)
    if document is None:
        return None
    for one in read_variants(document["_config"]):
        if one.name == variant or not variant:
            model = backend.store.find(MODEL, one.model) or {}
            session = f"endpoint-{endpoint}-{one.name}"
            return caller(model.get("ExecutionRoleArn", ""), session, SAGEMAKER)
    return None
