//! Taking blocks away: those of an address, or those of it whose time is over. Only an entry whose whole tuple is still
//! what we wrote is removed; the rest is said and left.

use super::{Recorded, shown, subject};
use crate::domain::text;
use crate::playbook::change::{Change, Edit, Standing};
use crate::playbook::observed::Observed;
use crate::playbook::plan::{
    Action, Drift, DriftKind, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight,
};
use crate::playbook::restore;
use ipnet::IpNet;

/// Why blocks are taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A person wants it.
    Asked,
    /// Their time is over.
    Expired,
}

/// Everything that is looked at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is denied.
    pub range: IpNet,
    /// The blocks that go.
    pub blocks: &'a [Recorded],
    /// The ACLs they stand in.
    pub observed: &'a Observed,
    /// Why they go.
    pub why: Why,
    /// The finding that they answered.
    pub finding: Option<FindingRef>,
    /// The incident they belong to.
    pub incident: String,
    /// The topic to tell.
    pub topic_arn: Option<String>,
}

/// Plans it.
///
/// # Errors
/// When there is no block to take away.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, .. } = request;
    let range = request.range.trunc();
    let name = shown(&range);
    if request.blocks.is_empty() {
        return Err(PlanRefusal::Nothing(match request.why {
            Why::Asked => format!("no block of ours denies {name} in {}: nothing to take back", observed.scope),
            Why::Expired => format!("no block of {name} in {} has expired", observed.scope),
        }));
    }
    let mut drift = Vec::new();
    let mut steps = Vec::new();
    let recorded: Vec<Change> = request.blocks.iter().map(|b| Change::DenyAddress(b.deny.clone())).collect();
    // Two runs may have made a half each: one step for both.
    for change in restore::combine(&recorded) {
        let Change::DenyAddress(deny) = &change else { continue };
        let mut note = |now: String, decision: &str| {
            drift.push(Drift {
                what: deny.what(),
                ours: deny.after_text(),
                now,
                before: deny.before_text(),
                decision: decision.to_owned(),
                kind: DriftKind::Lost,
            });
        };
        match (deny.standing(observed), deny.stands_in_part(observed)) {
            (Standing::Drift(_), Some(others)) if others.is_empty() => {}
            (Standing::Drift(_), Some(others)) => {
                note(others.join("; "), "what is left of ours goes, the rest is left alone")
            }
            (Standing::Drift(now), None) => note(now, "not ours any more: left alone"),
            _ => {}
        }
        // Also where nothing of ours stands any more: looking again says so, and the ledger learns it.
        let Some(back) = deny.inverse() else { continue };
        steps.push(Step {
            id: StepId(format!("undeny-{}-{}", deny.acl, deny.number)),
            title: format!("Remove {} {} from {}", deny.number, name, deny.acl),
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::Change(Change::DenyAddress(back)),
        });
    }
    steps.push(Step {
        id: "read-back".into(),
        title: "Read back: nothing of ours is left".into(),
        wave: 2,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::ReadBack { instance: None, isolated: None },
    });
    if let Some(topic) = &request.topic_arn {
        steps.push(Step {
            id: "notify".into(),
            title: "Tell the SNS topic".into(),
            wave: 3,
            weight: Weight::Courtesy,
            needs: vec![],
            action: Action::Notify {
                topic_arn: topic.clone(),
                subject: text::sns_subject(&format!("lazaret: {name} unblocked in {}", observed.scope)),
            },
        });
    }
    let mut reverts: Vec<_> = request.blocks.iter().map(|b| b.run).collect();
    reverts.sort_unstable();
    reverts.dedup();
    let title = match request.why {
        Why::Asked => format!("Unblock {name} in {}", observed.scope),
        Why::Expired => format!("Unblock {name} in {}: its time is over", observed.scope),
    };
    Ok(Plan {
        playbook: Playbook::Unblock,
        subject: subject(&range),
        title,
        observed_at: observed.at,
        finding: request.finding.clone(),
        incident: request.incident.clone(),
        steps,
        warnings: others(request, &range),
        limits: vec!["the counters keep the last number used: a hint, which nobody should trust".into()],
        drift,
        reverts,
        promise: Promise {
            kept: format!("no entry of ours denies {name} any more: read back"),
            broken: format!("{name} is NOT fully unblocked"),
            next: vec![],
            ..Promise::default()
        },
        scope: observed.scope.clone(),
    })
}

/// Entries of others that go on denying the same.
fn others(request: &Request<'_>, range: &IpNet) -> Vec<String> {
    let mut said = Vec::new();
    for acl in request.observed.acls.values() {
        let theirs = acl.denies().into_iter().filter(|e| e.denies_exactly(range));
        let theirs = theirs.filter(|e| !request.blocks.iter().any(|b| b.deny.acl == acl.id && b.deny.is_ours(e)));
        said.extend(theirs.map(|e| format!("{} {} {e} is not this block's: it goes on denying", acl.id, e.direction)));
    }
    said
}
