"""Access keys of roles: each actor gets its own, which tells who calls, until the server ends.

They are sessions of moto's STS too, so GetCallerIdentity names the role; and what a client gets
from AssumeRole is known here.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import Any

from moto.core.utils import utcnow
from moto.iam.models import AccessKey
from moto.sts.models import AssumedRole, sts_backends

from local.iam.caller import Caller, caller

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
KEY_LENGTH = 16  # letters after `ASIA`; moto looks for keys of twenty
LIFETIME = 12 * 3600  # seconds, by the answer of STS; a key is good for as long as the server runs


class Credentials:
    """The keys of one server. `environment` has the AWS_… variables with the server's own key."""

    def __init__(self, account: str, region: str, environment: Mapping[str, str]) -> None:
        self._account, self._region = account, region
        self._environment = environment
        self._lock = threading.Lock()
        self._made: dict[Caller, Mapping[str, str]] = {}
        self._callers: dict[str, Caller] = {}

    def environment_of(self, someone: Caller | None) -> Mapping[str, str]:
        """The AWS_… variables of an actor; the server's own where no role is named."""
        if someone is None or "AWS_ENDPOINT_URL" not in self._environment:
            return self._environment
        with self._lock:
            if someone not in self._made:
                self._made[someone] = {**self._environment, **self._assume(someone)}
            return self._made[someone]

    def find(self, access_key: str) -> Caller | None:
        """Whose key it is; None for one that is unknown, or of a session that is over."""
        if access_key in self._callers:
            return self._callers[access_key]
        session = _sessions(self._account).get_assumed_role_from_access_key(access_key)
        if session is None or session.expiration < utcnow():
            return None
        return caller(session.role_arn, session.session_name)

    def _assume(self, someone: Caller) -> dict[str, str]:
        key = AccessKey(user_name=None, prefix="ASIA", account_id=self._account)
        key.access_key_id = "ASIA" + "".join(secrets.choice(LETTERS) for _ in range(KEY_LENGTH))
        key.secret_access_key = secrets.token_hex(20)
        session = AssumedRole(
            account_id=self._account,
            region_name=self._region,
            access_key=key,
            role_session_name=someone.session,
            role_arn=someone.role,
            policy="",
            duration=LIFETIME,
            external_id="",
        )
        _sessions(self._account).assumed_roles.append(session)
        self._callers[key.access_key_id] = someone
        return {
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_SESSION_TOKEN": session.session_token,
        }


def _sessions(account: str) -> Any:
    return sts_backends[account]["aws"]
