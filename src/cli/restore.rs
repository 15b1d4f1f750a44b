//! `lazaret restore`.

use super::args::{FindingStatus, Global, RestoreArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, nothing_to_do, unplanned};
use super::session::Session;
use crate::domain::Workflow;
use crate::engine::prepare::RestoreWhat;
use crate::engine::{Consent, EngineError, RestoreRequest};
use crate::playbook::{PlanRefusal, Playbook};
use std::sync::Arc;

pub(super) async fn run(global: &Global, args: &RestoreArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let mut aws = None;
    let (scope, what, subject) = match (&args.instance, args.run) {
        (Some(instance), _) => {
            (session.scope_of(instance).await?, RestoreWhat::Instance(instance.clone()), format!("instance:{instance}"))
        }
        (None, Some(run)) => {
            let plan = session.engine.run_state(run).await?.plan;
            refuse_what_means_nothing(plan.playbook, args)?;
            // AWS's ranges matter to what is denied again, and a mistake in their file to nothing else.
            if plan.playbook == Playbook::Unblock {
                aws =
                    session.settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?.map(Arc::new);
            }
            (plan.scope, RestoreWhat::Run(run), plan.subject)
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "name an instance, or a run with --run")),
    };
    // What was said about findings goes back to what it was, and not on to RESOLVED.
    let says = args.finding.is_none() && subject.starts_with("finding");
    let finding_status = finding_status(&session, args.finding).filter(|_| !says);
    // Nobody was told of what was said about findings: nobody is told that it goes back, unless a topic is named.
    let told = args.topic.is_some() || !subject.starts_with("finding");
    let request = RestoreRequest {
        topic_arn: session.topic_for(args.topic.as_ref(), &scope).filter(|_| told),
        scope: scope.clone(),
        what,
        force: args.force.iter().chain(&args.reactivate).cloned().collect(),
        finding_status,
        block: session.settings.block.clone(),
        aws,
    };
    let prepared = match session.engine.prepare_restore(&request).await {
        Ok(prepared) => prepared,
        // Restoring twice is harmless, and nothing to put back is what was asked for.
        Err(EngineError::Plan(PlanRefusal::Nothing(message))) => {
            return Ok(nothing_to_do(Playbook::Restore, &subject, &scope, message, out));
        }
        Err(error) => return Err(unplanned(Playbook::Restore, &subject, &scope, error, out)),
    };
    let consent = Consent { trust_tags: args.trust_tags, ..Consent::default() };
    carry_out(&session, prepared, &consent, args.commit, out).await
}

/// Of a run that was itself a way back no option of a restore means anything: one that is given was meant for another.
fn refuse_what_means_nothing(playbook: Playbook, args: &RestoreArgs) -> Result<(), Failure> {
    if !matches!(playbook, Playbook::Unblock | Playbook::ExtendBlock) {
        return Ok(());
    }
    let given = [
        ("--force", !args.force.is_empty()),
        ("--reactivate", !args.reactivate.is_empty()),
        ("--trust-tags", args.trust_tags),
        ("--finding", args.finding.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => {
            let message = format!("{option} means nothing to the run of {}", playbook.name());
            Err(Failure::new(Exit::Usage, message).hint("leave it out: blocks are put back as they were"))
        }
    }
}

/// The status that the finding gets: as told, else as the settings say.
pub(super) fn finding_status(session: &Session, told: Option<FindingStatus>) -> Option<Workflow> {
    match told {
        Some(FindingStatus::Resolved) => Some(Workflow::Resolved),
        Some(FindingStatus::Suppressed) => Some(Workflow::Suppressed),
        Some(FindingStatus::Leave) => None,
        None => session.settings.restore.finding_status.workflow(),
    }
}
