"""A deployment as a whole, from the approved package to the answering version."""

from __future__ import annotations


def test_a_first_deployment_makes_everything(world):
    aws = world.environment()
    done = aws.deploy(aws.package())
    assert done["status"] == "SUCCEEDED", done
    assert done["output"]["outcome"] == "Deployed"
    assert done["output"]["smoke_tests"]["failed"] == 0
    (message,) = aws.messages()
    assert message["event"] == "Deployed"
    made = aws.snapshot()
    assert made["endpoint"]["config"] == aws.config(1)
    assert made["function"]["alias"] == {"live": "1"}
    assert made["locks"] == []
