"""The Evaluate step."""

from tests.pipeline.examples import changed, compiled, steps_of


def test_evaluate_measures_the_artifact_of_train_on_the_test_split(steps):
    inputs = {
        item["InputName"]: item["S3Input"]
        for item in steps["Evaluate"]["Arguments"]["ProcessingInputs"]
    }
    assert set(inputs) == {"code", "model", "test", "dataset"}
    assert inputs["model"]["S3Uri"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    test = inputs["test"]["S3Uri"]["Std:Join"]["Values"]
    assert test[1:] == ["test", {"Get": "Parameters.TrainingDataType"}]
    assert inputs["test"]["S3DataType"] == {"Get": "Parameters.TrainingDataType"}


def test_evaluate_asks_the_registry_of_the_settings(steps, local):
    arguments = steps["Evaluate"]["Arguments"]
    options = arguments["AppSpecification"]["ContainerArguments"]
    group = options[options.index("--model-package-group") + 1]
    assert group == local.pipeline.model_package_group
    assert options[options.index("--champion-tolerance") + 1] == "0.0"
    assert arguments["Environment"] == {"AWS_DEFAULT_REGION": local.aws.region}


def test_the_report_is_a_property_file_of_the_only_output(steps):
    (file,) = steps["Evaluate"]["PropertyFiles"]
    (output,) = steps["Evaluate"]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert file["OutputName"] == output["OutputName"] == "evaluation"
    assert file["FilePath"] == "evaluation.json"


def test_evaluate_keeps_as_many_images_for_smoke_tests_as_the_settings_say(local):
    arguments = steps_of(compiled(changed(local, "smoke", samples=17)))["Evaluate"]["Arguments"]
    options = arguments["AppSpecification"]["ContainerArguments"]
    assert options[options.index("--smoke-samples") + 1] == "17"
