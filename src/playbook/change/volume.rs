//! Whether a volume goes with its instance.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{InstanceId, VolumeId, text};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::weight::Weight;
use serde::{Deserialize, Serialize};

/// Sets `DeleteOnTermination` of one attached volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetDeleteOnTermination {
    /// The instance.
    pub instance: InstanceId,
    /// The volume.
    pub volume: VolumeId,
    /// The name the instance knows it by, which is how EC2 finds it.
    pub device: String,
    /// What stood there.
    pub before: bool,
    /// What will.
    pub after: bool,
}

fn words(deleted: bool) -> String {
    if deleted { "deleted with the instance".into() } else { "kept".into() }
}

impl Edit for SetDeleteOnTermination {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} deleteOnTermination", self.volume)]
    }

    fn needs(&self) -> Needs {
        Needs { instance: Some(self.instance.clone()), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let volume = world.instance.as_ref().and_then(|i| i.volumes.iter().find(|v| v.id == self.volume));
        match volume {
            // Detached, or attached under another name: what EC2 would change is another attachment.
            Some(volume) if volume.device == self.device => {
                if volume.delete_on_termination == self.after {
                    Standing::After
                } else {
                    Standing::Before
                }
            }
            _ => Standing::Gone,
        }
    }

    fn before_text(&self) -> String {
        words(self.before)
    }

    fn after_text(&self) -> String {
        words(self.after)
    }

    fn what(&self) -> String {
        format!("DeleteOnTermination of {}", self.volume)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let target = format!("{} {} {}", self.instance, text::safe(&self.device), self.volume);
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("ec2:ModifyInstanceAttribute", &target, before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.volume == later.volume && self.instance == later.instance).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }

    fn back_weight(&self) -> Weight {
        Weight::Wanted
    }

    fn looks_first(&self) -> bool {
        false
    }
}
