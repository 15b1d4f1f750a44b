//! After a crash, on any machine that sees the ledger: look at the world, and let it say what was applied.

use super::answer::NO_ANSWER;
use super::execute::run;
use super::journal::Journal;
use super::look::{is_evidence, look_into};
use super::patience::still_to_isolate;
use super::readback::{look, not_shown_yet};
use super::resolve::resolved_change;
use super::resolve::stands_open;
use super::{Engine, EngineError, LEASE, Progress, Refusal};
use crate::domain::RunId;
use crate::ledger::{Event, LedgerError, Outcome, RunFilter, RunState, StepError, StepState};
use crate::playbook::{Action, Change, PlanRefusal, Standing, StepId};

/// How often taking over is tried against a process that goes on appending.
const TAKE_OVERS: u32 = 5;

impl Engine {
    /// The runs that have not ended, with whether their process still keeps its promise to be alive. What can't be read
    /// can't be recovered either, and is left out.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn unfinished(&self) -> Result<Vec<(RunState, bool)>, EngineError> {
        let runs = self.ledger().list(&RunFilter { open_only: true, ..RunFilter::default() }).await?.runs;
        let mut list = Vec::with_capacity(runs.len());
        for run in runs {
            let claim = self.ledger().claim(&run.plan.claim_key()).await?;
            let alive = claim.is_some_and(|c| c.run == run.run && c.lease_until > self.now());
            list.push((run, alive));
        }
        Ok(list)
    }

    /// Takes over a run whose process has gone: looks at every step without an answer, then goes on where something
    /// was done (unless told not to with `go_on`), and ends the run where nothing was. `force` takes over a run whose process still seems alive.
    ///
    /// # Errors
    /// When the run is over or alive, the guard refuses, or the ledger or the reads fail.
    pub async fn recover(
        &self,
        id: RunId,
        force: bool,
        go_on: bool,
        progress: Option<Progress>,
    ) -> Result<RunState, EngineError> {
        let permit = self.guard().admit_recovery()?;
        let state = self.run_state(id).await?;
        refuse_ended(&state)?;
        let key = state.plan.claim_key();
        if let Some(claim) = self.ledger().claim(&key).await?
            && claim.lease_until > self.now()
            && !force
        {
            return Err(Refusal::Held { subject: state.plan.subject.clone(), claim }.into());
        }
        let mut journal = self.take_over(state, progress).await?;
        self.ledger().renew(id, self.now() + LEASE).await?;
        let open: Vec<StepId> =
            journal.state.steps.iter().filter(|(_, s)| s.state.is_open()).map(|(id, _)| id.clone()).collect();
        // Where an interface is still to be isolated, that comes first: evidence is looked for beside it, when its step is
        // taken up in what is left of the time that isolation waits for it, or at the end.
        let hurry = go_on && still_to_isolate(&journal.state);
        for step in open {
            let action = journal.state.plan.step(&step).map(|s| &s.action);
            if hurry && action.is_some_and(is_evidence) {
                self.owed(&mut journal, &step).await?;
            } else {
                look_into(self, &mut journal, &step).await?;
            }
        }
        if !journal.state.has_effect() {
            let half_made = |made: fn(&Change) -> bool| {
                journal.state.plan.steps.iter().any(|s| {
                    matches!(&s.action, Action::Change(change) if made(change))
                        && journal.state.steps.get(&s.id).is_some_and(|s| s.intended_at.is_some())
                })
            };
            let what = if half_made(|c| matches!(c, Change::MakeQuarantineGroup(_))) {
                "the instance had not been changed when its process went away. The quarantine group may be half made: \
                 the next quarantine closes it"
            } else if half_made(|c| matches!(c, Change::MakeBackupRole(_))) {
                "no instance and no session had been changed when its process went away. The backup role may be half \
                 made: the next run looks at it before it uses it"
            } else {
                "nothing had been changed when its process went away"
            };
            let message = format!("{}: {what}", journal.state.plan.title);
            journal.append(&[Event::Ended { outcome: Outcome::Failed, message }]).await?;
            return Ok(journal.state);
        }
        // An interface in the allow-all group is never left there: the run goes on into isolation, or back.
        if !go_on && stands_open(&journal.state).is_empty() {
            return self.end_here(journal).await;
        }
        self.drop_overtaken(&mut journal).await?;
        run(self, &mut journal, &permit).await?;
        Ok(journal.state)
    }

    /// Records that the answer about a piece of evidence is owed, to be looked for later.
    async fn owed(&self, journal: &mut Journal, step: &StepId) -> Result<(), EngineError> {
        if journal.state.steps.get(step).is_none_or(|s| s.state != StepState::Intended) {
            return Ok(());
        }
        let message = "its process went away before the answer: it may have been taken".to_owned();
        let error = StepError { code: NO_ANSWER.into(), message };
        Ok(journal.append(&[Event::Indeterminate { step: step.clone(), error }]).await?)
    }

    /// Ends the run with what it has done so far: what did not begin is skipped.
    async fn end_here(&self, mut journal: Journal) -> Result<RunState, EngineError> {
        let pending = journal.state.steps.iter().filter(|(_, s)| s.state == StepState::Pending);
        let why = "the run was ended by a person after its process went away";
        let skipped: Vec<Event> =
            pending.map(|(step, _)| Event::Skipped { step: step.clone(), why: why.into() }).collect();
        journal.append(&skipped).await?;
        let (outcome, message) = super::report::conclusion(&journal.state);
        journal.append(&[Event::Ended { outcome, message }]).await?;
        Ok(journal.state)
    }

    /// Puts our record at the run's next place. That fences the old process off: its next append is a conflict, and it
    /// stops. Where its last one came in between, the run is read again.
    async fn take_over(&self, state: RunState, progress: Option<Progress>) -> Result<Journal, EngineError> {
        let id = state.run;
        let mut journal = Journal::new(self, state, progress);
        for _ in 0..TAKE_OVERS {
            // Somebody else may have brought it to its end since it was read.
            refuse_ended(&journal.state)?;
            match journal.append(&[Event::Recovered { actor: self.actor().clone() }]).await {
                Err(LedgerError::Conflict { .. }) => journal.state = self.run_state(id).await?,
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(journal),
            }
        }
        Err(LedgerError::Conflict { run: id, seq: journal.state.next_seq }.into())
    }

    /// Skips the changes whose resource somebody else has changed since the plan was made.
    async fn drop_overtaken(&self, journal: &mut Journal) -> Result<(), EngineError> {
        let state = &journal.state;
        let pending: Vec<(StepId, Change)> = state
            .plan
            .steps
            .iter()
            .filter(|s| state.steps.get(&s.id).is_some_and(|s| s.state == StepState::Pending))
            .filter_map(|s| match &s.action {
                Action::Change(Change::InterfaceGroups(_)) => Some((s.id.clone(), resolved_change(self, state, s)?)),
                Action::Change(change @ Change::Finding(_)) => Some((s.id.clone(), change.clone())),
                _ => None,
            })
            .collect();
        for (step, change) in pending {
            let why = match look(self, &journal.state.plan.scope, &change).await? {
                now if not_shown_yet(&change, &now) => continue,
                Standing::Drift(now) => format!("{} changed since: now {now}", change.what()),
                Standing::Gone => format!("{}: no longer there", change.what()),
                Standing::After | Standing::Before | Standing::Unknown => continue,
            };
            journal.append(&[Event::Skipped { step, why }]).await?;
        }
        Ok(())
    }
}

fn refuse_ended(state: &RunState) -> Result<(), EngineError> {
    if state.is_open() {
        return Ok(());
    }
    Err(PlanRefusal::Nothing(format!("run {} has ended: nothing to recover", state.run)).into())
}
