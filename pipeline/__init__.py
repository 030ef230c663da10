"""Settings -> SageMaker pipeline definition; pure, and the only user of the sagemaker SDK."""
