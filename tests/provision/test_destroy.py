"""Destroying: everything that is ours and nothing else, whatever comes in between."""

from __future__ import annotations

import dataclasses
import json
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from errors import BreedlineError
from provision.change import Clients
from provision.teardown.destroy import destroy
from provision.teardown.plan import Scope, plan_destruction
from statemachine.endpoint_config import (
    create_endpoint_request,
    deployed_name,
    endpoint_config_request,
    model_request,
)
from statemachine.names import Names
from tests.provision.in_process import SageMakerClient
from tests.provision.mortal import Killed, Mortal, in_a_fork

ALL = Scope(data=True, registry=True)
JOBS = "/aws/sagemaker/TrainingJobs"
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/breedline/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
# The log group of all training jobs of the account, with the streams of others in it.
OTHERS = {"logs": 1, "streams": 2}
THEIRS = {"owner": "somebody", "environment": "local", "endpoint": "breedline"}


class Provisioned:
    """moto's Lambda with provisioned concurrency, which it does not know."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.kept: dict[tuple[str, str], int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def get_paginator(self, name: str) -> Any:
        if name != "list_provisioned_concurrency_configs":
            return self._client.get_paginator(name)
        return self

    def paginate(self, FunctionName: str) -> list[Any]:
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{FunctionName}"
        listed = [
            {
                "FunctionArn": f"{arn}:{alias}",
                "RequestedProvisionedConcurrentExecutions": count,
            }
            for (name, alias), count in self.kept.items()
            if name == FunctionName
        ]
        return [{"ProvisionedConcurrencyConfigs": listed}]

    def delete_provisioned_concurrency_config(self, FunctionName: str, Qualifier: str) -> None:
        if not self.kept.pop((FunctionName, Qualifier), None):
            fault = {"Code": "ProvisionedConcurrencyConfigNotFoundException", "Message": "none"}
            raise ClientError({"Error": fault}, "DeleteProvisionedConcurrencyConfig")


@pytest.fixture
def clients(boto3_clients):
    """An empty account with a SageMaker that can be asked for everything."""
    with mock_aws():
        # moto's EC2 takes its time to begin: once, and not in each process that is forked.
        boto3_clients("ec2").describe_instances()
        own = {"sagemaker": SageMakerClient(), "lambda": Provisioned(boto3_clients("lambda"))}
        yield Clients(lambda service: own.get(service) or boto3_clients(service), lambda _: None)


@pytest.fixture
def deployed(clients, upsert, local):
    """What `upsert`, a run of the pipeline, a deployment and `capacity --save` leave."""
    upsert()
    deploy(clients, local)
    run_pipeline(clients)
    return clients


def deploy(clients, local):
    sagemaker, names = clients("sagemaker"), Names(local)
    package = sagemaker.create_model_package(
        ModelPackageGroupName="breedline",
        InferenceSpecification={"Containers": [{"Image": "1.dkr.ecr.eu-west-1.amazonaws.com/a:1"}]},
    )["ModelPackageArn"]
    name = deployed_name(local, 1)
    sagemaker.create_model(**model_request(local, name, package, "1"))
    sagemaker.create_endpoint_config(**endpoint_config_request(local, name, name))
    sagemaker.create_endpoint(**create_endpoint_request(local, name))
    scaling = clients("application-autoscaling")
    scaling.register_scalable_target(**SCALED, MinCapacity=1, MaxCapacity=2)
    aws = clients("lambda")
    version = aws.publish_version(FunctionName=names.predict)["Version"]
    aws.create_alias(FunctionName=names.predict, Name="live", FunctionVersion=version)
    aws.kept[names.predict, "live"] = 1
    clients("ssm").put_parameter(Name=names.parameter, Value="60.0", Type="String")
    clients("logs").create_log_group(logGroupName="/aws/sagemaker/Endpoints/breedline")
    clients("s3").put_object(Bucket=local.bucket, Key="data/a.jpg", Body=b"a")
    deploying = names.state_machine_arn("deploy")
    clients("stepfunctions").start_execution(stateMachineArn=deploying, name="under-way")


def run_pipeline(clients):
    """An execution that has ended and one that runs, with jobs and logs among those of others."""
    sagemaker, logs = clients("sagemaker"), clients("logs")
    logs.create_log_group(logGroupName=JOBS)
    for stream in ("done/algo-1-1", "left/algo-1-1", "done-too/algo-1-1", "tuning-2/algo-1-1"):
        logs.create_log_stream(logGroupName=JOBS, logStreamName=stream)
    logs.create_log_stream(logGroupName=JOBS, logStreamName="tuning-001-0a1b2c3d/algo-1-1")
    record(sagemaker.store, "first", "Failed", {"done": "Succeeded", "left": "Failed"})
    record(sagemaker.store, "second", "Executing", {"done": "Succeeded"})
    sagemaker.jobs.statuses["left"] = "InProgress"


def record(store, execution, status, jobs):
    place = "arn:aws:sagemaker:eu-west-1:123456789012"
    arn = f"{place}:pipeline/breedline/execution/{execution}"
    known = {"_Pipeline": "breedline", "_Execution": arn, "CreationTime": 1.0}
    described = {"PipelineExecutionArn": arn, "PipelineExecutionStatus": status}
    store.create("PipelineExecution", arn, {**known, **described})
    for job, ended in jobs.items():
        ran = {"TrainingJob": {"Arn": f"{place}:training-job/{job}"}}
        step = {"StepName": job, "StepStatus": ended, "Metadata": ran, **known}
        store.create("PipelineExecutionStep", f"{arn}/{job}", step)
    tuned = {"TuningJob": {"Arn": f"{place}:hyper-parameter-tuning-job/tuning"}}
    step = {"StepName": "Tune", "StepStatus": "Succeeded", "Metadata": tuned, **known}
    store.create("PipelineExecutionStep", f"{arn}/Tune", step)


def streams(clients):
    found = clients("logs").describe_log_streams(logGroupName=JOBS)["logStreams"]
    return sorted(stream["logStreamName"] for stream in found)


def run(clients, local, scope=ALL):
    return destroy(plan_destruction(clients, local, scope), clients, local, scope)


def planned(clients, local, scope=ALL):
    return {(c.resource, c.name): c for c in plan_destruction(clients, local, scope).changes}


def count(clients):
    """How much there is of everything, service by service."""
    aws, sagemaker, scaling = clients, clients("sagemaker"), clients("application-autoscaling")
    domain = {"ServiceNamespace": "sagemaker"}
    found = {
        "alarms": aws("cloudwatch").describe_alarms()["MetricAlarms"],
        "buckets": aws("s3").list_buckets()["Buckets"],
        "configs": sagemaker.list_endpoint_configs()["EndpointConfigs"],
        "endpoints": sagemaker.endpoints.found,
        "features": sagemaker.list_feature_groups()["FeatureGroupSummaries"],
        "functions": aws("lambda").list_functions(FunctionVersion="ALL")["Functions"],
        "groups": sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"],
        "logs": aws("logs").describe_log_groups()["logGroups"],
        "machines": aws("stepfunctions").list_state_machines()["stateMachines"],
        "models": sagemaker.list_models()["Models"],
        "parameters": aws("ssm").describe_parameters()["Parameters"],
        "pipelines": sagemaker.list_pipelines()["PipelineSummaries"],
        "provisioned": aws("lambda").kept,
        "queues": aws("sqs").list_queues().get("QueueUrls", []),
        "roles": aws("iam").list_roles()["Roles"],
        "rules": aws("events").list_rules()["Rules"],
        "streams": streams(clients),
        "subscriptions": aws("sns").list_subscriptions()["Subscriptions"],
        "tables": aws("dynamodb").list_tables()["TableNames"],
        "tags": sagemaker.store.list("Tags"),
        "targets": scaling.describe_scalable_targets(**domain)["ScalableTargets"],
        "topics": aws("sns").list_topics()["Topics"],
    }
    return {kind: len(items) for kind, items in found.items() if items}


def test_all_that_was_made_is_gone_and_a_second_run_finds_nothing(deployed, local):
    run(deployed, local)
    assert count(deployed) == OTHERS
    assert streams(deployed) == ["done-too/algo-1-1", "tuning-2/algo-1-1"]
    assert deployed("sagemaker").jobs.statuses == {"left": "Stopped"}
    assert plan_destruction(deployed, local, ALL).is_empty
    assert run(deployed, local) == []


def test_killed_after_any_call_a_second_run_ends_in_the_same_place(deployed, local):
    everything = plan_destruction(deployed, local, ALL)

    def killed_after(calls):
        try:
            destroy(everything, Mortal(deployed, calls).clients(), local, ALL)
        except Killed:
            run(deployed, local)
            return count(deployed)
        return "it ended"

    outcomes, calls = [], 0
    while (outcome := in_a_fork(partial(killed_after, calls))) != "it ended":
        outcomes.append(outcome)
        calls += 1
    assert calls > 50
    assert outcomes == [OTHERS] * calls


def test_data_and_registry_stay_unless_asked_for_and_that_is_said(deployed, local):
    kept = {name: c for name, c in planned(deployed, local, Scope()).items() if c.kind == "keep"}
    assert set(kept) == {
        ("model-package-group", "breedline"),
        ("feature-group", "breedline-images"),
        ("bucket", local.bucket),
    }
    assert "--registry" in kept["model-package-group", "breedline"].reason
    assert "--data" in kept["bucket", local.bucket].reason
    assert "--data" in kept["feature-group", "breedline-images"].reason
    run(deployed, local, Scope())
    left = count(deployed)
    kinds = ("buckets", "groups", "features", "tags")
    assert [left[kind] for kind in kinds] == [1, 1, 1, 2]
    sagemaker = deployed("sagemaker")
    assert len(sagemaker.list_model_packages()["ModelPackageSummaryList"]) == 0  # unversioned
    run(deployed, local, Scope(registry=True))
    assert "groups" not in count(deployed)
    objects = deployed("s3").list_objects_v2(Bucket=local.bucket)["Contents"]
    assert "data/a.jpg" in [item["Key"] for item in objects]


def test_of_a_bucket_old_versions_and_unfinished_uploads_go_too(deployed, local):
    s3, bucket = deployed("s3"), {"Bucket": local.bucket}
    s3.put_bucket_versioning(**bucket, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(**bucket, Key="a", Body=body)
    s3.delete_object(**bucket, Key="a")
    s3.create_multipart_upload(**bucket, Key="b")
    run(deployed, local, Scope(data=True))
    assert s3.list_buckets()["Buckets"] == []


def test_who_loses_what_with_the_bucket_is_said(deployed, local):
    group = planned(deployed, local, Scope(data=True))["model-package-group", "breedline"]
    assert group.kind == "keep"
    assert "lose their artifacts" in group.reason


def test_what_is_not_ours_stays_and_is_named(deployed, local):
    tags = [{"Key": key, "Value": value} for key, value in THEIRS.items()]
    alarm = {
        "Namespace": "any",
        "MetricName": "any",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    aws, names = deployed, Names(local)
    aws("cloudwatch").put_metric_alarm(AlarmName="breedline-two-latency", Tags=tags, **alarm)
    aws("cloudwatch").put_metric_alarm(AlarmName="breedline-by-hand", **alarm)
    aws("events").put_rule(Name="breedline-theirs", ScheduleExpression="rate(1 day)", Tags=tags)
    aws("iam").tag_role(RoleName=names.made_role("events"), Tags=tags)
    aws("lambda").tag_resource(Resource=names.function_arn(names.predict), Tags=THEIRS)
    aws("lambda").kept.clear()
    sagemaker = aws("sagemaker")
    container = {"Image": "1.dkr.ecr.eu-west-1.amazonaws.com/a:1"}
    for name in ("breedline-v2-two", "breedline-v3-0123abcd"):
        sagemaker.create_model(
            ModelName=name, PrimaryContainer=container, ExecutionRoleArn=local.role_arn
        )
    found = planned(aws, local)
    theirs = {name: c.reason for name, c in found.items() if c.kind == "keep"}
    assert theirs == {
        ("alarm", "breedline-by-hand"): "not ours: it has no tag 'environment'",
        ("alarm", "breedline-two-latency"): "not ours: its tag 'owner' is 'somebody'",
        ("rule", "breedline-theirs"): "not ours: its tag 'owner' is 'somebody'",
        ("role", names.made_role("events")): "not ours: its tag 'owner' is 'somebody'",
        ("function", names.predict): "not ours: its tag 'owner' is 'somebody'",
        ("log-group", f"/aws/lambda/{names.predict}"): "not ours: the function "
        f"{names.predict} is not",
        ("model", "breedline-v2-two"): "not ours: no deployment gives such a name",
        ("model", "breedline-v3-0123abcd"): "not ours: it has no tag 'environment'",
    }
    run(aws, local)
    assert set(planned(aws, local)) == set(theirs)


def test_of_an_endpoint_that_is_not_ours_scaling_and_logs_stay(deployed, local):
    sagemaker = deployed("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName="breedline")["EndpointArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "environment", "Value": "production"}])
    run(deployed, local)
    left = count(deployed)
    assert (left["endpoints"], left["targets"], left["logs"]) == (1, 1, 2)


def test_what_the_environment_of_another_owner_made_stays_whole(deployed, local):
    aws = dataclasses.replace(local.aws, owner="another-team")
    before = count(deployed)
    other = dataclasses.replace(local, aws=aws)
    tagged = {"scaling", "log-group", "parameter"}
    found = planned(deployed, other)
    assert {c.resource for c in found.values() if c.kind != "keep"} <= tagged
    run(deployed, other)
    left = count(deployed)
    assert {kind for kind in before if before[kind] != left.get(kind)} == set()


def test_two_at_once_end_in_the_same_place(deployed, local):
    both = plan_destruction(deployed, local, ALL)
    for _ in range(2):
        destroy(both, deployed, local, ALL)
    assert count(deployed) == OTHERS


@pytest.mark.parametrize("place", ["scaling", "bucket"])
def test_one_who_is_overtaken_ends_well(deployed, local, place):
    overtaken = plan_destruction(deployed, local, ALL)

    def overtake(change):
        if change.resource == place:
            run(deployed, local)

    destroy(overtaken, deployed, local, ALL, overtake)
    assert count(deployed) == OTHERS


def test_what_is_made_meanwhile_goes_too(deployed, local):
    def deploy_once_more(change):
        if change.resource == "model" and not again:
            again.append(change)
            name = deployed_name(local, 2)
            request = model_request(local, name, "any", "2")
            del request["PrimaryContainer"]["ModelPackageName"]
            request["PrimaryContainer"]["Image"] = "1.dkr.ecr.eu-west-1.amazonaws.com/a:1"
            deployed("sagemaker").create_model(**request)

    again: list[Any] = []
    destroy(plan_destruction(deployed, local, ALL), deployed, local, ALL, deploy_once_more)
    assert again
    assert count(deployed) == OTHERS


def test_what_somebody_makes_anew_each_time_is_named(deployed, local):
    logs = deployed("logs")

    class Stubborn:
        def __getattr__(self, name):
            return getattr(logs, name)

        def delete_log_group(self, **request):
            return None

    clients = Clients(lambda s: Stubborn() if s == "logs" else deployed(s), lambda _: None)
    with pytest.raises(BreedlineError, match="log-group .* is there again"):
        run(clients, local)


def test_an_endpoint_that_is_being_updated_is_waited_for(deployed, local):
    deployed("sagemaker").endpoints.found["breedline"]["EndpointStatus"] = "Updating"
    run(deployed, local)
    assert count(deployed) == OTHERS


def test_a_role_goes_with_the_policies_that_others_gave_it(deployed, local):
    iam, role = deployed("iam"), Names(local).made_role("predict")
    allowed = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    policy = iam.create_policy(PolicyName="theirs", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName=role, PolicyArn=policy)
    iam.create_instance_profile(InstanceProfileName="theirs")
    iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName=role)
    run(deployed, local)
    assert count(deployed) == OTHERS
    (theirs,) = iam.list_policies(Scope="Local")["Policies"]
    assert theirs["PolicyName"] == "theirs"


def test_a_role_that_the_settings_name_is_left_alone(deployed, local):
    deployed("iam").create_role(RoleName="theirs", AssumeRolePolicyDocument="{}")
    roles = dataclasses.replace(local.roles, workflow="theirs")
    run(deployed, dataclasses.replace(local, roles=roles))
    assert count(deployed) == {**OTHERS, "roles": 1}


def test_the_order_is_that_of_dependencies(deployed, local):
    order = [change.resource for change in plan_destruction(deployed, local, ALL).changes]
    first = list(dict.fromkeys(order))
    assert first == [
        "rule",
        "execution",
        "pipeline-execution",
        "job",
        "log-streams",
        "scaling",
        "endpoint",
        "endpoint-config",
        "model",
        "provisioned",
        "function",
        "alarm",
        "state-machine",
        "pipeline",
        "log-group",
        "queue",
        "topic",
        "table",
        "parameter",
        "model-package",
        "model-package-group",
        "feature-group",
        "bucket",
        "role",
    ]


def test_the_plan_reads_as_that_of_upsert(deployed, local):
    lines = str(plan_destruction(deployed, local, Scope())).splitlines()
    assert "- delete endpoint            breedline  (made by a deployment; InService)" in lines
    assert "- stop   job                 left  (it runs)" in lines
    assert lines[-1] == "3 to stop, 35 to delete, 3 kept"


def test_nothing_is_changed_by_looking(deployed, local):
    mortal = Mortal(deployed)
    plan_destruction(mortal.clients(), local, ALL)
    assert mortal.made == 0
