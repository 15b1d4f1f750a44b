//! The one state machine of a run: events in, state out; what can't follow is a typed error.

use super::event::{Actor, Event, Outcome, Record, StepError};
use crate::domain::{Kept, RunId, text};
use crate::playbook::{Action, Change, Plan, StepId, Weight};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StepState {
    /// Not begun.
    Pending,
    /// Recorded, and perhaps called; no answer recorded yet.
    Intended,
    /// AWS said yes; not read back.
    Applied,
    /// Read back and found as it should be.
    Verified,
    /// Read back and found otherwise.
    NotVerified {
        /// What was seen.
        seen: String,
    },
    /// It had no effect.
    Failed {
        /// Why.
        error: StepError,
    },
    /// It may have had its effect.
    Indeterminate {
        /// What came instead of an answer.
        error: StepError,
    },
    /// It will not run.
    Skipped {
        /// Why.
        why: String,
    },
}

impl StepState {
    /// One word for lists and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Intended => "intended",
            Self::Applied => "applied",
            Self::Verified => "verified",
            Self::NotVerified { .. } => "not-verified",
            Self::Failed { .. } => "failed",
            Self::Indeterminate { .. } => "indeterminate",
            Self::Skipped { .. } => "skipped",
        }
    }

    /// Whether the step has, or may have, left its mark on the world.
    pub fn may_have_effect(&self) -> bool {
        matches!(
            self,
            Self::Intended | Self::Applied | Self::Verified | Self::NotVerified { .. } | Self::Indeterminate { .. }
        )
    }

    /// Whether AWS said yes and nothing has contradicted it since.
    pub fn succeeded(&self) -> bool {
        matches!(self, Self::Applied | Self::Verified)
    }

    /// Whether an answer is still owed: what recovery has to look into.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Intended | Self::Indeterminate { .. })
    }

    /// Why it did not succeed, where it didn't.
    pub fn why(&self) -> Option<String> {
        match self {
            Self::NotVerified { seen } => Some(format!("read back: {seen}")),
            Self::Failed { error } | Self::Indeterminate { error } => Some(error.message.clone()),
            Self::Skipped { why } => Some(why.clone()),
            _ => None,
        }
    }
}

/// One step with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepStatus {
    /// Where it stands.
    pub state: StepState,
    /// The change as it was recorded before the call.
    pub change: Option<Change>,
    /// What came of it.
    pub output: Vec<String>,
    /// The evidence that it has kept.
    pub kept: Vec<Kept>,
    /// When it was recorded.
    pub intended_at: Option<DateTime<Utc>>,
    /// When its answer was recorded.
    pub answered_at: Option<DateTime<Utc>>,
}

/// An event that can't follow what is recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("run {run}: {what}")]
pub struct IllegalEvent {
    /// The run.
    pub run: RunId,
    /// What doesn't fit, escaped.
    pub what: String,
}

/// A run as its records tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunState {
    /// The run.
    pub run: RunId,
    /// Who began it.
    pub actor: Actor,
    /// When.
    pub begun_at: DateTime<Utc>,
    /// What was to be done.
    pub plan: Plan,
    /// Each step of the plan.
    pub steps: BTreeMap<StepId, StepStatus>,
    /// How it ended, when, and the sentence about it.
    pub ended: Option<(Outcome, DateTime<Utc>, String)>,
    /// How often somebody took it over.
    pub recoveries: u32,
    /// The place of the next record.
    pub next_seq: u64,
}

impl RunState {
    /// The state after these records of one run.
    ///
    /// # Errors
    /// When the first isn't `Begun`, or one can't follow those before it.
    pub fn replay<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Option<Self>, IllegalEvent> {
        let mut state: Option<Self> = None;
        for record in records {
            match &mut state {
                None => state = Some(Self::begin(record)?),
                Some(state) => state.apply(record)?,
            }
        }
        Ok(state)
    }

