//! `lazaret quarantine`.

use super::args::{CutFlowsBy, Global, QuarantineArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::domain::Scope;
use crate::engine::{Consent, QuarantineRequest};
use crate::playbook::{FindingRef, Playbook};
use crate::policy::CutFlows;

pub(super) async fn run(global: &Global, args: &QuarantineArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let scope = session.scope_of(&args.instance).await?;
    let mut policy = session.settings.quarantine.clone();
    if args.quarantine_group.is_some() {
        policy.group.clone_from(&args.quarantine_group);
    }
    if let Some(topic) = args.topic.clone().or_else(|| session.topic(&scope)) {
        policy.topic_arn = Some(topic);
    }
    policy.allow_ssm |= args.allow_ssm;
    policy.evidence_first |= args.evidence_first;
    policy.snapshots &= !args.no_snapshots;
    policy.without_tags |= args.without_tags;
    if policy.evidence_first {
        policy.volatile = session.volatile(global, &scope)?;
    }
    policy.leave_scaling_group &= !args.keep_in_asg;
    policy.leave_load_balancers &= !args.keep_in_load_balancers;
    policy.take_addresses &= !args.keep_addresses;
    policy.keep_volumes &= !args.keep_volume_settings;
    if let Some(how) = args.cut_flows {
        policy.cut_flows = match how {
            CutFlowsBy::Groups => CutFlows::Groups,
            CutFlowsBy::Nacl => CutFlows::Nacl,
            CutFlowsBy::Both => CutFlows::Both,
            CutFlowsBy::No => CutFlows::No,
        };
    }

    if policy.cut_flows.by_acls() {
        policy.denies = session.settings.denies().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
    }
    let finding = find_finding(&session, &scope, args, out).await?;
    let subject = format!("instance:{}", args.instance);
    let request = QuarantineRequest { scope: scope.clone(), instance: args.instance.clone(), finding, policy };
    let prepared = session
        .engine
        .prepare_quarantine(&request)
        .await
        .map_err(|e| unplanned(Playbook::QuarantineInstance, &subject, &scope, e, out))?;
    let consent = Consent { override_exemption: args.override_exemption, ..Consent::default() };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

/// The finding that is named, or the worst open one about the instance. Not finding one never stops a quarantine
/// that didn't name one.
async fn find_finding(
    session: &Session,
    scope: &Scope,
    args: &QuarantineArgs,
    out: &Out,
) -> Result<Option<FindingRef>, Failure> {
    if args.no_finding {
        return Ok(None);
    }
    if let Some(id) = &args.finding {
        let Some((hub, seen)) = session.finding(id).await? else {
            return Err(Failure::new(
                Exit::Failed,
                format!("no finding has the id {}", crate::domain::text::safe(id.as_str())),
            )
            .hint("`lazaret findings --json` shows the ids; --no-finding goes ahead without one"));
        };
        if !seen.finding.instances().any(|i| i.id.as_ref() == Some(&args.instance)) {
            return Err(Failure::new(Exit::Usage, format!("that finding is not about {}", args.instance))
                .hint("`lazaret show` tells what a finding is about"));
        }
        return Ok(Some(FindingRef::new(&seen.finding, Some(&seen.json), Some(hub))));
    }
    match session.worst_finding_about(&args.instance, scope).await {
        Ok(found) => Ok(found.map(|(hub, seen)| FindingRef::new(&seen.finding, Some(&seen.json), Some(hub)))),
        Err(error) => {
            out.note(format!("findings could not be read, so none is answered: {error}"));
            Ok(None)
        }
    }
}
