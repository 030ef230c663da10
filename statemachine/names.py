"""The names and ARNs of everything that deploys, serves and retrains, derived from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from settings import Settings, partition_of

VARIANT = "AllTraffic"
ALIAS = "live"
ROLE_ACTORS = ("endpoint", "predict", "smoke_test", "workflow", "events")


@dataclass(frozen=True)
class Names:
    """One environment's names; `arn` makes an ARN of this account and region."""

    settings: Settings

    @property
    def endpoint(self) -> str:
        return self.settings.endpoint_name

    @property
    def table(self) -> str:
        """The DynamoDB table with the locks of deployments and retrainings."""
        return f"{self.endpoint}-locks"

    @property
    def topic(self) -> str:
        return f"{self.endpoint}-notifications"

    @property
    def queue(self) -> str:
        """The dead-letter queue of the event rules."""
        return f"{self.endpoint}-undelivered-events"

    @property
    def predict(self) -> str:
        return f"{self.endpoint}-predict"

    @property
    def smoke_test(self) -> str:
        return f"{self.endpoint}-smoke-test"

    @property
    def parameter(self) -> str:
        """The SSM parameter that holds the measured invocations per instance and minute."""
        return f"/breedline/{self.settings.environment}/{self.endpoint}/invocations-per-minute"

    @property
    def ec2_logs(self) -> str:
        """The log group of training on EC2."""
        return f"/breedline/{self.endpoint}/ec2-training"

    def state_machine(self, kind: str) -> str:
        """`deploy`, `rollback` or `retrain`."""
        return f"{self.endpoint}-{kind}"

    def rule(self, kind: str) -> str:
        return f"{self.endpoint}-{kind}"

    def alarm(self, kind: str) -> str:
        return f"{self.endpoint}-{kind}"

    def role(self, actor: str) -> str:
        """The ARN of an actor's role: the settings' own, else the one that `upsert` makes."""
        named: str = getattr(self.settings.roles, actor)
        if named.startswith("arn:"):
            return named
        return self._iam(f"role/{named or self.made_role(actor)}")

    def made_role(self, actor: str) -> str:
        """The name of the role that `upsert` makes where the settings name none."""
        region = self.settings.aws.region
        return f"{self.endpoint}-{region}-{actor.replace('_', '-')}"  # IAM knows no regions

    def arn(self, service: str, resource: str) -> str:
        """`arn("states", "stateMachine:x")` in this account and region."""
        aws = self.settings.aws
        return f"arn:{self._partition}:{service}:{aws.region}:{aws.account_id}:{resource}"

    def state_machine_arn(self, kind: str) -> str:
        return self.arn("states", f"stateMachine:{self.state_machine(kind)}")

    def function_arn(self, name: str) -> str:
        return self.arn("lambda", f"function:{name}")

    @property
    def endpoint_arn(self) -> str:
        return self.arn("sagemaker", f"endpoint/{self.endpoint}")

    @property
    def topic_arn(self) -> str:
        return self.arn("sns", self.topic)

    @property
    def queue_arn(self) -> str:
        return self.arn("sqs", self.queue)

    @property
    def pipeline_arn(self) -> str:
        return self.arn("sagemaker", f"pipeline/{self.settings.pipeline.name}")

    @property
    def _partition(self) -> str:
        return partition_of(self.settings.aws.region)

    def _iam(self, resource: str) -> str:
        return f"arn:{self._partition}:iam::{self.settings.aws.account_id}:{resource}"