    fn begin(record: &Record) -> Result<Self, IllegalEvent> {
        let Event::Begun { actor, plan } = &record.event else {
            return Err(IllegalEvent { run: record.run, what: "its first record does not begin it".into() });
        };
        let pending = |id: &StepId| {
            (
                id.clone(),
                StepStatus {
                    state: StepState::Pending,
                    change: None,
                    output: vec![],
                    kept: vec![],
                    intended_at: None,
                    answered_at: None,
                },
            )
        };
        Ok(Self {
            run: record.run,
            actor: actor.clone(),
            begun_at: record.at,
            steps: plan.steps.iter().map(|s| pending(&s.id)).collect(),
            plan: (**plan).clone(),
            ended: None,
            recoveries: 0,
            next_seq: record.seq + 1,
        })
    }

    /// Moves the state by one record.
    ///
    /// # Errors
    /// When the record isn't the next of this run, or its event can't follow.
    pub fn apply(&mut self, record: &Record) -> Result<(), IllegalEvent> {
        let run = self.run;
        // It may quote the record, which anybody who writes the file can have written.
        let illegal = |what: String| IllegalEvent { run, what: text::safe(&what).into_owned() };
        if record.run != run || record.seq != self.next_seq {
            return Err(illegal(format!("record {}/{} is not the next", record.run, record.seq)));
        }
        let stands = |id: &StepId| self.steps.get(id).map(|s| &s.state);
        let moved = judge(&record.event, record.seq, self.ended.is_some(), stands).map_err(illegal)?;
        self.next_seq += 1;
        match &record.event {
            Event::Recovered { .. } => self.recoveries += 1,
            Event::Ended { outcome, message } => self.ended = Some((*outcome, record.at, message.clone())),
            // Its step's state doesn't move: `Applied` follows.
            Event::Kept { step, kept } => self.steps.get_mut(step).into_iter().for_each(|s| s.kept.push(kept.clone())),
            _ => {}
        }
        let Some((status, next)) = moved.and_then(|(step, next)| Some((self.steps.get_mut(step)?, next))) else {
            return Ok(());
        };
        match &record.event {
            Event::Intended { change, .. } => {
                status.intended_at = Some(record.at);
                // The first intention's "before" stands: a repeat sees a world that we may have changed already. After a
                // failure that certainly had no effect, the same edit may be made otherwise: then that one counts.
                let failed = matches!(status.state, StepState::Failed { .. });
                let renewed = |(old, new): (&Change, &Change)| failed && old.renewed_by(new);
                if status.change.is_none() || status.change.as_ref().zip(change.as_deref()).is_some_and(renewed) {
                    status.change = change.as_deref().cloned();
                }
            }
            Event::Applied { output, .. } => {
                status.answered_at = Some(record.at);
                status.output.clone_from(output);
            }
            Event::Failed { .. } | Event::Indeterminate { .. } => status.answered_at = Some(record.at),
            _ => {}
        }
        status.state = next;
        Ok(())
    }

    /// Whether these events may follow, in this order: what may not must never be recorded, since no reader would get past it.
    ///
    /// # Errors
    /// The first that may not.
    pub fn admit(&self, events: &[Event]) -> Result<(), IllegalEvent> {
        let mut ended = self.ended.is_some();
        let mut since: BTreeMap<&StepId, StepState> = BTreeMap::new();
        for (event, seq) in events.iter().zip(self.next_seq..) {
            let stands = |id: &StepId| since.get(id).or_else(|| self.steps.get(id).map(|s| &s.state));
            let moved = judge(event, seq, ended, stands).map_err(|what| IllegalEvent { run: self.run, what })?;
            since.extend(moved);
            ended = matches!(event, Event::Ended { .. });
        }
        Ok(())
    }

    /// What a person should look at next, with the run's id where the plan says `RUN`: a plan knows no run yet, and people
    /// paste what they read.
    pub fn next(&self) -> Vec<String> {
        let run = self.run.to_string();
        let named =
            |line: &String| line.split(' ').map(|w| if w == "RUN" { &run } else { w }).collect::<Vec<_>>().join(" ");
        self.plan.promise.next.iter().map(named).collect()
    }

    /// The evidence that the run has kept, in the plan's order.
    pub fn kept(&self) -> Vec<&Kept> {
        self.plan.steps.iter().filter_map(|s| self.steps.get(&s.id)).flat_map(|s| &s.kept).collect()
    }

