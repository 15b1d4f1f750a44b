//! Consoles, volumes and what keeps snapshots, of EC2; agents and commands, of Systems Manager.

use super::AwsCloud;
use super::ec2::{convert, read};
use super::error::{call, incomplete, rehearsed};
use crate::cloud::operations::{
    COPY_SNAPSHOT, DESCRIBE_INSTANCE_INFORMATION, DESCRIBE_VOLUMES, GET_COMMAND_INVOCATION, GET_CONSOLE_OUTPUT,
    GET_CONSOLE_SCREENSHOT, LIST_COMMAND_INVOCATIONS, LOCK_SNAPSHOT, MODIFY_SNAPSHOT_ATTRIBUTE, Operation,
    SEND_COMMAND,
};
use crate::cloud::port::{
    Agent, CloudError, CloudResult, CommandResult, ConsoleOutput, ErrorKind, ForensicsReads, ForensicsWrites,
    Invocation, ShellCommand, Target, VolumeDetail,
};
use crate::domain::{AccountId, InstanceId, LockMode, Retention, Scope, SnapshotId, Tags, VolumeId};
use async_trait::async_trait;
use aws_sdk_ec2::types::{
    InstanceAttributeName, LockMode as SnapshotLockMode, OperationType, ResourceType, SnapshotAttributeName,
};
use aws_sdk_ssm::types::{CommandFilter, CommandFilterKey, InstanceInformationStringFilter};
use aws_smithy_types::base64;
use chrono::{DateTime, SecondsFormat, Utc};

/// The document that runs a script on Linux and macOS.
const DOCUMENT: &str = "AWS-RunShellScript";
/// The least time that a command may take to reach its instance (SSM API reference, `SendCommand`, in seconds).
const LEAST_DELIVERY: u32 = 30;
/// How many values one filter takes.
const FILTER_VALUES: usize = 200;
/// The largest pages of the calls used here.
const VOLUMES: i32 = 500;
const INVOCATIONS: i32 = 50;

/// The bytes that an answer has as base64.
fn decoded(operation: Operation, scope: &Scope, text: Option<&str>) -> CloudResult<Option<Vec<u8>>> {
    text.map(base64::decode).transpose().map_err(|_| incomplete(operation, scope, "readable base64"))
}

fn unbuilt(operation: Operation, scope: &Scope, error: impl std::fmt::Display) -> CloudError {
    CloudError::new(operation.name, ErrorKind::Invalid, "NotSent", error.to_string()).at(scope)
}

