"""The services that are kept, action by action.

What is missing here and changes something is kept as it comes ("more"). Not kept are requests that
read, and those that move data: messages, metric values, events.
"""

from __future__ import annotations

import re

from local.journal.keys import SKIP, Rule, make, merge, more, put, remove

READING = re.compile(
    r"(?:Get|List|Describe|BatchGet|Query|Scan|Test|Simulate|Lookup|Filter|Validate|Check|Search"
    r"|Select|Count)[A-Z]?|TransactGet"
)
ROLE, USER, GROUP = "role/{RoleName}", "user/{UserName}", "group/{GroupName}"
PROFILE, POLICY = "profile/{InstanceProfileName}", "policy/{PolicyArn}"
RULE = "bus/{EventBusName=default}/rule"
TOPIC, QUEUE, KMS_KEY = "topic/{TopicArn}", "queue/{QueueUrl}", "key/{KeyId}"
SUBSCRIPTION = "subscription/{SubscriptionArn}"
SCALABLE = "target/{ServiceNamespace}/{ResourceId}/{ScalableDimension}"
LOG_GROUP = "group/{logGroupName}"
VPC, VPC_SUBNET = "vpc/{VpcId}", "subnet/{SubnetId}"
SECURITY_GROUP, VPC_ENDPOINT = "security-group/{GroupId}", "vpc-endpoint/{VpcEndpointId.}"
# Of these, actions that are not in the table are not kept: instances ended with the server.
ONLY_LISTED = ("ec2", "budgets")


def _owner_of_policies(owner: str, name: str) -> dict[str, Rule]:
    """IAM has the same actions for roles, users and groups."""
    return {
        f"Create{owner}": make(name),
        f"Delete{owner}": remove(name),
        f"Update{owner}": more(name),
        f"Put{owner}Policy": put(f"{name}/inline/{{PolicyName}}"),
        f"Delete{owner}Policy": remove(f"{name}/inline/{{PolicyName}}"),
        f"Attach{owner}Policy": put(f"{name}/attached/{{PolicyArn}}"),
        f"Detach{owner}Policy": remove(f"{name}/attached/{{PolicyArn}}"),
        f"Put{owner}PermissionsBoundary": put(f"{name}/boundary"),
        f"Delete{owner}PermissionsBoundary": remove(f"{name}/boundary"),
        f"Tag{owner}": more(name),
        f"Untag{owner}": more(name),
    }


