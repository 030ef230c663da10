"""Scaling as a client of boto3 sees it: over HTTP, with the journal, before and after a restart."""

import threading
import time

import boto3
import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from local.alarms import Alarms
from local.backend import open_backend
from local.clock import Clock
from local.connection import ensure_server, stop_server
from local.gateway import Gateway
from local.journal import Journal
from local.sagemaker import SageMaker
from local.scaling import Scaling
from local.scaling.pace import Pace

ACCOUNT, REGION, KEY = "123456789012", "eu-west-1", "LOCALKEY"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/dogs/variant/main",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 60.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
}
LIMITS = {"MinCapacity": 2, "MaxCapacity": 5}


class Server:
    """The parts of the embedded AWS that scaling needs, on a port; rounds when the test says."""

    def __init__(self, folder, endpoints):
        self._folder, self._endpoints = folder, endpoints
        self._server = make_server("127.0.0.1", 0, lambda *call: [], threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self.start()

    def start(self):
        """What a server process does in this order; moto begins empty."""
        cloudwatch_backends[ACCOUNT][REGION].reset()
        environment = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        self.backend = open_backend(self._folder, ACCOUNT, REGION, environment)
        sagemaker = SageMaker()
        sagemaker.add([self._endpoints])
        self.alarms = Alarms(self.backend, lambda *change: None)
        self.clock = Clock()
        self.scaling = Scaling(self.backend, sagemaker.call, self.clock, Pace(10))
        journal = Journal(self._folder / "journal.jsonl")
        moto_app = DomainDispatcherApplication(create_backend_app)
        journal.replay(moto_app)
        self.scaling.open()
        self._server.app = Gateway(KEY, sagemaker, journal.watch(moto_app), lambda: None)

    def client(self, service):
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id=KEY,
            aws_secret_access_key="secret",
        )

    def round(self):
        self.alarms.evaluate(time.time())
        self.scaling.evaluate(time.time())

    def described(self):
        """All that a client sees, but for the times of creation, which a restart renews."""
        scaling = self.client("application-autoscaling")
        cloudwatch = self.client("cloudwatch")
        found = {
            "targets": scaling.describe_scalable_targets(ServiceNamespace="sagemaker"),
            "policies": scaling.describe_scaling_policies(ServiceNamespace="sagemaker"),
            "actions": scaling.describe_scheduled_actions(ServiceNamespace="sagemaker"),
        }
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        listed = {
            name: [
                {k: v for k, v in item.items() if k != "CreationTime"}
                for item in next(value for key, value in answer.items() if key[0] == "S")
            ]
            for name, answer in found.items()
        }
        return listed | {"alarms": sorted(alarm["AlarmName"] for alarm in alarms)}

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def serve(self):
        self._server.serve_forever(0.02)


@pytest.fixture
def endpoints(world):
    return world.endpoints


@pytest.fixture
def server(tmp_path, endpoints):
    opened = Server(tmp_path / "served", endpoints)
    thread = threading.Thread(target=opened.serve)
    thread.start()
    yield opened
    opened.stop()
    thread.join()


def register(server):
    scaling = server.client("application-autoscaling")
    scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=4)
    scaling.put_scaling_policy(
        **TARGET,
        PolicyName="load",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration=TRACKING,
    )
    return scaling


def test_invocations_that_clients_measure_scale_the_endpoint(server, endpoints):
    scaling = register(server)
    dimensions = [
        {"Name": "EndpointName", "Value": "dogs"},
        {"Name": "VariantName", "Value": "main"},
    ]
    data = [
        {
            "MetricName": "InvocationsPerInstance",
            "Dimensions": dimensions,
            "Timestamp": time.time() - age,
            "Value": 25.0,
        }
        for age in range(10, 60, 10)
    ]
    server.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=data)
    for _ in range(3):  # the limits, the change, its end
        server.round()
    assert endpoints.asked == [3]  # 150 a minute, 60 for each
    [activity] = scaling.describe_scaling_activities(ServiceNamespace="sagemaker")[
        "ScalingActivities"
    ]
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 3. Change successfully fulfilled by sagemaker."
    )


def test_a_restart_changes_nothing_and_doubles_no_alarm(server):
    scaling = register(server)
    scaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="evening",
        Schedule="cron(0 18 * * ? *)",
        ScalableTargetAction=LIMITS,
    )
    before = server.described()
    assert len(before["alarms"]) == 2
    server.start()
    assert server.described() == before
    register(server)
    assert server.described() == before


def test_limits_that_the_calendar_set_outlive_a_restart(server, endpoints):
    scaling = register(server)
    scaling.put_scheduled_action(
        **TARGET,
        ScheduledActionName="soon",
        Schedule="rate(1 hour)",
        ScalableTargetAction=LIMITS,
    )
    server.scaling._schedules.look()
    server.clock.advance(3601)
    server.round()
    assert endpoints.count == 2
    server.start()
    [target] = server.described()["targets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 5)


def test_a_target_whose_endpoint_was_deleted_stays_away(server, endpoints):
    register(server)
    endpoints.endpoints.clear()
    server.round()
    server.start()
    assert server.described() == {"targets": [], "policies": [], "actions": [], "alarms": []}


def test_errors_have_the_types_that_boto3_knows(server):
    scaling = server.client("application-autoscaling")
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**TARGET)
    with pytest.raises(scaling.exceptions.ValidationException, match="doesn't exist"):
        scaling.register_scalable_target(
            **TARGET | {"ResourceId": "endpoint/cats/variant/main"}, MinCapacity=1, MaxCapacity=2
        )


def test_other_services_are_stored_as_before(server):
    scaling = server.client("application-autoscaling")
    table = {
        "ServiceNamespace": "dynamodb",
        "ResourceId": "table/dogs",
        "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
    }
    scaling.register_scalable_target(**table, MinCapacity=1, MaxCapacity=2)
    answer = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")
    assert answer["ScalableTargets"][0]["ResourceId"] == "table/dogs"
    assert (
        scaling.describe_scaling_activities(ServiceNamespace="dynamodb")["ScalingActivities"] == []
    )


def test_the_server_process_answers_about_scaling_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("BREEDLINE_SCALING_PERIOD", "10")
    connection, _ = ensure_server(tmp_path / "state", REGION)
    try:
        scaling = boto3.client("application-autoscaling", **connection.client_options())
        with pytest.raises(scaling.exceptions.ValidationException, match="doesn't exist"):
            scaling.register_scalable_target(**TARGET, MinCapacity=1, MaxCapacity=2)
        with pytest.raises(scaling.exceptions.ObjectNotFoundException):
            scaling.delete_scaling_policy(**TARGET, PolicyName="load")
    finally:
        stop_server(tmp_path / "state")
