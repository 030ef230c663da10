"""Who is whose neighbour: the folders tell."""

from __future__ import annotations

import pytest

from local.connection import ACCOUNT, Connection, account_folder, write_connection
from local.errors import ApiError
from local.iam.caller import account_itself
from local.neighbours.messages import Message
from local.neighbours.places import Neighbours

SECOND, THIRD = "210987654321", "333333333333"


def found_by(root, account):
    return [each.account for each in Neighbours(account_folder(root, account), account).running()]


@pytest.mark.parametrize("name", ["state", "accounts"])
def test_the_accounts_of_one_folder_know_each_other_whatever_it_is_called(tmp_path, name):
    root = tmp_path / name / ".local"
    for number, account in enumerate((ACCOUNT, SECOND)):
        folder = account_folder(root, account)
        folder.mkdir(parents=True)
        write_connection(folder, Connection(9 + number, "K", "S", "eu-west-1", account, 1))
    assert found_by(root, ACCOUNT) == [SECOND]
    assert found_by(root, SECOND) == [ACCOUNT]
    first = Neighbours(root, ACCOUNT)
    assert first.find(ACCOUNT) is None  # no neighbour of its own
    assert first.find(THIRD) is None
    second = first.find(SECOND)
    assert second is not None and second.account == SECOND


def test_an_account_that_is_stopped_is_named_with_the_command_that_starts_it(tmp_path):
    account_folder(tmp_path, SECOND).mkdir(parents=True)
    neighbours = Neighbours(tmp_path, ACCOUNT)
    with pytest.raises(ApiError, match=f"local start --account {SECOND}"):
        neighbours.find(SECOND)
    killed = Connection(9, "K", "S", "eu-west-1", SECOND, 1)  # nobody listens there
    with pytest.raises(ApiError, match=f"local start --account {SECOND}"):
        neighbours.ask(killed, account_itself(ACCOUNT), Message("s3", "eu-west-1", "GET", "/"))
