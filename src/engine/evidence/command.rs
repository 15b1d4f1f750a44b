//! A script on the instance, through Systems Manager: sent once, found again by its comment, read when it has ended.

use super::super::Engine;
use super::super::answer::step_error;
use super::super::readback::WAITS;
use super::super::retry::{rereading, retrying};
use super::Captured;
use crate::cloud::port::{CommandResult, ShellCommand, Target};
use crate::cloud::{CloudError, Writes};
use crate::domain::{InstanceId, Vault, text};
use crate::ledger::{RunState, StepError};
use crate::playbook::Script;
use crate::playbook::evidence::UPLOADED;
use chrono::Duration as Span;
use std::time::Duration;

/// The waits between looks at a command: short at first, then long enough not to be throttled.
const LOOKS: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3)];

/// How much earlier than the run's beginning its commands are looked for: clocks differ.
const CLOCKS_DIFFER: Span = Span::minutes(5);

/// The bucket, its Region and the prefix that the instance uploads a run's whole outputs to, where it is to.
pub(super) fn upload_to(
    state: &RunState,
    vault: &Vault,
    instance: &InstanceId,
    wanted: bool,
) -> Option<(String, String, String)> {
    let Vault::Bucket { owner, bucket, prefix, .. } = vault else { return None };
    let own = format!("{}/{}/{instance}/{}", state.plan.scope.account, state.plan.scope.region, state.run);
    let folder = if prefix.is_empty() { format!("{UPLOADED}/{own}") } else { format!("{prefix}/{UPLOADED}/{own}") };
    wanted.then(|| (bucket.clone(), owner.region.to_string(), folder))
}

/// Runs a script and answers what it said. Who bounds the time is the caller: the script's own bound is SSM's.
#[allow(clippy::too_many_arguments)] // each of them is a different thing, and this is the only caller's list
pub(super) async fn run(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    instance: &InstanceId,
    script: Script,
    wait_for_agent: bool,
    upload: Option<(String, String, String)>,
    bound: Duration,
) -> Result<Captured, StepError> {
    // A run that was taken over may have sent it before its process went away.
    let sent = match state.recoveries {
        0 => None,
        _ => find(engine, state, instance, script).await.map_err(|e| step_error(&e))?,
    };
    let command = match sent {
        Some(command) => command,
        None => {
            until_online(engine, state, instance, wait_for_agent).await?;
            let command = ShellCommand {
                instance: instance.clone(),
                script: script.text().to_owned(),
                comment: script.comment(state.run),
                seconds: u32::try_from(bound.as_secs()).unwrap_or(u32::MAX),
                upload: upload.clone(),
            };
            send(engine, writes, state, &command, script).await.map_err(|e| step_error(&e))?
        }
    };
    let result = ended(engine, state, instance, &command).await.map_err(|e| step_error(&e))?;
    if result.status != "Success" && result.stdout.is_empty() && result.stderr.is_empty() {
        let message = format!("{}.sh ended as {} and said nothing", script.name(), text::safe(&result.status));
        return Err(StepError { code: "CommandFailed".into(), message });
    }
    let mut bytes = result.stdout.into_bytes();
    if !result.stderr.is_empty() {
        bytes.extend_from_slice(b"\n== standard error\n");
        bytes.extend_from_slice(result.stderr.as_bytes());
    }
    let how = (result.status != "Success")
        .then(|| format!("the script ended as {} with code {}", text::safe(&result.status), result.code));
    let whole = upload.map(|(bucket, _, prefix)| {
        format!("the instance uploads the whole to s3://{bucket}/{prefix} itself, which is in no manifest")
    });
    let notes: Vec<String> = how.into_iter().chain(whole).collect();
    Ok(Captured { bytes, note: (!notes.is_empty()).then(|| notes.join("; ")) })
}

/// Returns once the agent is online: at once, or when it is, where it is waited for.
async fn until_online(engine: &Engine, state: &RunState, instance: &InstanceId, wait: bool) -> Result<(), StepError> {
    let reads = engine.cloud().reads();
    let mut looks = LOOKS.into_iter().chain(std::iter::repeat(Duration::from_secs(5)));
    loop {
        let agent = rereading(engine, || reads.agent(&state.plan.scope, instance)).await.map_err(|e| step_error(&e))?;
        match agent {
            Some(agent) if agent.is_online() => return Ok(()),
            Some(agent) if !wait => {
                let message = format!("the agent on {instance} is {}", text::safe(&agent.ping));
                return Err(StepError { code: "AgentNotOnline".into(), message });
            }
            None if !wait => {
                let message = format!("Systems Manager knows no agent on {instance}");
                return Err(StepError { code: "AgentNotOnline".into(), message });
            }
            Some(_) | None => tokio::time::sleep(looks.next().unwrap_or(Duration::from_secs(5))).await,
        }
    }
}

/// Sends it once. After an unclear answer it is looked for, and not sent again.
async fn send(
    engine: &Engine,
    writes: &dyn Writes,
    state: &RunState,
    command: &ShellCommand,
    script: Script,
) -> Result<String, CloudError> {
    let target = Target::new(&state.plan.scope);
    let error = match retrying(engine, || writes.send_command(&target, command)).await {
        Ok(id) => return Ok(id),
        Err(error) if error.may_have_applied => error,
        Err(error) => return Err(error),
    };
    for wait in WAITS {
        tokio::time::sleep(wait).await;
        if let Ok(Some(id)) = find(engine, state, &command.instance, script).await {
            return Ok(id);
        }
    }
    Err(error)
}

/// The command of this run and script, by its comment.
pub(super) async fn find(
    engine: &Engine,
    state: &RunState,
    instance: &InstanceId,
    script: Script,
) -> Result<Option<String>, CloudError> {
    let (reads, comment) = (engine.cloud().reads(), script.comment(state.run));
    let since = state.begun_at - CLOCKS_DIFFER;
    let sent = rereading(engine, || reads.commands_since(&state.plan.scope, instance, since)).await?;
    Ok(sent.into_iter().find(|i| i.comment == comment).map(|i| i.command))
}

/// Its result, once it has come to its end.
async fn ended(
    engine: &Engine,
    state: &RunState,
    instance: &InstanceId,
    command: &str,
) -> Result<CommandResult, CloudError> {
    let reads = engine.cloud().reads();
    let mut looks = LOOKS.into_iter().chain(std::iter::repeat(Duration::from_secs(3)));
    loop {
        let result = rereading(engine, || reads.command_result(&state.plan.scope, command, instance)).await?;
        match result {
            Some(result) if result.has_ended() => return Ok(result),
            Some(_) | None => tokio::time::sleep(looks.next().unwrap_or(Duration::from_secs(3))).await,
        }
    }
}
