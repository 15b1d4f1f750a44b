//! `lazaret exfiltration`.

use super::args::{ExfiltrationArgs, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::domain::{Finding, Scope, text};
use crate::engine::Consent;
use crate::engine::prepare::ExfiltrationRequest;
use crate::playbook::exfiltration::Swap;
use crate::playbook::{FindingRef, Playbook};
use std::sync::Arc;

pub(super) async fn run(global: &Global, args: &ExfiltrationArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let finding = finding(&session, args).await?;
    let scope = scope(global, &session, args, finding.as_ref().map(|(_, finding)| finding)).await?;
    let aws = session.settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    let elsewhere = super::delete_role::other_regions(&session, &scope);
    let request = ExfiltrationRequest {
        role: args.role.clone(),
        instance: args.instance.clone(),
        swap: match (args.no_swap, args.make_backup) {
            (true, _) => Swap::None,
            (false, true) => Swap::MakeBackup,
            (false, false) => Swap::Backup,
        },
        elsewhere,
        block: session.settings.block.clone(),
        aws: aws.map(Arc::new),
        topic_arn: session.topic_for(args.topic.as_ref(), &scope),
        update_finding: session.settings.quarantine.update_finding,
        finding,
        scope: scope.clone(),
    };
    let subject = args.role.as_ref().map_or_else(|| "role".to_owned(), |role| format!("role:{role}"));
    let prepared = session
        .engine
        .prepare_exfiltration(&request)
        .await
        .map_err(|e| unplanned(Playbook::ContainExfiltration, &subject, &scope, e, out))?;
    let consent = Consent {
        override_exemption: args.override_exemption,
        lock_out_self: super::revoke::typed(args.lock_myself_out.as_deref(), &prepared)?,
        ..Consent::default()
    };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

async fn finding(session: &Session, args: &ExfiltrationArgs) -> Result<Option<(FindingRef, Finding)>, Failure> {
    let Some(id) = &args.finding else { return Ok(None) };
    let Some((hub, seen)) = session.finding(id).await? else {
        let message = format!("no finding has the id {}", text::safe(id.as_str()));
        return Err(Failure::new(Exit::Failed, message).hint("`lazaret findings --json` shows the ids"));
    };
    Ok(Some((FindingRef::new(&seen.finding, Some(&seen.json), Some(hub)), seen.finding)))
}

/// Where the finding says it is; else where the instance is; else the one account and Region in question.
async fn scope(
    global: &Global,
    session: &Session,
    args: &ExfiltrationArgs,
    finding: Option<&Finding>,
) -> Result<Scope, Failure> {
    let mut scope = match (finding, &args.instance, session.scopes.as_slice()) {
        (Some(finding), ..) => finding.scope().ok_or_else(|| {
            Failure::new(Exit::Failed, "the finding names no account and Region")
                .hint("--account and --region say where")
        })?,
        (None, Some(instance), _) => session.scope_of(instance).await?,
        (None, None, [only]) => only.clone(),
        (None, None, _) => {
            return Err(
                Failure::new(Exit::Usage, "in which account and Region?").hint("--account and --region say where")
            );
        }
    };
    // A role is the same in every Region: a person may mean another than the finding's.
    if let Some(region) = &global.region {
        scope.region = region.clone();
    }
    Ok(scope)
}
