"""The Prepare step."""

from tests.pipeline.examples import changed, compiled, steps_of


def test_prepare_runs_the_script_of_its_own_package(steps):
    arguments = steps["Prepare"]["Arguments"]
    inputs = {item["InputName"]: item["S3Input"] for item in arguments["ProcessingInputs"]}
    assert "/code/prepare-" in inputs["code"]["S3Uri"]
    script = f"{inputs['code']['LocalPath']}/prepare.py"
    assert arguments["AppSpecification"]["ContainerEntrypoint"] == ["python3", script]


def test_prepare_learns_the_data_set_from_the_parameter(steps):
    arguments = steps["Prepare"]["Arguments"]
    data = arguments["ProcessingInputs"][1]["S3Input"]
    assert data["S3Uri"] == {"Get": "Parameters.InputDataUri"}
    options = arguments["AppSpecification"]["ContainerArguments"]
    assert options[options.index("--source-uri") + 1] == {"Get": "Parameters.InputDataUri"}
    assert options[options.index("--input") + 1] == data["LocalPath"]


def test_each_execution_has_its_own_outputs(steps):
    outputs = steps["Prepare"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert [item["OutputName"] for item in outputs] == ["splits", "statistics"]
    for item in outputs:
        parts = item["S3Output"]["S3Uri"]["Std:Join"]["Values"]
        assert {"Get": "Execution.PipelineExecutionId"} in parts


def test_jobs_run_in_the_vpc_and_with_the_key_of_the_settings(local):
    safe = changed(
        local, "aws", kms_key="alias/k", subnets=("subnet-0a",), security_groups=("sg-0b",)
    )
    steps = steps_of(compiled(safe))
    for name in ("Prepare", "Evaluate"):
        arguments = steps[name]["Arguments"]
        network = arguments["NetworkConfig"]
        assert network["VpcConfig"] == {"Subnets": ["subnet-0a"], "SecurityGroupIds": ["sg-0b"]}
        assert network["EnableInterContainerTrafficEncryption"] is True
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == "alias/k"
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == "alias/k"
    train = steps["Train"]["Arguments"]
    assert train["VpcConfig"]["Subnets"] == ["subnet-0a"]
    assert train["OutputDataConfig"]["KmsKeyId"] == "alias/k"


def test_prepare_fills_the_feature_group_of_the_settings(local):
    with_group = options(changed(local, "features", enabled=True, group="photos", online=False))
    assert (with_group["--feature-group"], with_group["--online-store"]) == ("photos", "false")
    without = options(changed(local, "features", enabled=False))
    assert not [name for name in without if name.startswith(("--feature", "--embedding"))]


def test_images_are_embedded_by_the_network_that_training_begins_with(local):
    packaged = options(local)
    assert packaged["--embedding-backbone"] == local.model.backbone
    assert "--embedding-weights" not in packaged
    assert "pretrained" not in inputs(local)
    loaded = changed(
        local, "model", backbone="resnet18", image_size=96, pretrained_uri="s3://weights/r18.pt"
    )
    named, place = options(loaded), inputs(loaded)["pretrained"]
    assert (named["--embedding-backbone"], named["--embedding-image-size"]) == ("resnet18", "96")
    assert place["S3Uri"] == "s3://weights/r18.pt"
    assert named["--embedding-weights"] == place["LocalPath"]


def test_a_network_without_weights_embeds_nothing(local):
    for loaded in (
        changed(local, "model", backbone="resnet18"),
        changed(local, "features", embedding=False),
    ):
        assert not [name for name in options(loaded) if name.startswith("--embedding")]
        assert options(loaded)["--feature-group"]


def options(loaded):
    arguments = steps_of(compiled(loaded))["Prepare"]["Arguments"]
    given = arguments["AppSpecification"]["ContainerArguments"]
    return dict(zip(given[::2], given[1::2], strict=True))


def inputs(loaded):
    arguments = steps_of(compiled(loaded))["Prepare"]["Arguments"]
    return {item["InputName"]: item["S3Input"] for item in arguments["ProcessingInputs"]}
