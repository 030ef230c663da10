"""Data capture: what was asked and answered, as JSON Lines in S3.

Recording puts a request into a batch and returns; a thread encodes and writes. A batch is written
after a second, and later and later while requests keep coming, so that hours of traffic do not
become thousands of small objects.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from local.backend import Backend
from local.endpoints.invocation import Invocation, Reply
from local.endpoints.roles import model_caller
from local.iam.caller import acting
from local.objects import split_uri

logger = logging.getLogger(__name__)

SOONEST, LATEST = 1.0, 30.0  # seconds that a batch waits
MOST_IN_BATCH = 8_388_608  # bytes after which it does not wait
MOST_WAITING = 67_108_864  # bytes of all batches; what comes beyond them is not captured
ROUND = 0.2  # seconds
VERSION = "0"


@dataclass(frozen=True)
class Captured:
    """One request with its answer."""

    options: Mapping[str, Any]
    invocation: Invocation
    reply: Reply
    at: float

    @property
    def size(self) -> int:
        return len(self.invocation.body) + len(self.reply.body)

    def line(self) -> str:
        """The JSON that AWS documents for it."""
        modes = {option["CaptureMode"] for option in self.options["CaptureOptions"]}
        both = "InputAndOutput" in modes
        data: dict[str, Any] = {}
        if both or "Input" in modes:
            asked = self.invocation
            data["endpointInput"] = self._part("INPUT", asked.content_type, asked.body)
        if both or "Output" in modes:
            told = self.reply
            data["endpointOutput"] = self._part("OUTPUT", told.content_type, told.body)
        return json.dumps(
            {"captureData": data, "eventMetadata": self._metadata(), "eventVersion": VERSION}
        )

    def _part(self, mode: str, content_type: str, body: bytes) -> dict[str, Any]:
        encoding, text = encoded(self.options, content_type, body)
        return {
            "observedContentType": content_type,
            "mode": mode,
            "data": text,
            "encoding": encoding,
        }

    def _metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = {"eventId": str(uuid.uuid4())}
        if self.invocation.inference_id:
            found["inferenceId"] = self.invocation.inference_id
        if self.invocation.custom_attributes:
            found["customAttributes"] = [self.invocation.custom_attributes]
        moment = datetime.fromtimestamp(self.at, tz=timezone.utc)
        return {**found, "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}


Place = tuple[str, str, str]  # destination, endpoint, variant


@dataclass
class _Batch:
    """What waits to be written to one place; times are monotonic."""

    opened: float
    patience: float
    records: list[Captured] = field(default_factory=list)
    size: int = 0

    def add(self, record: Captured) -> None:
        self.records.append(record)
        self.size += record.size

    def is_due(self, now: float) -> bool:
        return now - self.opened >= self.patience or self.size >= MOST_IN_BATCH


class Capture:
    """Captures successful requests of endpoints; never delays or fails one."""

    def __init__(
        self, backend: Backend, draw: Callable[[], float] = random.random, most: int = MOST_WAITING
    ) -> None:
        self._backend = backend
        self._draw = draw
        self._most = most
        self._lock = threading.Lock()
        self._writing_lock = threading.Lock()
        self._batches: dict[Place, _Batch] = {}
        self._written: dict[Place, tuple[float, float]] = {}  # when, and after what patience
        self._size = 0
        self._writing = self._full = False

    def record(
        self,
        config: Mapping[str, Any],
        endpoint: str,
        variant: str,
        invocation: Invocation,
        reply: Reply,
    ) -> None:
        """Capture a request if the endpoint's DataCaptureConfig, and chance, will have it."""
        if not config.get("EnableCapture", True) or not 200 <= reply.status < 300:
            return
        if self._draw() * 100 >= config["InitialSamplingPercentage"]:
            return
        record = Captured(config, invocation, reply, self._backend.now())
        self._add((config["DestinationS3Uri"], endpoint, variant), record)

    def flush(self) -> None:
        """Write all that waits."""
        self._write(lambda batch: True)

    def close(self) -> None:
        """Write what is left; the server ends."""
        self.flush()

    def _add(self, place: Place, record: Captured) -> None:
        with self._lock:
            if self._size + record.size > self._most:
                if not self._full:
                    logger.warning("more is captured than can be written; some is left out")
                self._full = True
                return
            self._full = False
            self._size += record.size
            if place not in self._batches:
                now = time.monotonic()
                self._batches[place] = _Batch(now, self._patience(place, now))
            self._batches[place].add(record)
            if not self._writing:
                self._writing = True
                threading.Thread(target=self._write_all, name="capture", daemon=True).start()

    def _patience(self, place: Place, now: float) -> float:
        """Twice as long as the last time, where requests keep coming."""
        when, before = self._written.get(place, (-LATEST, 0.0))
        return SOONEST if now - when > 2 * before else min(2 * before, LATEST)

    def _write_all(self) -> None:
        while True:
            time.sleep(ROUND)
            now = time.monotonic()
            self._write(lambda batch, now=now: batch.is_due(now))  # type: ignore[misc]
            with self._lock:
                if not self._batches:
                    self._writing = False
                    return

    def _write(self, is_due: Callable[[_Batch], bool]) -> None:
        with self._writing_lock:  # whoever closes waits for what the thread has begun
            with self._lock:
                due = [place for place, batch in self._batches.items() if is_due(batch)]
                taken = {place: self._batches.pop(place) for place in due}
                for place, batch in taken.items():
                    self._written[place] = (time.monotonic(), batch.patience)
            for place, batch in taken.items():
                try:
                    self._put(place, batch.records)
                except Exception:  # the requests are answered: only their copies are lost
                    logger.exception(
                        "%d requests of %s were not captured", len(batch.records), place
                    )
                with self._lock:
                    self._size -= batch.size

    def _put(self, place: Place, records: list[Captured]) -> None:
        destination, endpoint, variant = place
        bucket, prefix = split_uri(destination)
        moment = datetime.fromtimestamp(records[0].at, tz=timezone.utc)
        name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        parts = [prefix.strip("/"), endpoint, variant, f"{moment:%Y/%m/%d/%H}", name]
        body = "".join(f"{record.line()}\n" for record in records)
        with acting(model_caller(self._backend, endpoint, variant)):
            self._backend.objects.write(bucket, "/".join(filter(None, parts)), body.encode())


def encoded(options: Mapping[str, Any], content_type: str, body: bytes) -> tuple[str, str]:
    """CSV or JSON as text where the configuration names the type, anything else in base 64."""
    given = options.get("CaptureContentTypeHeader") or {}
    media_type = _media_type(content_type)
    for encoding, key in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if media_type in map(_media_type, given.get(key, ())):
            try:
                return encoding, body.decode()
            except UnicodeDecodeError:
                break
    return "BASE64", base64.b64encode(body).decode()


def _media_type(content_type: str) -> str:
    """Without parameters such as a character set."""
    return content_type.partition(";")[0].strip().lower()
