"""A part of the bucket for one reader elsewhere: both sides' documents fit each other."""

import json

from infrastructure.sharing import sharing_documents
from local.iam.evaluation import Request, evaluate, read_policies
from tests.infrastructure.examples import ENVIRONMENTS, READER

LOADED = ENVIRONMENTS["everything"]
OBJECTS = f"arn:aws:s3:::{LOADED.bucket}"


def decided(action, resource, principal=READER, **context):
    """Whether both the reader's own policy and the bucket's let a request through."""
    documents = sharing_documents(LOADED)
    bucket = {"Version": "2012-10-17", "Statement": documents["owner"]["bucket"]}
    request = Request(action, resource, context, principal)
    own = evaluate(request, read_policies([documents["reader"]]))
    owner = evaluate(request, read_policies([], resource=bucket))
    return own.allowed, owner.allowed


def test_the_reader_reads_and_lists_its_prefix():
    assert decided("s3:GetObject", f"{OBJECTS}/data/dogs/1.jpg") == (True, True)
    assert decided("s3:ListBucket", OBJECTS, **{"s3:prefix": "data/dogs"}) == (True, True)


def test_nothing_else_is_open_on_either_side():
    assert decided("s3:GetObject", f"{OBJECTS}/executions/model.tar.gz") == (False, False)
    assert decided("s3:ListBucket", OBJECTS, **{"s3:prefix": "executions/"}) == (False, False)
    assert decided("s3:PutObject", f"{OBJECTS}/data/dogs/1.jpg") == (False, False)


def test_nobody_else_is_let_in_by_the_owner():
    other = "arn:aws:iam::444455556666:role/other"
    assert decided("s3:GetObject", f"{OBJECTS}/data/dogs/1.jpg", other)[1] is False


def test_the_key_decrypts_for_the_reader_only_what_s3_gives_out():
    documents = sharing_documents(LOADED)
    (statement,) = documents["owner"]["key"]
    assert statement["Principal"] == {"AWS": READER}
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    }
    assert "kms:ResourceAliases" in json.dumps(documents["reader"])
