"""Which quotas the settings need, and how much of them."""

from provision.preflight.quotas import check_concurrency, check_instances, needs


def counts(settings):
    return {name: count for name, (count, _) in needs(settings).items()}


def test_the_largest_step_counts_and_an_update_has_two_fleets(world):
    world.change(
        prepare={"instance_type": "ml.m5.large"},
        evaluate={"instance_type": "ml.m5.large"},
        tuning={"instance_type": "ml.g5.xlarge", "instance_count": 2, "max_parallel_jobs": 3},
        training={"instance_type": "ml.g5.xlarge", "instance_count": 4},
        endpoint={"instance_type": "ml.c5.large", "instance_count": 2},
        scaling={"max_capacity": 5},
    )
    assert counts(world.settings) == {
        "ml.m5.large for processing job usage": 1,
        "ml.g5.xlarge for training job usage": 6,
        "ml.c5.large for endpoint usage": 10,
    }


def test_spot_capacity_has_quotas_of_its_own(world):
    world.change(spot={"enabled": True, "max_wait_seconds": 86_400})
    assert "ml.m5.large for spot training job usage" in counts(world.settings)
    assert "ml.m5.large for training job usage" not in counts(world.settings)


def test_a_serverless_endpoint_has_no_instances(world):
    world.change(endpoint={"kind": "serverless"})
    assert not any("endpoint" in name for name in counts(world.settings))


def test_the_remedy_is_the_call_that_asks_for_more(world):
    world.change(training={"instance_type": "ml.g5.xlarge"})
    (found,) = check_instances(world.bare)
    assert found.problem == "it is 0, and Train asks for 2"
    code = found.remedy.partition("--quota-code ")[2].partition(" ")[0]
    world.clients("service-quotas").request_service_quota_increase(
        ServiceCode="sagemaker", QuotaCode=code, DesiredValue=2
    )
    assert [*check_instances(world.bare)] == []


def test_a_quota_that_nobody_tells_is_not_taken_for_granted(world):
    world.change(training={"instance_type": "ml.p5.48xlarge"})
    assert [found.level for found in check_instances(world.bare)] == ["unchecked"]


def test_lambda_keeps_a_hundred_for_others(world):
    world.change(function={"reserved_concurrency": 900})
    assert [*check_concurrency(world.bare)] == []
    world.change(function={"reserved_concurrency": 901})
    assert [found.level for found in check_concurrency(world.bare)] == ["fault"]
