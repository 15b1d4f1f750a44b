//! Workflow status and note of a finding in Security Hub.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{FindingKey, Workflow, text};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::weight::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a note reads once it is taken back where none stood: Security Hub has no call that removes a note, and takes
/// no empty one (`NoteUpdate$Text`).
pub const NO_NOTE: &str = "(no note)";

/// One field that goes from one value to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swap<T> {
    /// What stood there.
    pub before: T,
    /// What will.
    pub after: T,
}

/// Sets the workflow status of a finding, its note, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetFinding {
    /// The finding.
    pub key: FindingKey,
    /// The status, where it is set.
    pub status: Option<Swap<Workflow>>,
    /// The note, where it is set. None stands for no note.
    pub note: Option<Swap<Option<String>>>,
    /// Whether Security Hub did not show yet what stood there when this was planned: then a reading that shows the
    /// target proves nothing, for it may be an old one.
    #[serde(default)]
    pub lagging: bool,
}

/// Which side of a swap a value is on; none for neither.
fn side<T: PartialEq>(now: &T, swap: &Swap<T>) -> Option<bool> {
    if *now == swap.after {
        Some(true)
    } else if *now == swap.before {
        Some(false)
    } else {
        None
    }
}

/// The same swap turned round.
fn back<T: Clone>(swap: &Swap<T>) -> Swap<T> {
    Swap { before: swap.after.clone(), after: swap.before.clone() }
}

/// Two swaps of one field in a row as one.
fn both<T: Clone + PartialEq>(first: Option<&Swap<T>>, later: Option<&Swap<T>>) -> Option<Swap<T>> {
    match (first, later) {
        (Some(a), Some(b)) => Some(Swap { before: chained(&a.before, &a.after, &b.before), after: b.after.clone() }),
        (one, other) => one.or(other).cloned(),
    }
}

/// A note for people, no longer than a line.
fn note_text(note: Option<&String>) -> String {
    note.map_or_else(|| "no note".to_owned(), |n| format!("note \"{}\"", text::fit(n, 60)))
}

impl SetFinding {
    /// The status and the note, each as an edit of its own: what somebody else has changed of one must not hold the
    /// other back.
    pub fn apart(self) -> Vec<Self> {
        let Self { key, status, note, lagging } = self;
        let alone = |status: Option<_>, note: Option<_>| Self { key: key.clone(), status, note, lagging };
        let parts = [status.map(|s| alone(Some(s), None)), note.map(|n| alone(None, Some(n)))];
        parts.into_iter().flatten().collect()
    }

    /// What to send: the status and the note that this sets, where it sets them.
    pub fn update(&self) -> (Option<Workflow>, Option<String>) {
        let note = self.note.as_ref().map(|n| n.after.clone().unwrap_or_else(|| NO_NOTE.to_owned()));
        (self.status.as_ref().map(|s| s.after.clone()), note)
    }

    /// The fields that this sets, with the values that stand there now.
    fn shown(&self, workflow: &Workflow, note: Option<&String>) -> String {
        let now = Self {
            status: self.status.as_ref().map(|_| Swap { before: workflow.clone(), after: workflow.clone() }),
            note: self.note.as_ref().map(|_| Swap { before: note.cloned(), after: note.cloned() }),
            ..self.clone()
        };
        now.after_text()
    }

    /// The fields that this sets, with one of their two values.
    fn words<'a>(
        &'a self,
        status: impl Fn(&'a Swap<Workflow>) -> &'a Workflow,
        note: impl Fn(&'a Swap<Option<String>>) -> Option<&'a String>,
    ) -> String {
        let status = self.status.as_ref().map(|s| text::safe(status(s).as_str()).into_owned());
        let note = self.note.as_ref().map(|n| note_text(note(n)));
        let parts: Vec<String> = [status, note].into_iter().flatten().collect();
        parts.join(", ")
    }
}

impl Edit for SetFinding {
    fn fields(&self) -> Vec<String> {
        let field = |is: bool, name: &str| is.then(|| format!("{} {name}", self.key.id.as_str()));
        [field(self.status.is_some(), "status"), field(self.note.is_some(), "note")].into_iter().flatten().collect()
    }

