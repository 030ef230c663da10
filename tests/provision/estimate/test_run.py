"""Runs, against what comes out by hand; the settings are those of aws-example."""

import dataclasses

import pytest

from provision.estimate.run import bill_of_ec2, bill_of_run

HALF_AN_HOUR = 1_800
SPENT = {"Prepare": HALF_AN_HOUR, "Tune": 36_000, "Train": 7_200, "Evaluate": HALF_AN_HOUR}


def costs(bill):
    return {line.what: line.cost for line in bill.lines}


def test_a_run_costs_what_its_hosts_did_last_time(example, prices):
    bill = bill_of_run(example, prices, SPENT)
    assert costs(bill) == pytest.approx(
        {
            "Prepare, ml.m5.xlarge": 0.1,  # 0.5 h × 0.2
            "Tune, ml.g5.xlarge": 15.0,  # 10 h × 1.5
            "Train, ml.g5.xlarge": 3.0,  # 2 h × 1.5
            "Evaluate, ml.m5.xlarge": 0.1,
            "volumes of the hosts": 0.65,  # 50 GB × 13 h / 730 h × 0.73
        }
    )
    assert bill.total == pytest.approx(18.85)
    assert bill.lines[0].note == "as in the last execution"


def test_what_is_not_known_costs_at_most_its_time_limit(example, prices):
    found = costs(bill_of_run(example, prices, {}))
    assert found["Prepare, ml.m5.xlarge"] == pytest.approx(0.4)  # 7200 s × 0.2
    assert found["Tune, ml.g5.xlarge"] == pytest.approx(60.0)  # 20 trials × 7200 s × 1.5
    assert found["Train, ml.g5.xlarge"] == pytest.approx(12.0)  # 2 hosts × 14400 s × 1.5


def test_spot_is_cheaper_for_tuning_and_training_alone(example, prices):
    on_demand, spot = (costs(bill_of_run(example, prices, SPENT, share)) for share in (1.0, 0.3))
    assert spot["Train, ml.g5.xlarge"] == pytest.approx(0.9)
    assert spot["Tune, ml.g5.xlarge"] == pytest.approx(4.5)
    for what in ("Prepare, ml.m5.xlarge", "Evaluate, ml.m5.xlarge", "volumes of the hosts"):
        assert spot[what] == on_demand[what]


def test_ec2_trains_for_as_long_as_all_hosts_did_together(example, prices):
    ec2 = dataclasses.replace(example.ec2, instance_types=("g5.xlarge",), volume_gb=50)
    settings = dataclasses.replace(example, ec2=ec2)
    bill = bill_of_ec2(settings, prices, SPENT, 0.5)
    assert costs(bill) == pytest.approx(
        {"g5.xlarge, Linux": 1.0, "volume": 0.05}  # 2 h × 1.0 / 2; 50 GB × 2 h / 730 h × 0.365
    )
    assert bill.lines[0].note == "as 2 × ml.g5.xlarge did"
    limit = bill_of_ec2(settings, prices, {}).lines[0]
    assert limit.quantity == pytest.approx(ec2.max_runtime_seconds / 3_600)


def test_a_type_without_a_price_is_told_and_left_out(example, prices):
    training = dataclasses.replace(example.training, instance_type="ml.p5.48xlarge")
    bill = bill_of_run(dataclasses.replace(example, training=training), prices, SPENT)
    assert bill.unpriced == ("Train, ml.p5.48xlarge",)
    assert bill.total == pytest.approx(15.85)
