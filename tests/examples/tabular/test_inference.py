"""The handlers inside the artifact: what they answer, and what they refuse with which status."""

import json

import pytest
from artifact import opened

from examples.tabular.housing import COLUMNS


@pytest.fixture(scope="module")
def served(made):
    """The opened artifact, and two rows that it knows: [(record, answer)]."""
    kept = json.loads((made.work / "evaluation" / "samples" / "samples.json").read_text())
    with opened(made.work / "model.tar.gz") as artifact:
        yield artifact, [(each["record"], each["expected"]) for each in kept["samples"][:2]]


@pytest.fixture
def ask(served):
    artifact, _ = served

    def ask_it(body, kind="application/json", accept="application/json"):
        data = artifact.inference.input_fn(body, kind)
        return json.loads(
            artifact.inference.output_fn(
                artifact.inference.predict_fn(data, artifact.model), accept
            )
        )

    return ask_it


def test_records_are_answered_in_their_order_whatever_the_order_of_their_names(served, ask):
    _, rows = served
    records = [dict(reversed(record.items())) for record, _ in rows]
    expected = pytest.approx([answer for _, answer in rows], rel=1e-12)
    assert ask(json.dumps({"records": records})) == {"predictions": expected}
    assert (
        ask(json.dumps({"record": records[1]}).encode())["predictions"][0] == expected.expected[1]
    )


def test_csv_is_read_with_its_header_and_without_in_the_models_order(served, ask):
    (record, answer), _ = served[1]
    shuffled = sorted(record)
    header = ",".join(shuffled) + "\r\n" + ",".join(repr(record[name]) for name in shuffled)
    bare = ",".join(repr(record[name]) for name in COLUMNS) + "\n"
    for body in (header, bare, f"\ufeff{header}".encode(), bare * 3):
        found = ask(body, "text/csv; charset=utf-8")["predictions"]
        assert found == pytest.approx([answer] * len(found), rel=1e-12)
    assert len(found) == 3


def test_the_version_is_told_when_the_container_knows_it(served, ask, monkeypatch):
    monkeypatch.setenv("BREEDLINE_MODEL_VERSION", "4")
    assert ask(json.dumps({"record": served[1][0][0]}))["model_version"] == 4


@pytest.fixture
def refusal(served):
    """The artifact's own class, which no other module's is."""
    return served[0].inference.RequestError


NUMBERS = ",".join("1" * len(COLUMNS))
RECORD = dict.fromkeys(COLUMNS, 1.0)
REFUSALS = [
    ("", "image/jpeg", 415, "'image/jpeg' is not taken"),
    ("{", "application/json", 400, "is not JSON"),
    ("[" * 100_000, "application/json", 400, "is not JSON"),
    ("[]", "application/json", 400, "must be an object such as"),
    ("{}", "application/json", 400, "must be an object such as"),
    ('{"record": {}, "records": [{}]}', "application/json", 400, "must be an object"),
    ('{"record": {}, "other": 1}', "application/json", 400, "must be an object"),
    ('{"records": []}', "application/json", 400, "records must hold objects"),
    ('{"records": [1]}', "application/json", 400, "records must hold objects"),
    ('{"record": [1]}', "application/json", 400, "record must hold objects"),
    ('{"record": {"rooms": 1}}', "application/json", 400, "Row 0 lacks median_income"),
    (json.dumps({"record": RECORD | {"x" * 90: 1}}), "application/json", 400, "x…'"),
    ("", "text/csv", 400, "holds no rows"),
    (",".join(COLUMNS), "text/csv", 400, "holds no rows"),
    ("1,2", "text/csv", 400, "Row 0 has 2 cells, not 8"),
    (f"{NUMBERS}\n1,2", "text/csv", 400, "Row 1 has 2 cells, not 8"),
    ('"1', "text/csv", 400, "is not CSV"),
    (b"\xff\xfe", "text/csv", 400, "not text in UTF-8"),
]
BAD_NUMBERS = ["one", None, True, [1], float("nan"), float("inf"), 1e300, 10**400]


@pytest.mark.parametrize(("body", "kind", "status", "words"), REFUSALS)
def test_what_is_no_question_is_refused_in_one_sentence(ask, refusal, body, kind, status, words):
    with pytest.raises(refusal) as refused:
        ask(body, kind)
    assert refused.value.status == status
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: str(value)[:8])
def test_a_cell_that_is_no_finite_number_is_refused(ask, refusal, value):
    with pytest.raises(refusal, match="Row 1: rooms is no finite number") as refused:
        ask(json.dumps({"records": [RECORD, RECORD | {"rooms": value}]}))
    assert refused.value.status == 400


def test_more_than_the_limits_is_refused(ask, refusal, monkeypatch):
    monkeypatch.setenv("BREEDLINE_MAX_ROWS", "2")
    with pytest.raises(refusal, match="more than 2 rows") as refused:
        ask("\n".join([NUMBERS] * 3), "text/csv")
    assert refused.value.status == 413
    monkeypatch.setenv("BREEDLINE_MAX_BYTES", "10")
    with pytest.raises(refusal, match="larger than 10 bytes"):
        ask(NUMBERS, "text/csv")


def test_a_client_that_takes_no_json_is_told(served, ask, refusal):
    with pytest.raises(refusal) as refused:
        ask(json.dumps({"record": served[1][0][0]}), accept="text/csv")
    assert refused.value.status == 406
