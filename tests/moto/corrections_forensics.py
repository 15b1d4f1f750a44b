"""Corrections to moto 5.2.1 around evidence: S3, consoles, agents, commands and snapshots.

As in `corrections.py`: each for one place, each after the service model that botocore ships.
"""

import base64
import datetime

from moto.core.responses import ActionResult
from moto.core.exceptions import JsonRESTError
from moto.ec2.models import ec2_backends
from moto.ec2.responses.elastic_block_store import ElasticBlockStore
from moto.ec2.responses.general import General
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response
from moto.ssm.models import SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

# The tag by which a test says that an agent is online on an instance.
AGENT_TAG = "moto:agent"


def a_bucket_has_the_owner_that_is_expected():
    """`x-amz-expected-bucket-owner` is held against the bucket's account.

    s3 `ExpectedBucketOwner`: "If the account ID that you provide does not match the actual owner of the bucket, the
    request fails with the HTTP status code 403 Forbidden (access denied)." moto doesn't look.
    """

    def guarded(respond):
        def corrected(self, request, full_url, *args, **kwargs):
            owner = request.headers.get("x-amz-expected-bucket-owner")
            known = s3_backends.bucket_accounts.get(self.parse_bucket_name_from_url(request, full_url))
            if owner and known and known[1] != owner:
                raise S3AccessDeniedError()
            return respond(self, request, full_url, *args, **kwargs)

        return corrected

    S3Response._bucket_response = guarded(S3Response._bucket_response)
    S3Response._key_response = guarded(S3Response._key_response)


def get_console_screenshot_exists():
    """`GetConsoleScreenshot`, which moto lacks.

    ec2 `GetConsoleScreenshotResult`: `ImageData`, "The data that comprises the image", and `InstanceId`; the image is a
    JPEG in base64.
    """

    def get_console_screenshot(self):
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        picture = base64.b64encode(bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")).decode()
        return ActionResult({"InstanceId": instance.id, "ImageData": picture})

    General.get_console_screenshot = get_console_screenshot


def lock_snapshot_exists():
    """`LockSnapshot`, which moto lacks.

    ec2 `LockSnapshotRequest`/`Result`: `LockMode` governance or compliance, `LockDuration` 1 to 36500 days.
    """

    def lock_snapshot(self):
        snapshot = self.ec2_backend.get_snapshot(self._get_param("SnapshotId"))
        self.error_on_dryrun()
        mode, days = self._get_param("LockMode"), int(self._get_param("LockDuration"))
        assert mode in ("governance", "compliance") and 1 <= days <= 36500
        now = datetime.datetime.now(datetime.timezone.utc)
        return ActionResult(
            {"SnapshotId": snapshot.id, "LockState": mode, "LockDuration": days, "LockCreatedOn": now}
        )

    ElasticBlockStore.lock_snapshot = lock_snapshot


def _agents(account, region):
    for reservation in ec2_backends[account][region].all_reservations():
        for instance in reservation.instances:
            tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
            if AGENT_TAG in tags:
                yield instance.id, tags[AGENT_TAG]


def an_agent_is_where_the_tag_says():
    """`DescribeInstanceInformation`, which moto lacks, and `SendCommand` to instances whose agent is not online.

    ssm `InstanceInformation` (`PingStatus`: Online, ConnectionLost, Inactive), `InstanceInformationStringFilter` with the
    key `InstanceIds`; `SendCommand` answers `InvalidInstanceId`: "SSM Agent isn't running … The managed node isn't in a
    valid state". moto has no agents, and sends to whatever is named.
    """

    def describe_instance_information(self):
        filters = self._get_param("Filters", [])
        assert [f["Key"] for f in filters] == ["InstanceIds"], "not corrected in tests/moto"
        now = datetime.datetime.now(datetime.timezone.utc)
        found = [
            {
                "InstanceId": instance,
                "PingStatus": ping,
                "LastPingDateTime": now,
                "AgentVersion": "3.3.0.0",
                "PlatformType": "Linux",
            }
            for instance, ping in _agents(self.current_account, self.region)
            if instance in filters[0]["Values"]
        ]
        return ActionResult({"InstanceInformationList": found})

    SimpleSystemManagerResponse.describe_instance_information = describe_instance_information
    send = SimpleSystemManagerBackend.send_command

    def corrected(self, *args, **kwargs):
        online = {instance for instance, ping in _agents(self.account_id, self.region_name) if ping == "Online"}
        wrong = [i for i in kwargs["instance_ids"] if i not in online]
        if wrong:
            message = f"Instances [[{', '.join(wrong)}]] not in a valid state for account {self.account_id}"
            raise JsonRESTError("InvalidInstanceId", message)
        assert len(kwargs["comment"]) <= 100, "ssm Comment: at most 100 characters"
        return send(self, *args, **kwargs)

    SimpleSystemManagerBackend.send_command = corrected


def list_command_invocations_exists():
    """`ListCommandInvocations`, which moto lacks.

    ssm `ListCommandInvocationsRequest`: `InstanceId`, `Filters` (here: `InvokedAfter`); answers `CommandInvocation`s with
    the command's comment and time.
    """

    def list_command_invocations(self):
        filters = {f["key"]: f["value"] for f in self._get_param("Filters", [])}
        assert set(filters) <= {"InvokedAfter"}, "not corrected in tests/moto"
        instance = self._get_param("InstanceId")
        found = []
        for command in self.ssm_backend.get_commands_by_instance_id(instance):
            asked = command.requested_date_time.replace(tzinfo=datetime.timezone.utc)
            after = filters.get("InvokedAfter")
            if after and asked < datetime.datetime.fromisoformat(after.replace("Z", "+00:00")):
                continue
            found.append(
                {
                    "CommandId": command.command_id,
                    "InstanceId": instance,
                    "Comment": command.comment,
                    "DocumentName": command.document_name,
                    "RequestedDateTime": asked,
                    "Status": "Success",
                }
            )
        return ActionResult({"CommandInvocations": found})

    SimpleSystemManagerResponse.list_command_invocations = list_command_invocations


ALL = [
    a_bucket_has_the_owner_that_is_expected,
    get_console_screenshot_exists,
    lock_snapshot_exists,
    an_agent_is_where_the_tag_says,
    list_command_invocations_exists,
]
