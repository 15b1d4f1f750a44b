//! `lazaret forensics`.

use super::args::{ForensicsArgs, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::Session;
use crate::domain::text;
use crate::engine::{Consent, ForensicsRequest};
use crate::playbook::{FindingRef, Playbook};
use crate::policy::check_bucket;

pub(super) async fn run(global: &Global, args: &ForensicsArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let scope = session.scope_of(&args.instance).await?;
    let mut policy = session.settings.forensics.clone();
    if let Some(bucket) = &args.bucket {
        check_bucket(bucket).map_err(|why| Failure::new(Exit::Usage, text::safe(&why)))?;
        policy.bucket = Some(bucket.clone());
    }
    policy.commands &= !args.no_commands;
    policy.snapshots &= !args.no_snapshots;
    policy.lock_snapshots_days = args.lock_days.or(policy.lock_snapshots_days);
    policy.copy_kms_key = args.copy_key.clone().or(policy.copy_kms_key);
    if !args.share_with.is_empty() {
        policy.share_with.clone_from(&args.share_with);
    }
    policy.check().map_err(|(_, why)| Failure::new(Exit::Usage, text::safe(&why)))?;
    let finding = match &args.finding {
        None => None,
        Some(id) => {
            let Some((hub, seen)) = session.finding(id).await? else {
                return Err(Failure::new(Exit::Failed, format!("no finding has the id {}", text::safe(id.as_str())))
                    .hint("`lazaret findings --json` shows the ids"));
            };
            if !seen.finding.instances().any(|i| i.id.as_ref() == Some(&args.instance)) {
                return Err(Failure::new(Exit::Usage, format!("that finding is not about {}", args.instance))
                    .hint("`lazaret show` tells what a finding is about"));
            }
            Some(FindingRef::new(&seen.finding, Some(&seen.json), Some(hub)))
        }
    };
    let request = ForensicsRequest {
        instance: args.instance.clone(),
        finding,
        vault: session.vault(global, &policy, &scope)?,
        policy,
        topic_arn: args
            .topic
            .clone()
            .or_else(|| session.topic(&scope))
            .or_else(|| session.settings.quarantine.topic_arn.clone()),
        scope: scope.clone(),
    };
    let subject = format!("evidence:{}", args.instance);
    let prepared = session
        .engine
        .prepare_forensics(&request)
        .await
        .map_err(|e| unplanned(Playbook::CollectForensics, &subject, &scope, e, out))?;
    let consent = Consent { override_exemption: args.override_exemption, ..Consent::default() };
    carry_out(&session, prepared, &consent, args.commit, out).await
}
