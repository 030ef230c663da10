"""Endpoints from creation to deletion, with real model servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.errors import ApiError
from tests.local.endpoints import models
from tests.local.endpoints.serving import NAME, Load, Serving


@pytest.fixture
def serving(backend) -> Iterator[Serving]:
    opened = Serving(backend)
    yield opened
    opened.close()


def test_an_endpoint_comes_up_answers_and_goes(serving):
    serving.config("one")
    serving.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName="one")
    assert serving.describe()["EndpointStatus"] == "Creating"
    described = serving.settled()
    assert described["EndpointStatus"] == "InService"
    (variant,) = described["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert serving.said("woof") == "WOOF"
    (listed,) = serving.call("ListEndpoints", StatusEquals="InService")["Endpoints"]
    assert listed["EndpointName"] == NAME
    serving.call("DeleteEndpoint", EndpointName=NAME)
    with pytest.raises(ApiError, match="Could not find endpoint"):
        serving.until(lambda found: False)
    with pytest.raises(ApiError, match="Endpoint dogs of account 123456789012 not found"):
        serving.said()


def test_each_change_of_state_is_told_in_the_form_of_events(serving, monkeypatch):
    told = []
    monkeypatch.setattr(
        type(serving.backend.events),
        "emit",
        lambda self, kind, detail, resources: told.append((kind, detail.get("EndpointStatus"))),
    )
    serving.create(serving.config("one"))
    serving.update(serving.config("two"))

    def states():
        return [status for kind, status in told if kind == "SageMaker Endpoint State Change"]

    serving.until(lambda _: len(states()) == 4)  # the last one follows upon the state
    assert states() == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]


def test_a_model_that_does_not_load_fails_the_endpoint_with_its_own_words(serving):
    described = serving.create(serving.config("one", models.EXITS_AT_LOAD))
    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert "no weights in here" in described["FailureReason"]
    assert serving.update(serving.config("two"))["EndpointStatus"] == "InService"
    assert serving.said() == "WOOF"


def test_names_are_taken_once_and_lead_somewhere(serving):
    serving.config("one")
    with pytest.raises(ApiError, match="Could not find endpoint configuration"):
        serving.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName="none")
    serving.create("one")
    with pytest.raises(ApiError, match="Cannot create already existing endpoint"):
        serving.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName="one")
    for action in ("DescribeEndpoint", "DeleteEndpoint"):
        with pytest.raises(ApiError, match="Could not find endpoint"):
            serving.call(action, EndpointName="cats")


def test_while_something_is_under_way_nothing_else_begins(serving):
    serving.config("one", models.NEVER_HEALTHY)
    serving.call("CreateEndpoint", EndpointName=NAME, EndpointConfigName="one")
    for action, more in (
        ("UpdateEndpoint", {"EndpointConfigName": "one"}),
        ("DeleteEndpoint", {}),
        (
            "UpdateEndpointWeightsAndCapacities",
            {"DesiredWeightsAndCapacities": [{"VariantName": "AllTraffic"}]},
        ),
    ):
        with pytest.raises(ApiError, match="Cannot update in-progress endpoint"):
            serving.call(action, EndpointName=NAME, **more)


def test_variants_answer_by_weight_and_by_name(serving):
    for name in ("a", "b"):
        models.put_model(serving.backend, name, models.version(name))
    variants = [
        {
            "VariantName": name,
            "ModelName": name,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": weight,
        }
        for name, weight in (("a", 3.0), ("b", 1.0))
    ]
    serving.create(serving.config("both", variants=variants))
    assert serving.said(target_variant="b") == "b"
    with pytest.raises(ApiError, match="Variant c is none of the endpoint's: a, b"):
        serving.said(target_variant="c")
    answers = [serving.said() for _ in range(200)]
    assert 110 < answers.count("a") < 190
    weights = [{"VariantName": "a", "DesiredWeight": 0.0}]
    serving.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName=NAME,
        DesiredWeightsAndCapacities=weights,
    )
    serving.settled()
    assert {serving.said() for _ in range(20)} == {"b"}


def test_instances_come_and_go_without_a_lost_request(serving):
    serving.create(serving.config("one"))

    def resize(count):
        serving.call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName=NAME,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
            ],
        )
        (variant,) = serving.describe()["ProductionVariants"]
        assert variant["DesiredInstanceCount"] == count
        (variant,) = serving.settled()["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == count

    with Load(serving) as load:
        resize(3)
        load.await_answers("WOOF", 20)
        resize(1)
        load.await_answers("WOOF", 20)
    assert load.failures == []
    with pytest.raises(ApiError, match="DesiredInstanceCount of AllTraffic is 0; at least 1"):
        resize(0)


def test_an_instance_whose_process_ends_is_replaced(serving):
    serving.create(serving.config("one", models.FAILING))
    (first,) = serving.endpoints.answering.find(NAME).traffic.serving.fleets.values()
    with pytest.raises(Exception, match="ended before it answered"):
        serving.said("exit")
    serving.until(lambda found: found["ProductionVariants"][0]["CurrentInstanceCount"] == 0)
    serving.until(lambda found: found["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
    assert serving.said("woof") == "woof"


def test_a_restart_brings_back_what_served_with_its_counts(serving):
    serving.create(serving.config("one"))
    serving.call(
        "UpdateEndpointWeightsAndCapacities",
        EndpointName=NAME,
        DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 2}],
    )
    serving.settled()
    serving.call("DeleteEndpointConfig", EndpointConfigName="one")
    serving.close()
    again = Serving(serving.backend)
    again.endpoints.recover()
    try:
        assert again.said() == "WOOF"  # the request waits for the endpoint
        (variant,) = again.describe()["ProductionVariants"]
        assert variant["CurrentInstanceCount"] == 2
    finally:
        again.close()


def test_a_serverless_variant_starts_instances_with_the_requests_up_to_its_limit(serving):
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "one",
        "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2},
    }
    described = serving.create(serving.config("one", models.SLOW, variants=[variant]))
    assert described["EndpointStatus"] == "InService"
    assert "CurrentServerlessConfig" in described["ProductionVariants"][0]
    with Load(serving, threads=2) as load:
        load.serving.said("0")
        served = serving.endpoints.answering.find(NAME).traffic.serving
        load.answers.clear()
    assert served.fleets["AllTraffic"].size <= 2
