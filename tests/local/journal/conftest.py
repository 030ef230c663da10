"""A small service behind a journal: names what reached it, and answers as it is told."""

import io
import json

import pytest

from local.journal import Journal

CREDENTIAL = "AWS4-HMAC-SHA256 Credential=KEY/20260101/eu-west-1/{}/aws4_request, Signature=abc"
TARGETS = {"sqs": "AmazonSQS", "events": "AWSEvents", "kms": "TrentService", "ssm": "AmazonSSM"}


class Room:
    """A journal before an application of the test's own."""

    def __init__(self, folder):
        self.path = folder / "journal.jsonl"
        self.seen = []
        self.refuse = set()
        self.answer = {}
        self.journal = Journal(self.path)
        self.app = self.journal.watch(self.application)

    def application(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        name = action or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        self.seen.append((name, json.loads(body) if body.startswith(b"{") else body.decode()))
        start_response("400 Bad" if name in self.refuse else "200 OK", [])
        return [json.dumps(self.answer).encode()]

    def ask(self, service, action, **fields):
        body = json.dumps(fields).encode()
        return self._call(
            service,
            body,
            REQUEST_METHOD="POST",
            PATH_INFO="/",
            CONTENT_TYPE="application/x-amz-json-1.1",
            HTTP_X_AMZ_TARGET=f"{TARGETS[service]}.{action}",
        )

    def ask_s3(self, method, path, query="", body=b""):
        return self._call("s3", body, REQUEST_METHOD=method, PATH_INFO=path, QUERY_STRING=query)

    def _call(self, service, body, **environ):
        answer = []
        given = {
            "HTTP_AUTHORIZATION": CREDENTIAL.format(service),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **environ,
        }
        chunks = self.app(given, lambda status, headers: answer.append(status))
        return answer[0], b"".join(chunks)

    def replayed(self):
        """What a new server asks the application, from the file alone."""
        self.seen = []
        self.journal = Journal(self.path)
        self.app = self.journal.watch(self.application)
        self.journal.replay(self.application)
        return self.seen


@pytest.fixture
def room(tmp_path):
    return Room(tmp_path)
