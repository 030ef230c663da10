"""Log groups are there before their writers, and expire."""


def test_every_function_and_state_machine_has_a_group_that_expires(upsert, clients, local):
    upsert()
    logs = clients("logs")
    found = {
        group["logGroupName"]: group["retentionInDays"]
        for group in logs.describe_log_groups()["logGroups"]
    }
    assert found == {
        "/aws/lambda/breedline-predict": 90,
        "/aws/lambda/breedline-smoke-test": 90,
        "/aws/vendedlogs/states/breedline-deploy": 90,
        "/aws/vendedlogs/states/breedline-retrain": 90,
        "/aws/vendedlogs/states/breedline-rollback": 90,
    }
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/breedline-predict"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == local.tags


def test_a_group_that_the_service_made_first_is_taken_over(upsert, replan, clients):
    clients("logs").create_log_group(logGroupName="/aws/lambda/breedline-predict")
    clients("logs").create_log_group(logGroupName="/aws/lambda/breedline-predict-other")
    kinds = [(r.change.kind, r.change.name) for r in upsert() if r.change.resource == "log-group"]
    assert kinds[0] == ("update", "/aws/lambda/breedline-predict")
    assert replan() == []
