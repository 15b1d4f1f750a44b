//! Moving the time until which blocks stand. AWS knows no such time: it is in the ledger, and a run moves it.

use super::{Recorded, shown, subject};
use crate::playbook::change::Edit;
use crate::playbook::observed::Observed;
use crate::playbook::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use crate::policy::Stands;
use ipnet::IpNet;

/// Blocks that are to stand equally long.
#[derive(Debug, Clone)]
pub struct Move {
    /// For how long.
    pub stands: Stands,
    /// The blocks.
    pub blocks: Vec<Recorded>,
}

/// Everything that is looked at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// What is denied.
    pub range: IpNet,
    /// The blocks whose time is moved.
    pub moves: &'a [Move],
    /// The ACLs they stand in.
    pub observed: &'a Observed,
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
    let Request { observed, moves, .. } = request;
    let range = request.range.trunc();
    let name = shown(&range);
    if moves.iter().all(|m| m.blocks.is_empty()) {
        return Err(PlanRefusal::Nothing(format!(
            "no block of ours denies {name} in {}: nothing to extend",
            observed.scope
        )));
    }
    let how_long = moves.iter().map(|m| words(m.stands)).collect::<Vec<_>>().join(" and ");
    Ok(Plan {
        playbook: Playbook::ExtendBlock,
        subject: subject(&range),
        title: format!("Block {name} {how_long} in {}", observed.scope),
        observed_at: observed.at,
        finding: request.finding.clone(),
        incident: request.incident.clone(),
        steps: moves.iter().enumerate().map(|(n, m)| step(n, m, range, observed)).collect(),
        warnings: moves.iter().flat_map(|m| warnings(m, observed)).collect(),
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

fn words(stands: Stands) -> String {
    match stands {
        Stands::For(ttl) => format!("for {ttl} from now"),
        Stands::Until(_) | Stands::UntilTakenBack => stands.to_string(),
    }
}

fn step(n: usize, m: &Move, range: IpNet, observed: &Observed) -> Step {
    let mut runs: Vec<_> = m.blocks.iter().map(|b| b.run).collect();
    runs.sort_unstable();
    runs.dedup();
    let (name, how_long) = (shown(&range), words(m.stands));
    Step {
        id: if n == 0 { "move-expiry".into() } else { StepId(format!("move-expiry-{}", n + 1)) },
        title: format!("Write down that {name} stays blocked {how_long}, if its entries stand"),
        wave: 1,
        weight: Weight::Essential,
        needs: vec![],
        action: Action::MoveExpiry {
            range,
            blocks: m.blocks.iter().map(|b| b.deny.clone()).collect(),
            runs,
            until: m.stands.end(observed.at),
        },
    }
}

fn warnings(m: &Move, observed: &Observed) -> Vec<String> {
    let until = m.stands.end(observed.at);
    let mut warnings = Vec::new();
    for block in &m.blocks {
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
    warnings
}