    fn needs(&self) -> Needs {
        Needs { findings: BTreeSet::from([self.key.clone()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(now) = world.findings.get(&self.key) else { return Standing::Gone };
        let sides: Vec<Option<bool>> = self
            .status
            .iter()
            .map(|s| side(&now.workflow, s))
            .chain(self.note.iter().map(|n| side(&now.note, n)))
            .collect();
        if sides.iter().all(|s| *s == Some(true)) {
            Standing::After
        } else if sides.iter().all(|s| *s == Some(false)) {
            Standing::Before
        } else {
            Standing::Drift(self.shown(&now.workflow, now.note.as_ref()))
        }
    }

    fn before_text(&self) -> String {
        self.words(|s| &s.before, |n| n.before.as_ref())
    }

    fn after_text(&self) -> String {
        self.words(|s| &s.after, |n| n.after.as_ref())
    }

    fn what(&self) -> String {
        let id = text::safe(self.key.id.as_str());
        match (&self.status, &self.note) {
            (Some(_), None) => format!("status of finding {id}"),
            (None, Some(_)) => format!("note of finding {id}"),
            _ => format!("finding {id}"),
        }
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("securityhub:BatchUpdateFindings", self.key.id.as_str(), before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self {
            key: self.key.clone(),
            status: self.status.as_ref().map(back),
            note: self.note.as_ref().map(back),
            lagging: false,
        })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.key == later.key).then(|| Self {
            key: self.key.clone(),
            status: both(self.status.as_ref(), later.status.as_ref()),
            note: both(self.note.as_ref(), later.note.as_ref()),
            lagging: later.lagging,
        })
    }

    fn minus(&self, back: &Self) -> Option<Self> {
        if self.key != back.key {
            return Some(self.clone());
        }
        let left = Self {
            status: self.status.clone().filter(|_| back.status.is_none()),
            note: self.note.clone().filter(|_| back.note.is_none()),
            ..self.clone()
        };
        (left.status.is_some() || left.note.is_some()).then_some(left)
    }

    fn overwriting(&self, world: &Observed) -> Option<Self> {
        let now = world.findings.get(&self.key)?;
        Some(Self {
            key: self.key.clone(),
            status: self.status.as_ref().map(|s| Swap { before: now.workflow.clone(), after: s.before.clone() }),
            note: self.note.as_ref().map(|n| Swap { before: now.note.clone(), after: n.before.clone() }),
            lagging: false,
        })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }

    fn back_weight(&self) -> Weight {
        Weight::Wanted
    }

    /// Security Hub may still show what stood there minutes ago: looking right before the call would tell nothing.
    fn looks_first(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FindingId, Scope};
    use crate::playbook::observed::FindingNow;
    use chrono::DateTime;

    fn key() -> FindingKey {
        FindingKey { id: FindingId("f-1".into()), product_arn: "arn:aws:securityhub:::product/a/b".into() }
    }

    fn set(status: Option<(Workflow, Workflow)>, note: Option<(Option<&str>, Option<&str>)>) -> SetFinding {
        let text = |n: Option<&str>| n.map(str::to_owned);
        SetFinding {
            key: key(),
            status: status.map(|(before, after)| Swap { before, after }),
            note: note.map(|(before, after)| Swap { before: text(before), after: text(after) }),
            lagging: false,
        }
    }

    fn world(workflow: Workflow, note: Option<&str>) -> Observed {
        let mut world = Observed::empty(Scope::parse("111122223333", "eu-central-1").unwrap(), DateTime::UNIX_EPOCH);
        let now = FindingNow { workflow, note: note.map(str::to_owned), archived: false, shown: true };
        world.findings.insert(key(), now);
        world
    }

    #[test]
    fn each_field_stands_for_itself() {
        let status = set(Some((Workflow::New, Workflow::Notified)), None);
        assert_eq!(status.standing(&world(Workflow::Notified, Some("others"))), Standing::After);
        assert_eq!(status.standing(&world(Workflow::New, Some("others"))), Standing::Before);
        assert_eq!(status.standing(&world(Workflow::Resolved, None)), Standing::Drift("RESOLVED".into()));
        let both = set(Some((Workflow::New, Workflow::Notified)), Some((None, Some("ours"))));
        assert_eq!(both.standing(&world(Workflow::Notified, Some("ours"))), Standing::After);
        let Standing::Drift(now) = both.standing(&world(Workflow::Notified, Some("theirs"))) else { panic!() };
        assert_eq!(now, "NOTIFIED, note \"theirs\"");
        let parts = both.apart();
        assert_eq!(parts.len(), 2);
        assert_eq!(parts[0].standing(&world(Workflow::Notified, Some("theirs"))), Standing::After);
        assert!(matches!(parts[1].standing(&world(Workflow::Notified, Some("theirs"))), Standing::Drift(_)));
        let mut empty = world(Workflow::New, None);
        empty.findings.clear();
        assert_eq!(status.standing(&empty), Standing::Gone);
    }

    #[test]
    fn edits_in_a_row_go_back_to_the_first_beginning() {
        let told = set(Some((Workflow::New, Workflow::Notified)), None);
        let done = set(Some((Workflow::Notified, Workflow::Resolved)), Some((None, Some("done"))));
        let both = told.then(&done).unwrap();
        assert_eq!(both.status, Some(Swap { before: Workflow::New, after: Workflow::Resolved }));
        assert_eq!(both.inverse().unwrap().update(), (Some(Workflow::New), Some(NO_NOTE.into())));
        let back = told.inverse().unwrap();
        assert_eq!(both.minus(&back).unwrap().fields(), ["f-1 note"]);
        assert_eq!(told.minus(&back), None);
        let over = both.overwriting(&world(Workflow::Suppressed, Some("theirs"))).unwrap();
        assert_eq!(over.status, Some(Swap { before: Workflow::Suppressed, after: Workflow::New }));
    }
}
