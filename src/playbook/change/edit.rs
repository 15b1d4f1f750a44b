//! What every kind of edit can tell of itself.

use crate::domain::RunId;
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::weight::Weight;
use chrono::{DateTime, Utc};

/// Which side of a change the world is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds what the change leaves there.
    After,
    /// It holds what stood there before.
    Before,
    /// It holds something else: what, in words.
    Drift(String),
    /// The resource isn't there any more.
    Gone,
    /// It wasn't read.
    Unknown,
}

/// When, in the order of a restore, an edit is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackIn {
    /// With access: what blocks the subject goes.
    Access,
    /// After access was read back: marks and protections.
    Afterwards,
    /// Then: the addresses by which the subject is reached.
    Addresses,
    /// Then: what sends work to it.
    Targets,
    /// Last, once the targets are well: who would replace it if it were not.
    Service,
}

impl BackIn {
    /// The wave of a restore in which it is taken back.
    pub fn wave(self) -> u8 {
        match self {
            Self::Access => 2,
            Self::Afterwards => 4,
            Self::Addresses => 5,
            Self::Targets => 6,
            Self::Service => 8,
        }
    }
}

/// One kind of reversible edit. Texts that it gives are for people, and escaped.
pub trait Edit: Clone + Sized {
    /// The fields it edits, each as `resource field`: no two changes of one wave may name the same.
    fn fields(&self) -> Vec<String>;

    /// What has to be read to tell where it stands.
    fn needs(&self) -> Needs;

    /// Which side of it the observed world is on.
    fn standing(&self, world: &Observed) -> Standing;

    /// What stood there.
    fn before_text(&self) -> String;

    /// What will stand there.
    fn after_text(&self) -> String;

    /// The resource and field.
    fn what(&self) -> String;

    /// The API calls that make it.
    fn calls(&self) -> Vec<ApiCall>;

    /// The API calls that read it back, where the read-back of an instance doesn't cover them.
    fn reads(&self) -> Vec<ApiCall> {
        vec![]
    }

    /// The edit that leaves what this one found; `None` where there is no way back, or none is wanted.
    fn inverse(&self) -> Option<Self>;

    /// This edit and a later one of the same resource as one; `None` for another resource.
    ///
    /// What goes back is what stood there first, as long as the later edit began where the earlier one left off, or
    /// where it had begun (when it had no effect). Otherwise somebody else decided in between, and theirs counts.
    fn then(&self, later: &Self) -> Option<Self>;

    /// What is left of it once `back` has put its fields back; `None` when nothing is.
    fn minus(&self, back: &Self) -> Option<Self> {
        (self.fields() != back.fields()).then(|| self.clone())
    }

    /// The way back from what stands there now, though it isn't what we left; `None` where only our own may be touched
    /// (I6): a policy, an entry, a rule that somebody else has rewritten.
    fn overwriting(&self, _world: &Observed) -> Option<Self> {
        None
    }

    /// Where only a part of what it leaves there stands, and that part is certainly ours: what others have put in place
    /// of the rest, often nothing. A restore takes the part back.
    fn stands_in_part(&self, _world: &Observed) -> Option<Vec<String>> {
        None
    }

    /// Why it has no effect though it stands as it was left.
    fn without_effect(&self, _world: &Observed) -> Option<String> {
        None
    }

    /// What begins again when it is taken back, where people must know that before they do it.
    fn undoing(&self) -> Option<String> {
        None
    }

    /// Whether a later intention of the same step may take its place in the record, once it has certainly failed: the
    /// same edit, made otherwise, such as an entry under another number.
    fn renewed_by(&self, _later: &Self) -> bool {
        false
    }

    /// Whether a restore leaves it as it is unless it is asked for by name.
    fn only_when_asked(&self) -> bool {
        false
    }

    /// The names by which a person asks for an edit that goes back only when asked for.
    fn asked_as(&self) -> Vec<String> {
        vec![self.what()]
    }

    /// The edit with the run and the moment in it, where its plan had only a place for them. Called once, right before
    /// the edit is recorded.
    #[must_use]
    fn settle(self, _run: RunId, _now: DateTime<Utc>) -> Self {
        self
    }

    /// When a restore takes it back.
    fn back_in(&self) -> BackIn {
        BackIn::Access
    }

    /// What it means for a restore when it can't be taken back.
    fn back_weight(&self) -> Weight {
        Weight::Essential
    }

    /// Whether its own resource is read right before its call: it is made only where it stands as planned. The edits of
    /// an instance's interfaces, protections and tags are rechecked together instead.
    fn looks_first(&self) -> bool {
        true
    }
}

pub(super) fn on_off(on: bool) -> String {
    if on { "on".to_owned() } else { "off".to_owned() }
}

/// What stood there before two edits in a row.
pub(super) fn chained<T: Clone + PartialEq>(before: &T, after: &T, later_before: &T) -> T {
    if later_before == after || later_before == before { before.clone() } else { later_before.clone() }
}
