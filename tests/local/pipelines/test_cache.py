"""Step caching over real executions."""

from __future__ import annotations

import dataclasses
import json

CACHED = {"Enabled": True, "ExpireAfter": "PT1H"}


def steps(build, seed="1"):
    return [
        build.processing("Prepare", CacheConfig=CACHED, Environment={"SEED": seed}),
        build.training(
            "Train",
            CacheConfig=CACHED,
            HyperParameters={
                "data": {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs[0].S3Output.S3Uri"}
            },
        ),
    ]


def again(world, **more):
    arn = world.start(**more)
    world.wait(arn)
    return arn


def test_a_second_execution_reuses_what_has_not_changed(world, build):
    first = world.run({"Steps": steps(build)})
    second = again(world)

    assert world.jobs.started == ["Prepare", "Train"]
    for name in ("Prepare", "Train"):
        hit = world.steps(second)[name]
        assert hit["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
        assert hit["Metadata"] == world.steps(first)[name]["Metadata"]


def test_a_third_execution_names_the_run_and_not_the_hit(world, build):
    first = world.run({"Steps": steps(build)})
    again(world)

    hit = world.steps(again(world))["Train"]["CacheHitResult"]
    assert hit == {"SourcePipelineExecutionArn": first}


def test_changing_one_step_repeats_it_and_what_reads_it(world, build):
    world.run({"Steps": [*steps(build), build.training("Other", CacheConfig=CACHED)]})
    changed = {
        "Version": "2020-12-01",
        "Steps": [*steps(build, seed="2"), build.training("Other", CacheConfig=CACHED)],
    }
    world.call("UpdatePipeline", PipelineName="P", PipelineDefinition=json.dumps(changed))
    again(world)

    assert sorted(world.jobs.started) == ["Other", "Prepare", "Prepare", "Train", "Train"]


def test_the_cache_survives_an_update_of_the_definition_and_a_restart(world, build):
    world.run({"Steps": steps(build)})
    longer = {"Version": "2020-12-01", "Steps": [*steps(build), build.training("More")]}
    world.call("UpdatePipeline", PipelineName="P", PipelineDefinition=json.dumps(longer))
    world.open()
    again(world)

    assert world.jobs.started == ["Prepare", "Train", "More"]


def test_a_result_that_is_too_old_is_made_again(world, build):
    world.run({"Steps": steps(build)})
    now = world.backend.now
    world.backend = dataclasses.replace(world.backend, now=lambda: now() + 3601)
    world.open()
    again(world)

    assert world.jobs.started == ["Prepare", "Train", "Prepare", "Train"]


def test_a_failed_run_is_never_reused(world, build):
    world.jobs.scripts["Train"] = [{"Failed": "AlgorithmError: no"}]
    world.run({"Steps": steps(build)})
    again(world)

    assert world.jobs.started == ["Prepare", "Train", "Train"]


def test_another_pipeline_shares_nothing(world, build):
    world.run({"Steps": steps(build)})
    text = json.dumps({"Version": "2020-12-01", "Steps": steps(build)})
    world.call(
        "CreatePipeline",
        PipelineName="Q",
        PipelineDefinition=text,
        RoleArn="arn:aws:iam::123456789012:role/pipeline",
    )
    world.wait(world.start("Q"))

    assert world.jobs.started == ["Prepare", "Train", "Prepare", "Train"]


def test_a_job_that_is_gone_is_not_reused(world, build):
    world.run({"Steps": [build.training("Train", CacheConfig=CACHED)]})
    name = world.jobs.requests["Train"][0]["TrainingJobName"]
    world.backend.store.delete("TrainingJob", name)
    again(world)

    assert world.jobs.started == ["Train", "Train"]


def test_caching_that_is_switched_off_repeats_everything(world, build):
    off = {"Enabled": False, "ExpireAfter": "PT1H"}
    world.run({"Steps": [build.training("Train", CacheConfig=off)]})
    again(world)

    assert world.jobs.started == ["Train", "Train"]
