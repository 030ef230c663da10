"""Least privilege, proven: what the demo, a second version, the way back and a retraining call.

Every call is held against the policy of the role that makes it on AWS. What is granted and not
needed has its reason in unused_permissions.json. Locally the pipeline and its jobs share a role;
here each is held to the policy that it has where they do not.
"""

import dataclasses
import json
import time
from pathlib import Path

import pytest

import settings
from pipeline.policies import job_documents
from statemachine.names import ALIAS, ROLE_ACTORS, Names
from statemachine.policies import role_documents
from tests.end_to_end.grants import Call, Proof, Reason, grants_of

PATIENCE = 240  # seconds
VARYING = {"aws:CurrentTime", "aws:EpochTime"}
LOADED = settings.load("local")
APART = dataclasses.replace(
    LOADED, roles=dataclasses.replace(LOADED.roles, jobs="breedline-jobs-of-their-own")
)
REASONS = [
    Reason(row["actor"], row["sid"], tuple(row["actions"]), tuple(row.get("on", ())), row["why"])
    for row in json.loads(
        (Path(__file__).parent / "unused_permissions.json").read_text(encoding="utf-8")
    )
]


def until(holds):
    deadline = time.monotonic() + PATIENCE
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="session")
def recorded(command_line, demonstration):
    """The record of a server on which all has happened that the actors are there for."""
    states = command_line.client("stepfunctions")

    def ended(kind):
        machine = Names(LOADED).state_machine_arn(kind)
        found = states.list_executions(stateMachineArn=machine)["executions"]
        return [each for each in found if each["status"] != "RUNNING"]

    if sum(each["status"] == "SUCCEEDED" for each in ended("deploy")) < 2:
        command_line.json("demo")
    if not ended("rollback"):
        command_line.json("rollback", "--reason", "for the proof")
    _retrain(command_line, demonstration, lambda: ended("retrain"))
    _ask_about_an_object(command_line, demonstration)
    lines = (command_line.folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _retrain(command_line, demonstration, ended):
    """The marker of a data set, from its event to the end of the pipeline that it starts."""
    sagemaker, before = command_line.client("sagemaker"), len(ended())
    bucket, prefix = _data_set(command_line, demonstration)
    marker = f"{prefix}/{LOADED.triggers.marker}"
    command_line.client("s3").put_object(Bucket=bucket, Key=marker, Body=b"")
    until(lambda: len(ended()) > before)
    assert ended()[0]["status"] == "SUCCEEDED"

    def newest():
        listed = sagemaker.list_pipeline_executions(PipelineName=LOADED.pipeline.name)
        return listed["PipelineExecutionSummaries"][0]["PipelineExecutionStatus"]

    until(lambda: newest() not in ("Executing", "Stopping"))
    assert newest() == "Succeeded"


def _data_set(command_line, demonstration):
    """Bucket and prefix of what the demo has trained on."""
    parameters = command_line.client("sagemaker").list_pipeline_parameters_for_execution(
        PipelineExecutionArn=demonstration["pipeline"]["arn"]
    )["PipelineParameters"]
    data = next(each["Value"] for each in parameters if each["Name"] == "InputDataUri")
    bucket, _, prefix = data.removeprefix("s3://").partition("/")
    return bucket, prefix.rstrip("/")


def _ask_about_an_object(command_line, demonstration):
    """The function's answer for an image that it reads from the bucket itself."""
    bucket, prefix = _data_set(command_line, demonstration)
    listed = command_line.client("s3").list_objects_v2(Bucket=bucket, Prefix=f"{prefix}/")
    image = next(each["Key"] for each in listed["Contents"] if each["Key"].endswith(".jpg"))
    answer = command_line.client("lambda").invoke(
        FunctionName=f"{Names(LOADED).predict}:{ALIAS}",
        Payload=json.dumps({"s3": f"s3://{bucket}/{image}"}),
    )
    assert "label" in answer["Payload"].read().decode()


@pytest.fixture(scope="session")
def calls(command_line, recorded):
    """The calls of this environment's actors, each once. Of jobs, only those of executions that
    succeeded: a test may have asked another for what nobody may have."""
    listed = command_line.client("sagemaker").list_pipeline_executions(
        PipelineName=LOADED.pipeline.name, MaxResults=100
    )["PipelineExecutionSummaries"]
    succeeded = [
        each["PipelineExecutionArn"].rpartition("/")[2]
        for each in listed
        if each["PipelineExecutionStatus"] == "Succeeded"
    ]
    roles = {Names(LOADED).role(actor): actor for actor in ROLE_ACTORS}
    found = {}
    for call in recorded:
        actor = roles.get(call["role"])
        if call["role"] == LOADED.role_arn:
            actor = _actor_of(call["session"], succeeded)
        if actor:
            found[_call(actor, call)] = call
    return found


def _actor_of(session, executions):
    """Whose session of the shared role it is; None for another environment's."""
    if session == f"pipeline-{LOADED.pipeline.name}":
        return "pipeline"
    of_features = session == f"feature-group-{LOADED.feature_group}"
    return "jobs" if of_features or any(name in session for name in executions) else None


def _call(actor, call):
    resource = call.get("resource", "")
    if (actor, call["action"], resource) == ("pipeline", "iam:PassRole", LOADED.role_arn):
        resource = APART.jobs_role_arn
    given = {key: value for key, value in call.get("context", {}).items() if key not in VARYING}
    context = (("json", json.dumps(given, sort_keys=True)),)
    return Call(actor, call["action"] or "", resource, context)


@pytest.fixture(scope="session")
def documents():
    together = {**role_documents(APART), **job_documents(APART)}
    return {actor: together[actor]["policy"] for actor in (*ROLE_ACTORS, "pipeline", "jobs")}


@pytest.fixture(scope="session")
def proof(calls, documents):
    grants = [grant for actor, policy in documents.items() for grant in grants_of(actor, policy)]
    return Proof(calls, grants, REASONS)


def test_every_actor_has_called_and_every_operation_is_known(calls):
    assert {call.actor for call in calls} == {*ROLE_ACTORS, "pipeline", "jobs"}
    unknown = {(c["service"], c["operation"]) for c in calls.values() if c["action"] is None}
    assert unknown == set(), "put them into local/iam's tables"


def test_the_policies_are_those_that_upsert_has_made(command_line, demonstration, documents):
    iam = command_line.client("iam")
    for actor in ROLE_ACTORS:
        name = Names(LOADED).made_role(actor)
        made = iam.get_role_policy(RoleName=name, PolicyName="breedline")["PolicyDocument"]
        assert made == documents[actor], actor


def test_every_call_is_allowed_and_every_grant_is_needed_or_excused(proof):
    assert proof.problems() == []


def test_where_the_pipeline_and_its_jobs_share_a_role_it_is_enough_for_both(calls):
    shared = job_documents(LOADED)["pipeline"]["policy"]
    theirs = [
        dataclasses.replace(
            call,
            actor="pipeline",
            resource=LOADED.role_arn if call.action == "iam:PassRole" else call.resource,
        )
        for call in calls
        if call.actor in ("pipeline", "jobs")
    ]
    problems = Proof(theirs, list(grants_of("pipeline", shared)), ()).problems()
    assert [problem for problem in problems if "nothing allows" in problem] == []


def test_without_any_one_permission_the_proof_fails_and_names_it(proof):
    for grant in proof.grants:
        said = "\n".join(proof.problems(removed=grant))
        assert grant.actor in said and grant.action in said, f"nobody misses {grant}"