    /// Whether a step has, or may have, left its mark on the world or kept evidence.
    pub fn has_effect(&self) -> bool {
        let marks = |a: &Action| matches!(a, Action::Change(_) | Action::Snapshots { .. } | Action::Evidence(_));
        let steps = self.plan.steps.iter().filter(|s| marks(&s.action)).filter_map(|s| self.steps.get(&s.id));
        steps.into_iter().any(|s| s.state.may_have_effect())
    }

    /// The changes that have, or may have, reached AWS, in the plan's order, as they were recorded.
    pub fn changes(&self) -> Vec<Change> {
        self.plan
            .steps
            .iter()
            .filter_map(|s| self.steps.get(&s.id))
            .filter(|s| s.state.may_have_effect())
            .filter_map(|s| s.change.clone())
            .collect()
    }

    /// Whether a step's answer is owed and the run hasn't ended.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// The outcome of everything but the courtesies: what a notification, itself one of them, can tell.
    pub fn outcome_so_far(&self) -> Outcome {
        let mut rest = self.clone();
        rest.plan.steps.retain(|s| s.weight != Weight::Courtesy);
        rest.outcome()
    }

    /// The outcome that the steps add up to.
    pub fn outcome(&self) -> Outcome {
        let effect = self.has_effect();
        let mut missing = false;
        for step in &self.plan.steps {
            let Some(status) = self.steps.get(&step.id) else { continue };
            if step.weight != Weight::Courtesy && !status.state.succeeded() {
                missing = true;
            }
        }
        match (missing, effect) {
            (false, _) => Outcome::Done,
            (true, true) => Outcome::Partial,
            (true, false) => Outcome::Failed,
        }
    }
}

/// The step that an event moves, and where to; none for one that moves no step. `seq` is its place, `stands` where each step
/// of the plan is when it comes.
///
/// # Errors
/// Why it can't follow.
fn judge<'e, 's>(
    event: &'e Event,
    seq: u64,
    ended: bool,
    stands: impl Fn(&StepId) -> Option<&'s StepState>,
) -> Result<Option<(&'e StepId, StepState)>, String> {
    if ended {
        return Err(format!("record {seq} comes after its end"));
    }
    let (step, next) = match event {
        Event::Begun { .. } => return Err("begun twice".into()),
        Event::Recovered { .. } | Event::Ended { .. } => return Ok(None),
        Event::Kept { step, .. } => (step, None),
        Event::Intended { step, .. } => (step, Some(StepState::Intended)),
        Event::Applied { step, .. } => (step, Some(StepState::Applied)),
        Event::Failed { step, error } => (step, Some(StepState::Failed { error: error.clone() })),
        Event::Indeterminate { step, error } => (step, Some(StepState::Indeterminate { error: error.clone() })),
        Event::Verified { step, .. } => (step, Some(StepState::Verified)),
        Event::NotVerified { step, seen } => (step, Some(StepState::NotVerified { seen: seen.clone() })),
        Event::Skipped { step, why } => (step, Some(StepState::Skipped { why: why.clone() })),
    };
    let Some(from) = stands(step) else {
        return Err(format!("record {seq} names step {step}, which the plan does not have"));
    };
    match next {
        None if !from.is_open() => Err(format!("step {step} can't keep evidence when it is {}", from.word())),
        Some(next) if !may_follow(from, &next) => {
            Err(format!("step {step} can't go from {} to {}", from.word(), next.word()))
        }
        next => Ok(next.map(|next| (step, next))),
    }
}

/// Whether a step may go from one state to the other. Everything not named here may not.
fn may_follow(from: &StepState, to: &StepState) -> bool {
    use StepState as S;
    matches!(
        (from, to),
        (S::Pending | S::Failed { .. } | S::Indeterminate { .. }, S::Intended)
            | (S::Intended | S::Indeterminate { .. }, S::Applied | S::Failed { .. } | S::Indeterminate { .. })
            | (S::Applied | S::Verified | S::NotVerified { .. }, S::Verified | S::NotVerified { .. })
            | (S::Pending, S::Skipped { .. })
    )
}
