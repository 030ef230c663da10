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
    def options(**values):
        loaded = changed(local, "features", **values)
        arguments = steps_of(compiled(loaded))["Prepare"]["Arguments"]
        given = arguments["AppSpecification"]["ContainerArguments"]
        return dict(zip(given[::2], given[1::2], strict=True))

    with_group = options(enabled=True, group="photos", online=False)
    assert (with_group["--feature-group"], with_group["--online-store"]) == ("photos", "false")
    assert "--feature-group" not in options(enabled=False)
