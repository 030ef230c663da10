"""Instances run their user data, as their role, and end as they or their users say."""

IDENTITY = """"$BREEDLINE_PYTHON" -c '
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
'"""
PATIENT = ("trap 'echo asked to end; exit' TERM", "echo ready", "sleep 300 & wait")


def is_ready(instance):
    return "ready" in instance.console()


def test_an_instance_runs_its_user_data_as_its_role_and_ends_by_shutting_down(run):
    instance, answer = run(IDENTITY, 'echo "in $BREEDLINE_BASE"', "shutdown -P now")
    assert answer["State"]["Name"] == "pending"
    instance.until_it_is("terminated")
    assert f"assumed-role/trainer/{instance.id}" in instance.console()
    assert "/disk/opt/ml" in instance.console()
    assert instance.describe()["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_terminating_lets_the_process_end_and_shows_the_way(run, client):
    instance, _ = run(*PATIENT)
    instance.until(is_ready)
    assert instance.state == "running"
    (interface,) = instance.describe()["NetworkInterfaces"]
    answer = client("ec2").terminate_instances(InstanceIds=[instance.id])
    (change,) = answer["TerminatingInstances"]
    assert change["PreviousState"]["Name"] == "running"
    assert change["CurrentState"]["Name"] == "shutting-down"
    instance.until_it_is("terminated")
    assert "asked to end" in instance.console()
    assert instance.describe()["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    left = client("ec2").describe_network_interfaces()["NetworkInterfaces"]
    assert interface["NetworkInterfaceId"] not in [one["NetworkInterfaceId"] for one in left]


def test_the_time_limit_ends_what_hangs(run):
    instance, _ = run("shutdown -P +0", "echo ready", "sleep 300")
    instance.until_it_is("terminated")


def test_an_instance_whose_user_data_is_over_stays_until_it_is_ended(run, client):
    instance, _ = run("echo ready")
    instance.until(is_ready)
    client("ec2").stop_instances(InstanceIds=[instance.id])
    instance.until_it_is("stopped")


def test_a_token_starts_one_instance_however_often_it_is_sent(run):
    first, _ = run(*PATIENT, ClientToken="once")
    second, _ = run(*PATIENT, ClientToken="once")
    other, _ = run(*PATIENT, ClientToken="twice")
    assert first.id == second.id != other.id


def test_an_instance_without_user_data_is_motos_own(client):
    ec2 = client("ec2")
    answer = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1)
    (instance,) = answer["Instances"]
    ended = ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    assert ended["TerminatingInstances"][0]["PreviousState"]["Name"] == "running"
