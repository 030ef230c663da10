"""Many executions at once: each is its own."""

from __future__ import annotations

import json
import threading

KEY = [{"AttributeName": "Name", "KeyType": "HASH"}]
TEXT = [{"AttributeName": "Name", "AttributeType": "S"}]


def test_thirty_executions_run_at_once_and_the_failed_disturb_no_other(aws):
    aws.client("dynamodb").create_table(
        TableName="dogs",
        KeySchema=KEY,
        AttributeDefinitions=TEXT,
        BillingMode="PAY_PER_REQUEST",
    )
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem",
        "Parameters": {"TableName": "dogs", "Item": {"Name": {"S.$": "$.name"}}},
        "ResultPath": None,
        "Next": "Wait",
    }
    states = {
        "Put": put,
        "Wait": {"Type": "Wait", "Seconds": 1, "Next": "Bad"},
        "Bad": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.bad", "BooleanEquals": True, "Next": "Fail"}],
            "Default": "Map",
        },
        "Fail": {"Type": "Fail", "Error": "Bad"},
        "Map": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "StartAt": "Item",
                "States": {"Item": {"Type": "Pass", "Parameters": {"v.$": "$"}, "End": True}},
            },
            "End": True,
        },
    }
    machine = aws.create({"StartAt": "Put", "States": states})
    jsonata = {"Type": "Pass", "Output": "{% $states.input.name & '!' %}", "End": True}
    other = aws.create(
        {"QueryLanguage": "JSONata", "StartAt": "P", "States": {"P": jsonata}}, "other"
    )
    executions: dict[str, str] = {}

    def start(number: int) -> None:
        name = f"dog-{number}"
        value = {"name": name, "bad": number % 3 == 0, "items": [number, number + 1]}
        executions[name] = aws.start_execution(machine, value)
        executions[f"other-{number}"] = aws.start_execution(other, value)

    threads = [threading.Thread(target=start, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(30):
        ended = aws.end(executions[f"dog-{number}"])
        if number % 3 == 0:
            assert ended["error"] == "Bad"
        else:
            assert json.loads(ended["output"]) == [{"v": number}, {"v": number + 1}]
        assert json.loads(aws.end(executions[f"other-{number}"])["output"]) == f"dog-{number}!"
    assert aws.client("dynamodb").scan(TableName="dogs")["Count"] == 30


def test_nothing_of_an_ended_execution_stays_in_memory(aws):
    pass_state = {"Type": "Pass", "End": True}
    machine = aws.create({"StartAt": "Pass", "States": {"Pass": pass_state}})
    for _ in range(5):
        aws.end(aws.start_execution(machine, {"a": "x" * 1000}))
    assert dict(aws.door.service()._executions.running) == {}
    kept = aws.backend.store.list("Execution")
    assert all(len(json.dumps(document)) < 1000 for document in kept)
