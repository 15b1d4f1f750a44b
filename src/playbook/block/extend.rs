//! Moving the time until which blocks stand. AWS knows no such time: it is in the ledger, and a run moves it.

use super::{Recorded, shown, subject};
use crate::playbook::change::Edit;
use crate::playbook::observed::Observed;
use crate::playbook::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, Weight};
use crate::policy::Ttl;
use ipnet::IpNet;

/// Everything that is looked at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is denied.
    pub range: IpNet,
    /// The blocks whose time is moved.
    pub blocks: &'a [Recorded],
    /// The ACLs they stand in.
    pub observed: &'a Observed,
    /// How long from now; none until they are taken back.
    pub ttl: Option<Ttl>,
    /// The finding that they answered.
    pub finding: Option<FindingRef>,
    /// The incident they belong to.
    pub incident: String,
}

/// Plans it.
///
/// # Errors
/// When there is no block of ours.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let Request { observed, ttl, .. } = request;
    let range = request.range.trunc();
    let name = shown(&range);
    if request.blocks.is_empty() {
        return Err(PlanRefusal::Nothing(format!(
            "no block of ours denies {name} in {}: nothing to extend",
            observed.scope
        )));
    }
    let until = ttl.map(|ttl| observed.at + ttl.duration());
    let how_long = ttl.map_or("until it is taken back".to_owned(), |ttl| format!("for {ttl} from now"));
    let mut warnings = Vec::new();
    for block in request.blocks {
        let deny = &block.deny;
        if block.until.is_some_and(|old| until.is_some_and(|new| new < old)) || block.until.is_none() && until.is_some()
        {
            let old = block.until.map_or("none".to_owned(), |t| t.format("%Y-%m-%d %H:%M:%SZ").to_string());
            warnings.push(format!("{}: sooner than its end so far ({old})", deny.what()));
        }
        if let Some(why) = deny.without_effect(observed) {
            warnings.push(format!("{}: {why}", deny.acl));
        }
    }
    let mut runs: Vec<_> = request.blocks.iter().map(|b| b.run).collect();
    runs.sort_unstable();
    runs.dedup();
    Ok(Plan {
        playbook: Playbook::ExtendBlock,
        subject: subject(&range),
        title: format!("Block {name} {how_long} in {}", observed.scope),
        observed_at: observed.at,
        finding: request.finding.clone(),
        incident: request.incident.clone(),
        steps: vec![Step {
            id: "move-expiry".into(),
            title: format!("Write down that {name} stays blocked {how_long}, if its entries stand"),
            wave: 1,
            weight: Weight::Essential,
            needs: vec![],
            action: Action::MoveExpiry {
                range,
                blocks: request.blocks.iter().map(|b| b.deny.clone()).collect(),
                runs,
                until,
            },
        }],
        warnings,
        limits: vec![],
        drift: vec![],
        reverts: vec![],
        promise: Promise {
            kept: format!("{name} stays blocked {how_long}: every entry was read back"),
            broken: format!("the end of {name}'s block was NOT moved"),
            next: vec![],
            ..Promise::default()
        },
        scope: observed.scope.clone(),
    })
}
