"""A feature store behind the real door, asked with boto3; only its clock is the tests' own."""

from __future__ import annotations

import dataclasses
import threading
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from werkzeug.serving import WSGIRequestHandler, make_server

from local.features.service import FeatureStore
from local.gateway import Gateway
from local.sagemaker import SageMaker

KEY = "LOCALKEY"
ROLE = "arn:aws:iam::123456789012:role/store"
FEATURES = [
    {"FeatureName": "record_id", "FeatureType": "String"},
    {"FeatureName": "event_time", "FeatureType": "String"},
    {"FeatureName": "label", "FeatureType": "String"},
    {"FeatureName": "width", "FeatureType": "Integral"},
    {"FeatureName": "score", "FeatureType": "Fractional"},
]


class Quiet(WSGIRequestHandler):  # type: ignore[misc]
    def log(self, *arguments):
        return


@pytest.fixture(scope="package")
def door():
    """One HTTP server and its clients, made once; each test puts its own application behind it."""
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    options = {
        "endpoint_url": f"http://127.0.0.1:{server.port}",
        "region_name": "eu-west-1",
        "aws_access_key_id": KEY,
        "aws_secret_access_key": "secret",
        "config": Config(retries={"max_attempts": 1}),
    }
    names = ("sagemaker", "sagemaker-featurestore-runtime", "athena")
    yield (
        server,
        SimpleNamespace(
            **{
                name.split("-", 1)[-1].replace("-", "_"): boto3.client(name, **options)
                for name in names
            }
        ),
    )
    server.shutdown()
    thread.join()


@dataclass
class World:
    """The clients, the store's clock and the store."""

    api: Any
    records: Any
    athena: Any
    backend: Any
    store: FeatureStore
    clock: list[float]

    def create(self, name="photos", **more):
        request = {
            "FeatureGroupName": name,
            "RecordIdentifierFeatureName": "record_id",
            "EventTimeFeatureName": "event_time",
            "FeatureDefinitions": FEATURES,
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://store/features"}},
            "RoleArn": ROLE,
        } | more
        given = {key: value for key, value in request.items() if value is not None}
        arn = self.api.create_feature_group(**given)["FeatureGroupArn"]
        self.clock[0] += 1  # it is Created
        return arn

    def put(self, identifier, day=1, group="photos", **values):
        given = {"record_id": identifier, "event_time": f"2026-05-{day:02}T10:00:00Z", **values}
        record = [{"FeatureName": k, "ValueAsString": str(v)} for k, v in given.items()]
        self.records.put_record(FeatureGroupName=group, Record=record)

    def get(self, identifier, group="photos", **more):
        answer = self.records.get_record(
            FeatureGroupName=group, RecordIdentifierValueAsString=identifier, **more
        )
        return {v["FeatureName"]: v["ValueAsString"] for v in answer.get("Record", [])}

    def table(self, group="photos"):
        described = self.api.describe_feature_group(FeatureGroupName=group)
        return described["OfflineStoreConfig"]["DataCatalogConfig"]["TableName"]

    def start(self, sql, **more):
        """Start a query, in which {table} is the table of the group photos."""
        place = {"OutputLocation": "s3://store/queries/"}
        return self.athena.start_query_execution(
            QueryString=sql.replace("{table}", self.table()), ResultConfiguration=place, **more
        )["QueryExecutionId"]

    def finish(self, identifier):
        deadline = time.monotonic() + 20
        while True:
            found = self.athena.get_query_execution(QueryExecutionId=identifier)["QueryExecution"]
            if found["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return found
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def query(self, sql):
        """The rows of a query, its header left out."""
        identifier = self.start(sql)
        found = self.finish(identifier)
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=identifier)
        rows = [row["Data"] for page in pages for row in page["ResultSet"]["Rows"]]
        return [[cell.get("VarCharValue") for cell in row] for row in rows[1:]]


@pytest.fixture
def open_store(backend, door):
    """Open the store over the same state, once more after a `close` or a death."""
    server, clients = door
    backend.objects.write("store", "made-before", b"")
    clock = [1_780_000_000.0]
    timed = dataclasses.replace(backend, now=lambda: clock[0])
    opened = []

    def open_it():
        store = FeatureStore(timed)
        store.recover()
        sagemaker = SageMaker()
        sagemaker.add([store.groups, timed.tags])
        server.app = Gateway(KEY, sagemaker, store.watch(_moto), lambda: None)
        opened.append(store)
        return World(
            clients.sagemaker, clients.featurestore_runtime, clients.athena, timed, store, clock
        )

    yield open_it
    opened[-1].close()


@pytest.fixture
def world(open_store):
    return open_store()


def _moto(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1")])
    return [b'{"NamedQueryIds": ["moto"]}']
