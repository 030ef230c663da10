"""Training sets by query: Athena asked, the answer kept in the bucket as a data set."""

from __future__ import annotations

import time
import uuid
from typing import Any

from commands.output import say
from commands.session import Session
from errors import BreedlineError
from pipeline.selection import Selection, read_rows, select_sql

RESULTS = "queries"  # prefix of Athena's own results
EVERYTHING = "TRUE"  # the condition that every record meets
RUNNING = ("QUEUED", "RUNNING")


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
    query = _start(session, table, select_sql(table["Database"], table["TableName"], condition))
    _follow(session, query, condition)
    images = read_rows(_rows(session, query))
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
    return Selection(condition, session.settings.feature_group, table["TableName"], query, images)


def find_table(session: Session) -> dict[str, str]:
    """The table of the group's offline store: {Catalog, Database, TableName}."""
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
    table: dict[str, str] = found["OfflineStoreConfig"]["DataCatalogConfig"]
    return table


def keep(session: Session, selection: Selection) -> str:
    """Write a selection's files; returns its location, which the pipeline takes as its data."""
    s3, bucket = session.client("s3"), session.settings.bucket
    for name, text in selection.files().items():
        s3.put_object(Bucket=bucket, Key=f"{selection.prefix}/{name}", Body=text.encode())
    uri = f"s3://{bucket}/{selection.prefix}"
    say(f"Selected     {len(selection.images)} images where {selection.condition} → {uri}")
    return uri


def _start(session: Session, table: dict[str, str], sql: str) -> str:
    answer = session.client("athena").start_query_execution(
        QueryString=sql,
        ClientRequestToken=str(uuid.uuid4()),
        QueryExecutionContext={"Catalog": table["Catalog"], "Database": table["Database"]},
        ResultConfiguration={"OutputLocation": f"s3://{session.settings.bucket}/{RESULTS}/"},
    )
    return str(answer["QueryExecutionId"])


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


def _rows(session: Session, query: str) -> list[list[str | None]]:
    """The result's rows, all pages, without the header."""
    pages: Any = session.client("athena").get_paginator("get_query_results")
    found = [
        [cell.get("VarCharValue") for cell in row["Data"]]
        for page in pages.paginate(QueryExecutionId=query)
        for row in page["ResultSet"]["Rows"]
    ]
    return found[1:]
