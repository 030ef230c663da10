"""Queries through Athena's API, on the offline store's own files."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def photos(world):
    world.create()
    for number, label in enumerate(["pug", "husky", "pug"]):
        world.put(f"r{number}", label=label, width=number, score=number / 2)
    return world


def test_a_query_sees_what_was_put_just_before(photos):
    rows = photos.query('SELECT label, count(*), sum(width) FROM "{table}" GROUP BY 1 ORDER BY 1')
    assert rows == [["husky", "1", "1"], ["pug", "2", "2"]]


def test_a_table_may_be_named_with_its_catalog_and_database(photos):
    sql = 'SELECT max(score) FROM "AwsDataCatalog"."sagemaker_featurestore"."{table}"'
    assert photos.query(sql) == [["1.0"]]


def test_columns_have_athenas_types_and_the_result_lies_in_s3(photos):
    sql = "SELECT label AS l, width, score, write_time, is_deleted FROM {table} ORDER BY 2 LIMIT 1"
    identifier = photos.start(sql)
    location = photos.finish(identifier)["ResultConfiguration"]["OutputLocation"]
    assert location == f"s3://store/queries/{identifier}.csv"
    result = photos.athena.get_query_results(QueryExecutionId=identifier)["ResultSet"]
    columns = result["ResultSetMetadata"]["ColumnInfo"]
    assert [(column["Name"], column["Type"]) for column in columns] == [
        ("l", "varchar"),
        ("width", "bigint"),
        ("score", "double"),
        ("write_time", "timestamp"),
        ("is_deleted", "boolean"),
    ]
    stored = photos.backend.objects.find("store", f"queries/{identifier}.csv")
    header, line = stored.path.read_text().splitlines()
    assert header == '"l","width","score","write_time","is_deleted"'
    assert line.startswith('"pug","0","0.0","2026-')


def test_null_and_nothing_are_told_apart(photos):
    rows = photos.query("SELECT '', null, 'a \"b\", c' FROM {table} LIMIT 1")
    assert rows == [["", None, 'a "b", c']]


def test_results_come_a_page_at_a_time(photos):
    identifier = photos.start("SELECT record_id FROM {table} ORDER BY 1")
    photos.finish(identifier)
    first = photos.athena.get_query_results(QueryExecutionId=identifier, MaxResults=2)
    assert len(first["ResultSet"]["Rows"]) == 2  # the header is one
    token = first["NextToken"]
    rest = photos.athena.get_query_results(QueryExecutionId=identifier, NextToken=token)
    assert [row["Data"][0]["VarCharValue"] for row in rest["ResultSet"]["Rows"]] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT nothing FROM {table}", "nothing"),
        ("SELECT 1 +", "syntax error"),
        ("SELECT * FROM elsewhere", "elsewhere"),
        ("DROP VIEW {table}", "Only one SELECT"),
        ("SELECT 1; SELECT 2", "Only one SELECT"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
        ("SELECT * FROM glob('/*')", "disabled by configuration"),
        ("SELECT CAST(label AS bigint) FROM {table}", "Could not convert"),
    ],
)
def test_a_query_that_cannot_be_run_fails_with_its_reason(photos, sql, words):
    identifier = photos.start(sql)
    status = photos.finish(identifier)["Status"]
    assert status["State"] == "FAILED"
    assert words in status["StateChangeReason"]
    with pytest.raises(ClientError, match="Current state: FAILED"):
        photos.athena.get_query_results(QueryExecutionId=identifier)


def test_a_repeated_request_is_the_same_query(photos):
    token = "t" * 32
    first = photos.start("SELECT 1", ClientRequestToken=token)
    assert photos.start("SELECT 1", ClientRequestToken=token) == first
    assert photos.start("SELECT 1") != first
    assert len(photos.athena.list_query_executions()["QueryExecutionIds"]) == 2


def test_a_query_is_stopped(photos):
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b, range(1000) c"
    identifier = photos.start(endless)
    photos.athena.stop_query_execution(QueryExecutionId=identifier)
    assert photos.finish(identifier)["Status"]["State"] == "CANCELLED"
    answer = photos.athena.batch_get_query_execution(QueryExecutionIds=[identifier, "none"])
    assert [q["QueryExecutionId"] for q in answer["QueryExecutions"]] == [identifier]
    assert answer["UnprocessedQueryExecutionIds"][0]["QueryExecutionId"] == "none"


def test_what_ran_when_the_server_died_has_failed(open_store):
    world = open_store()
    world.create()
    identifier = world.start("SELECT 1")
    world.finish(identifier)
    world.backend.store.set("QueryExecution", identifier, Status={"State": "RUNNING"})
    status = open_store().finish(identifier)["Status"]
    assert (status["State"], status["StateChangeReason"]) == ("FAILED", "The server was stopped.")


def test_what_cannot_be_started_is_refused(photos):
    with pytest.raises(ClientError, match="No output location provided"):
        photos.athena.start_query_execution(QueryString="SELECT 1")
    with pytest.raises(ClientError, match="not 'default'") as refused:
        photos.start("SELECT 1", QueryExecutionContext={"Database": "default"})
    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"
    with pytest.raises(ClientError, match="was not found"):
        photos.athena.get_query_execution(QueryExecutionId="none")


def test_the_rest_of_athena_is_motos(photos):
    assert photos.athena.list_named_queries()["NamedQueryIds"] == ["moto"]