TABLE: dict[str, dict[str, Rule]] = {
    "iam": {
        **_owner_of_policies("Role", ROLE),
        **_owner_of_policies("User", USER),
        **_owner_of_policies("Group", GROUP),
        "UpdateAssumeRolePolicy": put(f"{ROLE}/trust"),
        "UpdateRoleDescription": put(f"{ROLE}/description"),
        "CreatePolicy": make("policy/{PolicyName}"),
        "DeletePolicy": remove(POLICY),
        "CreatePolicyVersion": more(POLICY),
        "DeletePolicyVersion": more(POLICY),
        "SetDefaultPolicyVersion": more(POLICY),
        "CreateInstanceProfile": make(PROFILE),
        "DeleteInstanceProfile": remove(PROFILE),
        "AddRoleToInstanceProfile": put(f"{PROFILE}/role/{{RoleName}}"),
        "RemoveRoleFromInstanceProfile": remove(f"{PROFILE}/role/{{RoleName}}"),
        "CreateAccessKey": more(USER),
        "DeleteAccessKey": more(USER),
        "GenerateCredentialReport": SKIP,
        "GenerateServiceLastAccessedDetails": SKIP,
    },
    "sns": {
        "CreateTopic": make("topic/{Name}"),
        "DeleteTopic": remove(TOPIC),
        "SetTopicAttributes": put(f"{TOPIC}/attribute/{{AttributeName}}"),
        "AddPermission": more(TOPIC),
        "RemovePermission": more(TOPIC),
        "TagResource": more("topic/{ResourceArn}"),
        "UntagResource": more("topic/{ResourceArn}"),
        "Subscribe": make("subscription/{SubscriptionArn!}"),
        "Unsubscribe": remove(SUBSCRIPTION),
        "SetSubscriptionAttributes": put(f"{SUBSCRIPTION}/attribute/{{AttributeName}}"),
        "Publish": SKIP,
        "PublishBatch": SKIP,
    },
    "sqs": {
        "CreateQueue": make("queue/{QueueName}"),
        "DeleteQueue": remove(QUEUE),
        "SetQueueAttributes": put(f"{QUEUE}/attribute/{{Attributes.}}"),
        "AddPermission": more(QUEUE),
        "RemovePermission": more(QUEUE),
        "TagQueue": put(f"{QUEUE}/tag/{{Tags.}}"),
        "UntagQueue": remove(f"{QUEUE}/tag/{{TagKeys.}}"),
        "SendMessage": SKIP,
        "SendMessageBatch": SKIP,
        "ReceiveMessage": SKIP,
        "DeleteMessage": SKIP,
        "DeleteMessageBatch": SKIP,
        "ChangeMessageVisibility": SKIP,
        "ChangeMessageVisibilityBatch": SKIP,
        "PurgeQueue": SKIP,
        "StartMessageMoveTask": SKIP,
        "CancelMessageMoveTask": SKIP,
    },
    "events": {
        "CreateEventBus": make("bus/{Name}"),
        "UpdateEventBus": put("bus/{Name}/update"),
        "DeleteEventBus": remove("bus/{Name}"),
        "PutRule": put(f"{RULE}/{{Name}}", clears="state"),
        "DeleteRule": remove(f"{RULE}/{{Name}}"),
        "EnableRule": put(f"{RULE}/{{Name}}/state"),
        "DisableRule": put(f"{RULE}/{{Name}}/state"),
        "PutTargets": put(f"{RULE}/{{Rule}}/target/{{Targets.Id}}"),
        "RemoveTargets": remove(f"{RULE}/{{Rule}}/target/{{Ids.}}"),
        "PutPermission": more("bus/{EventBusName=default}"),
        "RemovePermission": more("bus/{EventBusName=default}"),
        "CreateArchive": make("archive/{ArchiveName}"),
        "UpdateArchive": more("archive/{ArchiveName}"),
        "DeleteArchive": remove("archive/{ArchiveName}"),
        "PutEvents": SKIP,
        "PutPartnerEvents": SKIP,
        "StartReplay": SKIP,
        "CancelReplay": SKIP,
    },
    "dynamodb": {  # the items of tables are kept apart, see items.py
        "CreateTable": make("table/{TableName}"),
        "DeleteTable": remove("table/{TableName}"),
        "UpdateTable": more("table/{TableName}"),
        "UpdateTimeToLive": put("table/{TableName}/time-to-live"),
        "UpdateContinuousBackups": put("table/{TableName}/backups"),
        "TagResource": more("table/{ResourceArn}"),
        "UntagResource": more("table/{ResourceArn}"),
        "PutResourcePolicy": put("table/{ResourceArn}/policy"),
        "DeleteResourcePolicy": remove("table/{ResourceArn}/policy"),
    },
    "ssm": {
        # At a restart it is always new, and with tags it must not say Overwrite.
        "PutParameter": merge("parameter/{Name}", without="Overwrite"),
        "DeleteParameter": remove("parameter/{Name}"),
        "DeleteParameters": remove("parameter/{Names.}"),
        "LabelParameterVersion": SKIP,  # versions begin anew at a restart
        "SendCommand": SKIP,
        "StartAutomationExecution": SKIP,
    },
    "monitoring": {
        "PutMetricAlarm": put("alarm/{AlarmName}"),
        "PutCompositeAlarm": put("alarm/{AlarmName}"),
        "DeleteAlarms": remove("alarm/{AlarmNames.}"),
        "EnableAlarmActions": put("alarm/{AlarmNames.}/actions"),
        "DisableAlarmActions": put("alarm/{AlarmNames.}/actions"),
        "PutDashboard": put("dashboard/{DashboardName}"),
        "DeleteDashboards": remove("dashboard/{DashboardNames.}"),
        "PutMetricData": SKIP,
        "SetAlarmState": SKIP,
    },
    "application-autoscaling": {
        "RegisterScalableTarget": merge(SCALABLE),
        "DeregisterScalableTarget": remove(SCALABLE),
        "PutScalingPolicy": put(f"{SCALABLE}/policy/{{PolicyName}}"),
        "DeleteScalingPolicy": remove(f"{SCALABLE}/policy/{{PolicyName}}"),
        "PutScheduledAction": merge(f"{SCALABLE}/action/{{ScheduledActionName}}"),
        "DeleteScheduledAction": remove(f"{SCALABLE}/action/{{ScheduledActionName}}"),
    },
    "kms": {
        "CreateKey": make("key/{KeyId!}"),
        "CreateAlias": put("alias/{AliasName}"),
        "UpdateAlias": put("alias/{AliasName}/update"),
        "DeleteAlias": remove("alias/{AliasName}"),
        "PutKeyPolicy": put(f"{KMS_KEY}/policy"),
        "UpdateKeyDescription": put(f"{KMS_KEY}/description"),
        "EnableKeyRotation": put(f"{KMS_KEY}/rotation"),
        "DisableKeyRotation": put(f"{KMS_KEY}/rotation"),
        "EnableKey": put(f"{KMS_KEY}/state"),
        "DisableKey": put(f"{KMS_KEY}/state"),
        "ScheduleKeyDeletion": put(f"{KMS_KEY}/deletion"),
        "CancelKeyDeletion": put(f"{KMS_KEY}/deletion"),
        "TagResource": more(KMS_KEY),
        "UntagResource": more(KMS_KEY),
        **dict.fromkeys(("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify"), SKIP),
        **dict.fromkeys(("GenerateDataKey", "GenerateDataKeyWithoutPlaintext"), SKIP),
        **dict.fromkeys(
            ("GenerateDataKeyPair", "GenerateRandom", "GenerateMac", "VerifyMac"), SKIP
        ),
    },
    "logs": {
        "CreateLogGroup": make(LOG_GROUP),
        "DeleteLogGroup": remove(LOG_GROUP),
        "PutRetentionPolicy": put(f"{LOG_GROUP}/retention"),
        "DeleteRetentionPolicy": remove(f"{LOG_GROUP}/retention"),
        "PutMetricFilter": put(f"{LOG_GROUP}/metric/{{filterName}}"),
        "DeleteMetricFilter": remove(f"{LOG_GROUP}/metric/{{filterName}}"),
        "PutSubscriptionFilter": put(f"{LOG_GROUP}/subscription/{{filterName}}"),
        "DeleteSubscriptionFilter": remove(f"{LOG_GROUP}/subscription/{{filterName}}"),
        "AssociateKmsKey": put(f"{LOG_GROUP}/kms"),
        "TagLogGroup": more(LOG_GROUP),
        "PutResourcePolicy": put("policy/{policyName}"),
        "DeleteResourcePolicy": remove("policy/{policyName}"),
        **dict.fromkeys(("CreateLogStream", "DeleteLogStream", "PutLogEvents"), SKIP),
        **dict.fromkeys(("StartQuery", "StopQuery", "CreateExportTask", "StartLiveTail"), SKIP),
    },
    "ec2": {  # networks
        "CreateVpc": make("vpc/{vpcId!}"),
        "ModifyVpcAttribute": more(VPC),
        "DeleteVpc": remove(VPC),
        "CreateSubnet": make("subnet/{subnetId!}"),
        "ModifySubnetAttribute": more(VPC_SUBNET),
        "DeleteSubnet": remove(VPC_SUBNET),
        "CreateRouteTable": make("route-table/{routeTableId!}"),
        "DeleteRouteTable": remove("route-table/{RouteTableId}"),
        "AssociateRouteTable": make("association/{associationId!}"),
        "DisassociateRouteTable": remove("association/{AssociationId}"),
        "CreateSecurityGroup": make("security-group/{groupId!}"),
        "AuthorizeSecurityGroupIngress": more(SECURITY_GROUP),
        "AuthorizeSecurityGroupEgress": more(SECURITY_GROUP),
        "RevokeSecurityGroupIngress": more(SECURITY_GROUP),
        "RevokeSecurityGroupEgress": more(SECURITY_GROUP),
        "DeleteSecurityGroup": remove(SECURITY_GROUP),
        "CreateVpcEndpoint": make("vpc-endpoint/{vpcEndpointId!}"),
        "DeleteVpcEndpoints": remove(VPC_ENDPOINT),
        "CreateTags": put("tags/{ResourceId.}"),
        "DeleteTags": more("tags/{ResourceId.}"),
    },
    "budgets": {
        **dict.fromkeys(("CreateBudget", "DeleteBudget"), more()),
        **dict.fromkeys(("CreateNotification", "DeleteNotification"), more()),
    },
}


def rule_of(service: str, action: str) -> Rule:
    """What an action of JSON and form requests means; SKIP for services that are not kept."""
    if service not in TABLE or not action:
        return SKIP
    found = TABLE[service].get(action)
    if found:
        return found
    return SKIP if READING.match(action) or service in ONLY_LISTED else more()