#[async_trait]
impl ForensicsReads for AwsCloud {
    async fn console_screenshot(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Vec<u8>> {
        let clients = self.clients.of(scope).await?;
        let ec2 = &clients.ec2;
        let request = ec2.get_console_screenshot().instance_id(instance.as_str()).wake_up(false);
        let answer = call(GET_CONSOLE_SCREENSHOT, Some(scope), request.send()).await.map_err(|e| e.on(instance))?;
        decoded(GET_CONSOLE_SCREENSHOT, scope, answer.image_data())?
            .ok_or_else(|| incomplete(GET_CONSOLE_SCREENSHOT, scope, "a picture"))
            .map_err(|e| e.on(instance))
    }

    async fn console_output(&self, scope: &Scope, instance: &InstanceId, latest: bool) -> CloudResult<ConsoleOutput> {
        let clients = self.clients.of(scope).await?;
        let ec2 = &clients.ec2;
        // EC2 refuses the parameter itself where the instance is not built on Nitro, even as false.
        let request = ec2.get_console_output().instance_id(instance.as_str()).set_latest(latest.then_some(true));
        let answer = call(GET_CONSOLE_OUTPUT, Some(scope), request.send()).await.map_err(|e| e.on(instance))?;
        let bytes = decoded(GET_CONSOLE_OUTPUT, scope, answer.output()).map_err(|e| e.on(instance))?;
        Ok(ConsoleOutput { bytes: bytes.unwrap_or_default(), at: answer.timestamp().and_then(convert::time) })
    }

    async fn user_data(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<String>> {
        let clients = self.clients.of(scope).await?;
        let answer = read::attribute(&clients, scope, instance, InstanceAttributeName::UserData).await?;
        let value = answer.user_data().and_then(|data| data.value());
        Ok(value.filter(|data| !data.is_empty()).map(str::to_owned))
    }

    async fn volumes(&self, scope: &Scope, ids: &[VolumeId]) -> CloudResult<Vec<VolumeDetail>> {
        let clients = self.clients.of(scope).await?;
        let ec2 = &clients.ec2;
        let mut found = Vec::new();
        for some in ids.chunks(FILTER_VALUES) {
            let wanted = super::ec2::filter("volume-id", some.iter().map(VolumeId::as_str));
            let pages = ec2.describe_volumes().filters(wanted).max_results(VOLUMES).into_paginator().items().send();
            let volumes = call(DESCRIBE_VOLUMES, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await?;
            found.extend(volumes.iter().filter_map(convert::volume_detail));
        }
        found.retain(|volume| ids.contains(&volume.id));
        Ok(found)
    }

    async fn agent(&self, scope: &Scope, instance: &InstanceId) -> CloudResult<Option<Agent>> {
        let clients = self.clients.of(scope).await?;
        let ssm = &clients.ssm;
        let filter = InstanceInformationStringFilter::builder().key("InstanceIds").values(instance.as_str()).build();
        let filter = filter.map_err(|e| unbuilt(DESCRIBE_INSTANCE_INFORMATION, scope, e))?;
        let request = ssm.describe_instance_information().filters(filter);
        let answer =
            call(DESCRIBE_INSTANCE_INFORMATION, Some(scope), request.send()).await.map_err(|e| e.on(instance))?;
        let mut agents = answer.instance_information_list().iter();
        Ok(agents.find(|a| a.instance_id() == Some(instance.as_str())).map(|a| Agent {
            ping: a.ping_status().map_or("Inactive", |p| p.as_str()).to_owned(),
            platform: a.platform_type().map_or_else(String::new, |p| p.as_str().to_owned()),
            version: a.agent_version().unwrap_or_default().to_owned(),
            last_ping: a.last_ping_date_time().and_then(convert::time),
        }))
    }

    async fn commands_since(
        &self,
        scope: &Scope,
        instance: &InstanceId,
        since: DateTime<Utc>,
    ) -> CloudResult<Vec<Invocation>> {
        let clients = self.clients.of(scope).await?;
        let ssm = &clients.ssm;
        let after = since.to_rfc3339_opts(SecondsFormat::Secs, true);
        let filter = CommandFilter::builder().key(CommandFilterKey::InvokedAfter).value(after).build();
        let filter = filter.map_err(|e| unbuilt(LIST_COMMAND_INVOCATIONS, scope, e))?;
        let pages = ssm
            .list_command_invocations()
            .instance_id(instance.as_str())
            .filters(filter)
            .max_results(INVOCATIONS)
            .into_paginator()
            .items()
            .send();
        let found = call(LIST_COMMAND_INVOCATIONS, Some(scope), pages.collect::<Result<Vec<_>, _>>()).await;
        let found = found.map_err(|e| e.on(instance))?;
        let one = |i: &aws_sdk_ssm::types::CommandInvocation| {
            (i.instance_id() == Some(instance.as_str())).then_some(())?;
            let at = i.requested_date_time().and_then(convert::time);
            Some(Invocation { command: i.command_id()?.to_owned(), comment: i.comment()?.to_owned(), at })
        };
        Ok(found.iter().filter_map(one).collect())
    }

    async fn command_result(
        &self,
        scope: &Scope,
        command: &str,
        instance: &InstanceId,
    ) -> CloudResult<Option<CommandResult>> {
        let clients = self.clients.of(scope).await?;
        let ssm = &clients.ssm;
        let request = ssm.get_command_invocation().command_id(command).instance_id(instance.as_str());
        match call(GET_COMMAND_INVOCATION, Some(scope), request.send()).await {
            Ok(answer) => Ok(Some(CommandResult {
                status: answer.status().map_or("Pending", |s| s.as_str()).to_owned(),
                code: answer.response_code(),
                stdout: answer.standard_output_content().unwrap_or_default().to_owned(),
                stderr: answer.standard_error_content().unwrap_or_default().to_owned(),
            })),
            Err(error) if error.code == "InvocationDoesNotExist" => Ok(None),
            Err(error) => Err(error.on(instance)),
        }
    }
}

#[async_trait]
impl ForensicsWrites for AwsCloud {
    async fn send_command(&self, target: &Target, command: &ShellCommand) -> CloudResult<String> {
        if target.dry_run {
            return Ok(String::new()); // Systems Manager knows no rehearsal
        }
        let scope = &target.scope;
        let clients = self.clients.of(scope).await?;
        let ssm_once = &clients.ssm_once;
        let delivery = i32::try_from(command.seconds.max(LEAST_DELIVERY)).unwrap_or(i32::MAX);
        let mut request = ssm_once
            .send_command()
            .instance_ids(command.instance.as_str())
            .document_name(DOCUMENT)
            .comment(&command.comment)
            .timeout_seconds(delivery)
            .parameters("commands", vec![command.script.clone()])
            .parameters("executionTimeout", vec![command.seconds.to_string()]);
        if let Some((bucket, region, prefix)) = &command.upload {
            request = request.output_s3_bucket_name(bucket).output_s3_region(region).output_s3_key_prefix(prefix);
        }
        let answer = call(SEND_COMMAND, Some(scope), request.send()).await.map_err(|e| e.on(&command.instance))?;
        let id = answer.command.and_then(|c| c.command_id);
        id.ok_or_else(|| incomplete(SEND_COMMAND, scope, "the command's id").on(&command.instance))
    }

    async fn lock_snapshot(&self, target: &Target, snapshot: &SnapshotId, lock: Retention) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2 = &clients.ec2;
        let mode = match lock.mode {
            LockMode::Governance => SnapshotLockMode::Governance,
            LockMode::Compliance => SnapshotLockMode::Compliance,
        };
        let request = ec2
            .lock_snapshot()
            .snapshot_id(snapshot.as_str())
            .lock_mode(mode)
            .lock_duration(i32::try_from(lock.days).unwrap_or(i32::MAX))
            .dry_run(target.dry_run);
        let answer = call(LOCK_SNAPSHOT, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(snapshot))
    }

    async fn copy_snapshot(
        &self,
        target: &Target,
        source: &SnapshotId,
        kms_key: &str,
        description: &str,
        tags: &Tags,
    ) -> CloudResult<SnapshotId> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2_once = &clients.ec2_once;
        let request = ec2_once
            .copy_snapshot()
            .source_snapshot_id(source.as_str())
            .source_region(target.scope.region.as_str())
            .encrypted(true)
            .kms_key_id(kms_key)
            .description(description)
            .set_tag_specifications(super::ec2::write::tagged(ResourceType::Snapshot, tags))
            .dry_run(target.dry_run);
        let answer = call(COPY_SNAPSHOT, Some(&target.scope), request.send()).await;
        let id = rehearsed(target.dry_run, answer.map(|a| a.snapshot_id), || Some("snap-00000000".to_owned()));
        id.and_then(|id| id.ok_or_else(|| incomplete(COPY_SNAPSHOT, &target.scope, "the snapshot's id")))
            .map(SnapshotId::new)
            .map_err(|e| e.on(source))
    }

    async fn share_snapshot(&self, target: &Target, snapshot: &SnapshotId, with: &[AccountId]) -> CloudResult<()> {
        let clients = self.clients.of(&target.scope).await?;
        let ec2 = &clients.ec2;
        let request = ec2
            .modify_snapshot_attribute()
            .snapshot_id(snapshot.as_str())
            .attribute(SnapshotAttributeName::CreateVolumePermission)
            .operation_type(OperationType::Add)
            .set_user_ids(Some(with.iter().map(ToString::to_string).collect()))
            .dry_run(target.dry_run);
        let answer = call(MODIFY_SNAPSHOT_ATTRIBUTE, Some(&target.scope), request.send()).await;
        rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(snapshot))
    }
}
