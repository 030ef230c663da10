"""The Register step."""


def test_the_package_waits_for_approval_unless_the_execution_says_otherwise(steps):
    arguments = steps["Register"]["Arguments"]
    assert arguments["ModelApprovalStatus"] == {"Get": "Parameters.ModelApprovalStatus"}


def test_the_artifact_serves_itself_without_a_repacking_job(steps):
    assert "Register-RepackModel-0" not in steps
    (container,) = steps["Register"]["Arguments"]["InferenceSpecification"]["Containers"]
    assert container["ModelDataUrl"] == {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    assert container["Environment"]["SAGEMAKER_PROGRAM"] == "inference.py"
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"
    assert "/pytorch-inference:" in container["Image"]


def test_the_package_says_what_it_takes_and_gives(steps):
    specification = steps["Register"]["Arguments"]["InferenceSpecification"]
    types = ["image/jpeg", "image/png", "application/json"]
    assert specification["SupportedContentTypes"] == types
    assert specification["SupportedResponseMIMETypes"] == ["application/json"]


def test_the_package_shows_the_metrics_of_evaluate(steps):
    quality = steps["Register"]["Arguments"]["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert quality["ContentType"] == "application/json"
    output = {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    assert quality["S3Uri"] == {"Std:Join": {"On": "/", "Values": [output, "evaluation.json"]}}


def test_the_package_carries_its_provenance(steps):
    metadata = steps["Register"]["Arguments"]["CustomerMetadataProperties"]
    assert set(metadata) == {
        "accuracy",
        "data_digest",
        "pipeline_execution_arn",
        "smoke-samples",
    }
    assert metadata["pipeline_execution_arn"] == {"Get": "Execution.PipelineExecutionArn"}


def test_the_package_says_where_the_images_for_its_smoke_tests_lie(steps):
    metadata = steps["Register"]["Arguments"]["CustomerMetadataProperties"]
    output = {"Get": "Steps.Evaluate.ProcessingOutputConfig.Outputs['evaluation'].S3Output.S3Uri"}
    assert metadata["smoke-samples"] == {"Std:Join": {"On": "/", "Values": [output, "samples"]}}
