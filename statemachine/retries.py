"""Which errors of which service pass by themselves, and how patiently they are waited for.

The AWS SDK integrations name an error that the API's model does not know, throttling among them,
after the service alone: `SageMaker.SageMakerException` is throttling as well as a wrong request.
So states that expect such an error are tried again only a little, the others more often.
"""

from __future__ import annotations

from collections.abc import Mapping

TIMEOUT = "States.Timeout"
SAGEMAKER = "SageMaker.SageMakerException"
CONDITION_FAILED = "DynamoDB.ConditionalCheckFailedException"
NO_SUCH_EXECUTION = "Sfn.ExecutionDoesNotExistException"
NO_SUCH_FUNCTION = "Lambda.ResourceNotFoundException"
NO_PROVISIONED = "Lambda.ProvisionedConcurrencyConfigNotFoundException"
NO_SCALING = "ApplicationAutoScaling.ObjectNotFoundException"
NO_PARAMETER = "Ssm.ParameterNotFoundException"

# Service of an integration -> its transient errors.
TRANSIENT: Mapping[str, tuple[str, ...]] = {
    "sagemaker": (
        SAGEMAKER,
        "SageMaker.ThrottlingException",
        "SageMaker.ServiceUnavailableException",
        "SageMaker.InternalFailureException",
        "SageMaker.SdkClientException",
    ),
    "dynamodb": (
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB.RequestLimitExceededException",
        "DynamoDB.ThrottlingException",
        "DynamoDB.InternalServerErrorException",
        "DynamoDB.AmazonDynamoDBException",
        "DynamoDB.SdkClientException",
    ),
    "lambda": (
        "Lambda.TooManyRequestsException",
        "Lambda.ServiceException",
        "Lambda.ResourceConflictException",  # an earlier update of the function is under way
        "Lambda.LambdaException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
    ),
    "applicationautoscaling": (
        "ApplicationAutoScaling.ConcurrentUpdateException",
        "ApplicationAutoScaling.InternalServiceException",
        "ApplicationAutoScaling.ApplicationAutoScalingException",
        "ApplicationAutoScaling.SdkClientException",
    ),
    "ssm": ("Ssm.InternalServerErrorException", "Ssm.SsmException", "Ssm.SdkClientException"),
    "sns": (
        "SNS.ThrottledException",
        "SNS.InternalErrorException",
        "SNS.AmazonSNSException",
        "SNS.SdkClientException",
    ),
    "s3": ("S3.S3Exception", "S3.SdkClientException"),
    "sfn": ("Sfn.SfnException", "Sfn.SdkClientException"),
}
PATIENT = 4  # attempts after the first
BRIEF = 2  # of a state that expects the error as well


def retriers(service: str, *, attempts: int, repeatable: bool) -> list[dict[str, object]]:
    """The fields of a task's retriers; one that must not run twice is not repeated on time-outs."""
    errors = [*TRANSIENT[service], *([TIMEOUT] if repeatable else [])]
    return [
        {
            "error_equals": errors,
            "interval_seconds": 1,
            "max_attempts": attempts,
            "backoff_rate": 2.0,
            "max_delay_seconds": 15,
            "jitter_strategy": "FULL",
        }
    ]
