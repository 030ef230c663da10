"""Training sets by query: Athena asked, the answer kept in the bucket as a data set."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from commands.output import say
from commands.session import Session
from errors import BreedlineError
from pipeline.selection import COLUMNS, MODEL, Selection, read_rows, select_sql

RESULTS = "queries"  # prefix of Athena's own results
EVERYTHING = "TRUE"  # the condition that every record meets
RUNNING = ("QUEUED", "RUNNING")


@dataclass(frozen=True)
class Table:
    """The table of a group's offline store, and the features that are its columns."""

    catalog: str
    database: str
    name: str
    features: frozenset[str]


def select(session: Session, condition: str) -> Selection:
    """The images whose records a condition accepts, such as "label = 'pug' AND width > 200".

    Raises BreedlineError when there is no feature group, when the query fails, or when it finds
    nothing.
    """
    if not condition.strip():
        raise BreedlineError(
            "The condition is empty; write one such as \"label = 'pug' AND width > 200\"."
        )
    table = find_table(session)
    columns = (*COLUMNS, *({MODEL} & table.features))
    query = ask(session, table, condition, columns)
    images = read_rows(rows_of(session, query))
    if not images and condition == EVERYTHING:
        raise BreedlineError(
            f"The feature group '{session.settings.feature_group}' has no record yet; the "
            "pipeline's step Prepare writes them (`python definitions.py start`)."
        )
    if not images:
        raise BreedlineError(
            f"No record in {session.settings.feature_group} is one with {condition}; see what is "
            "there with `python definitions.py features`."
        )
    return Selection(condition, session.settings.feature_group, table.name, query, images)


def find_table(session: Session) -> Table:
    """The table of the settings' group. Raises BreedlineError where there is none."""
    settings = session.settings
    if not settings.feature_group or not settings.features.offline:
        raise BreedlineError(
            f"The environment '{settings.environment}' keeps no records to select from: set "
            "features.enabled and features.offline in environments.toml and upsert."
        )
    sagemaker = session.client("sagemaker")
    try:
        found = sagemaker.describe_feature_group(FeatureGroupName=settings.feature_group)
    except sagemaker.exceptions.ResourceNotFound as error:
        raise BreedlineError(
            f"The feature group '{settings.feature_group}' is not deployed in the environment "
            f"'{settings.environment}'; run `python definitions.py upsert` first."
        ) from error
    named = found["OfflineStoreConfig"]["DataCatalogConfig"]
    features = frozenset(each["FeatureName"] for each in found["FeatureDefinitions"])
    return Table(named["Catalog"], named["Database"], named["TableName"], features)


def keep(session: Session, selection: Selection) -> str:
    """Write a selection's files; returns its location, which the pipeline takes as its data."""
    s3, bucket = session.client("s3"), session.settings.bucket
    for name, text in selection.files().items():
        s3.put_object(Bucket=bucket, Key=f"{selection.prefix}/{name}", Body=text.encode())
    uri = f"s3://{bucket}/{selection.prefix}"
    say(f"Selected     {len(selection.images)} images where {selection.condition} → {uri}")
    return uri


def ask(session: Session, table: Table, condition: str, columns: Sequence[str]) -> str:
    """Query the newest records to the end; returns the execution's id. Raises BreedlineError."""
    answer = session.client("athena").start_query_execution(
        QueryString=select_sql(table.database, table.name, condition, columns),
        ClientRequestToken=str(uuid.uuid4()),
        QueryExecutionContext={"Catalog": table.catalog, "Database": table.database},
        ResultConfiguration={"OutputLocation": f"s3://{session.settings.bucket}/{RESULTS}/"},
    )
    query = str(answer["QueryExecutionId"])
    _follow(session, query, condition)
    return query


def _follow(session: Session, query: str, condition: str) -> None:
    """Wait for the query; raises BreedlineError when it fails."""
    athena = session.client("athena")
    while True:
        found = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if found["State"] == "SUCCEEDED":
            return
        if found["State"] not in RUNNING:
            raise BreedlineError(
                f"The query with the condition {condition} ended as {found['State']}: "
                f"{found.get('StateChangeReason', 'no reason given')}"
            )
        time.sleep(session.poll_seconds / 3)


def rows_of(session: Session, query: str) -> Iterator[list[str | None]]:
    """The result's rows without the header; a page of them is in memory at a time."""
    pages: Any = session.client("athena").get_paginator("get_query_results")
    rows = (
        [cell.get("VarCharValue") for cell in row["Data"]]
        for page in pages.paginate(QueryExecutionId=query)
        for row in page["ResultSet"]["Rows"]
    )
    return islice(rows, 1, None)
