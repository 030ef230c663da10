"""Prices that are easy to reckon with."""

import datetime

import pytest

import settings
from provision.estimate.prices import Prices


@pytest.fixture(scope="session")
def example():
    return settings.load("aws-example")


@pytest.fixture
def prices():
    return Prices(
        region="nowhere-1",
        kinds={
            "instances": {"ml.m5.xlarge": 0.2, "ml.g5.xlarge": 1.5, "ml.m5.large": 0.1},
            "ec2": {"g5.xlarge": 1.0},
            "units": {
                "ml_volume_gb_month": 0.73,
                "ec2_volume_gb_month": 0.365,
                "lambda_million_requests": 0.2,
                "lambda_gb_second": 0.00002,
                "lambda_provisioned_gb_second": 0.000005,
                "lambda_provisioned_run_gb_second": 0.00001,
                "s3_gb_month": 0.02,
                "alarm_month": 0.1,
                "logs_gb": 0.5,
            },
        },
        spot=(0.3, 0.5),
        source="a test",
        read=datetime.date(2026, 1, 1),
    )
