//! Setting findings: those that get the same status and note go in one call, a hundred at most.

use super::super::Engine;
use super::super::answer::{Answer, step_error, unclear_or_failed};
use super::super::observe::findings;
use super::super::retry::{ATTEMPTS, rereading, retrying};
use crate::cloud::Writes;
use crate::cloud::port::{FindingUpdate, Target, Unprocessed};
use crate::domain::{FindingKey, Scope, text};
use crate::playbook::change::SetFinding;
use crate::playbook::{Change, Edit, Observed, Standing, StepId};
use std::collections::BTreeMap;

/// Findings in one call (`BatchUpdateFindings`, `FindingIdentifiers`).
const BATCH: usize = 100;

/// The steps that are made together: each with its edit.
pub(in super::super) type Batch = Vec<(StepId, SetFinding)>;

/// Takes the findings' steps out of those of a wave, and puts together what one call can make. The rest stays.
pub(in super::super) fn batches<S>(start: &mut Vec<(S, Option<Change>)>, id: impl Fn(&S) -> StepId) -> Vec<Batch> {
    let mut alike: BTreeMap<(Option<crate::domain::Workflow>, Option<String>), Batch> = BTreeMap::new();
    let mut rest = Vec::with_capacity(start.len());
    for (step, change) in start.drain(..) {
        match change {
            Some(Change::Finding(edit)) => alike.entry(edit.update()).or_default().push((id(&step), edit)),
            change => rest.push((step, change)),
        }
    }
    *start = rest;
    alike.into_values().flat_map(|batch| batch.chunks(BATCH).map(<[_]>::to_vec).collect::<Vec<_>>()).collect()
}

/// Sets the findings of one batch; answers for each of them.
pub(in super::super) async fn set(
    engine: &Engine,
    writes: &dyn Writes,
    scope: &Scope,
    batch: Batch,
) -> Vec<(StepId, Answer)> {
    let Some((_, first)) = batch.first() else { return vec![] };
    let (workflow, note) = first.update();
    let (target, update) = (Target::new(scope), FindingUpdate { workflow, note });
    let keys: Vec<FindingKey> = batch.iter().map(|(_, edit)| edit.key.clone()).collect();
    let mut unclear = None;
    // Setting the same again does no harm, so an unclear answer is asked for once more.
    for _ in 1..ATTEMPTS {
        match retrying(engine, || writes.update_findings(&target, &keys, &update)).await {
            Ok(left) => return taken(batch, &left),
            Err(error) if error.may_have_applied => unclear = Some(error),
            Err(error) => {
                return match unclear {
                    // An earlier call of these may have been taken all the same.
                    Some(earlier) => look(engine, scope, batch, &earlier).await,
                    None => batch.into_iter().map(|(id, _)| (id, Answer::Failed(step_error(&error)))).collect(),
                };
            }
        }
    }
    match unclear {
        Some(error) => look(engine, scope, batch, &error).await,
        None => batch.into_iter().map(|(id, _)| (id, Answer::failed("NoAnswer", "no answer came"))).collect(),
    }
}

/// What Security Hub's answer means for each finding.
fn taken(batch: Batch, left: &[Unprocessed]) -> Vec<(StepId, Answer)> {
    let asked = |u: &Unprocessed| batch.iter().any(|(_, edit)| edit.key == u.key);
    let strange = left.iter().find(|u| !asked(u)).map(|u| text::fit(u.key.id.as_str(), 200));
    let answer = |edit: &SetFinding| {
        let refused = left.iter().find(|u| u.key == edit.key);
        match (refused, &strange) {
            (Some(u), _) => Answer::failed(
                &text::safe(&u.code),
                format!("Security Hub did not take it: {}: {}", text::safe(&u.code), text::safe(&u.message)),
            ),
            (None, Some(other)) => Answer::Unclear(crate::ledger::StepError {
                code: "UnclearAnswer".into(),
                message: format!("Security Hub refused {other}, which it was not asked about: this one may be meant"),
            }),
            (None, None) => Answer::applied(vec![]),
        }
    };
    batch.iter().map(|(id, edit)| (id.clone(), answer(edit))).collect()
}

/// After an unclear answer: what is shown as set was set. The rest may have been: Security Hub may take minutes.
async fn look(engine: &Engine, scope: &Scope, batch: Batch, error: &crate::cloud::CloudError) -> Vec<(StepId, Answer)> {
    let keys = batch.iter().map(|(_, edit)| edit.key.clone()).collect();
    let reads = engine.cloud().reads().as_ref();
    let mut world = Observed::empty(scope.clone(), engine.now());
    if let Ok(found) = rereading(engine, || findings::findings(reads, scope, &keys)).await {
        world.findings = found;
    }
    let answer = |edit: &SetFinding| match edit.standing(&world) {
        Standing::After if !edit.lagging => Answer::applied(vec!["no answer came; found done on looking".into()]),
        _ => unclear_or_failed(error),
    };
    batch.iter().map(|(id, edit)| (id.clone(), answer(edit))).collect()
}
