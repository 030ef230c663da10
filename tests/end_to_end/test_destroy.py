"""`upsert`, a deployment and `destroy` leave the account as it was, counted over all services."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from provision.change import Clients
from provision.teardown.destroy import destroy
from provision.teardown.plan import Scope, plan_destruction
from statemachine.names import ALIAS
from tests.end_to_end.command_line import CommandLine
from tests.end_to_end.inventory import Inventory, services
from tests.end_to_end.stage import Stage, open_stages
from tests.provision.mortal import Killed, Mortal

ALL = Scope(data=True, registry=True)
SAGEMAKER = {"ServiceNamespace": "sagemaker"}
WITHOUT_RESOURCES = {"sagemaker-runtime", "service-quotas", "sts"}


@dataclass
class Place:
    """A server, and what it takes to work with it."""

    own: CommandLine
    folder: Path

    @cached_property
    def account(self) -> Inventory:
        return Inventory(self.own.connection)

    def inventory(self) -> set[tuple[str, str]]:
        """The name of everything that there is, with the list that it stands in."""
        return self.account.read()

    def deploy(self, stage: Stage) -> None:
        """A deployment in an environment, and all that costs money."""
        assert stage.deploy(stage.register())["status"] == "SUCCEEDED"
        stage.client("lambda").put_provisioned_concurrency_config(
            FunctionName=stage.names.predict, Qualifier=ALIAS, ProvisionedConcurrentExecutions=1
        )
        stage.client("ssm").put_parameter(Name=stage.names.parameter, Value="60", Type="String")
        stage.client("application-autoscaling").put_scheduled_action(
            **SAGEMAKER,
            ResourceId=f"endpoint/{stage.names.endpoint}/variant/AllTraffic",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            ScheduledActionName=f"{stage.names.endpoint}-night",
            Schedule="cron(0 20 * * ? *)",
            ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 1},
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("destroying")
    own = CommandLine(folder / "state")
    assert own.run("local", "start").returncode == 0
    yield Place(own, folder)
    own.run("local", "stop")


def names_of(inventory: set[tuple[str, str]], environment: str) -> set[str]:
    return {call for call, name in inventory if environment in name}


def test_every_service_that_can_have_something_is_counted(place):
    counted = {service for service, _, _ in place.account.lists}
    assert set(services()) - counted == WITHOUT_RESOURCES


def test_one_of_two_environments_goes_and_then_the_other_though_killed_often(place):
    before = place.inventory()
    stages = open_stages(place.own.connection, place.folder, {"taken": {}, "left": {}})
    taken, left = stages["taken"], stages["left"]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(place.deploy, stages.values()))
    both = place.inventory()
    assert len(names_of(both, "taken")) >= 20
    assert names_of(both, "taken") == names_of(both, "left")

    told = by_the_command(place, taken)
    assert ("endpoint", "taken") in {(each["resource"], each["name"]) for each in told["done"]}
    assert told["kept"] == []
    assert place.inventory() == {item for item in both if "taken" not in item[1]}
    assert by_the_command(place, taken)["done"] == []
    assert left.endpoint()["EndpointStatus"] == "InService"

    assert killed_again_and_again(left) > 10
    assert place.inventory() == before


def by_the_command(place: Place, stage: Stage) -> Any:
    """What `destroy --json` says; as on AWS, where variables and not files say whom to ask."""
    name, own = stage.names.endpoint, place.own
    there = CommandLine(own.folder, own.connection.environment())
    file = place.folder / "stages.toml"
    options = ("--env", name, f"--settings={file}", "--yes", "--data", "--registry")
    return there.json("destroy", *options)


def killed_again_and_again(stage: Stage) -> int:
    """Destroy, each run killed after three calls that change something; how many that took."""
    for run in range(100):
        clients, settings = Clients(stage.session.client), stage.session.settings
        planned = plan_destruction(clients, settings, ALL)
        try:
            destroy(planned, Mortal(clients, 3).clients(), settings, ALL)
        except Killed:
            continue
        return run
    raise AssertionError("it never ends")
