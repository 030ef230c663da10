"""The notice that EC2 gives two minutes before it takes spot capacity back.

It stands in the instance's metadata, which only answer who brings a token (IMDSv2).
"""

from __future__ import annotations

import http.client
import os
import threading
import urllib.parse

from instance_stop import Stop

EVERY = 5.0  # seconds between two looks; AWS advises it
TIMEOUT = 2.0
LIFETIME = "300"  # seconds, of a token
ACTION = "/latest/meta-data/spot/instance-action"
ADDRESS = "http://169.254.169.254"


def watch_notices(stop: Stop) -> None:
    """Look in the background, until the program ends."""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return
    threading.Thread(target=_watch, args=(stop,), name="notices", daemon=True).start()


def _watch(stop: Stop) -> None:
    every = float(os.environ.get("BREEDLINE_NOTICE_SECONDS", EVERY))
    over = threading.Event()
    while not over.wait(every):
        if _is_announced():
            stop.ask("EC2 takes the spot capacity back.")
            return


def _is_announced() -> bool:
    address = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ADDRESS
    place = urllib.parse.urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=TIMEOUT)
    try:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": LIFETIME}
        connection.request("PUT", "/latest/api/token", headers=headers)
        token = connection.getresponse().read().decode()
        connection.request("GET", ACTION, headers={"X-aws-ec2-metadata-token": token})
        return connection.getresponse().status == 200  # 404 until there is one
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
