//! The metadata options of an instance.

use super::{ApiCall, BackIn, Edit, Standing, chained};
use crate::domain::{InstanceId, MetadataOptions};
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Sets all metadata options of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMetadataOptions {
    /// The instance.
    pub instance: InstanceId,
    /// What stood there.
    pub before: MetadataOptions,
    /// What will.
    pub after: MetadataOptions,
}

impl Edit for SetMetadataOptions {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} metadata-options", self.instance)]
    }

    fn needs(&self) -> Needs {
        Needs { instances: BTreeSet::from([self.instance.clone()]), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(instance) = world.instances.get(&self.instance).filter(|i| i.exists()) else { return Standing::Gone };
        match &instance.metadata {
            None => Standing::Unknown,
            Some(now) if now.same_settings(&self.after) && now.pending => {
                Standing::Drift(format!("{now}, not followed by the instance yet"))
            }
            Some(now) if now.same_settings(&self.after) => Standing::After,
            Some(now) if now.same_settings(&self.before) => Standing::Before,
            Some(now) => Standing::Drift(now.to_string()),
        }
    }

    fn before_text(&self) -> String {
        self.before.to_string()
    }

    fn after_text(&self) -> String {
        self.after.to_string()
    }

    fn what(&self) -> String {
        format!("metadata options of {}", self.instance)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        vec![ApiCall::new("ec2:ModifyInstanceMetadataOptions", self.instance.as_str(), before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { instance: self.instance.clone(), before: self.after, after: self.before })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.instance == later.instance).then(|| Self {
            instance: self.instance.clone(),
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
        })
    }

    fn overwriting(&self, world: &Observed) -> Option<Self> {
        let before = world.instances.get(&self.instance)?.metadata?;
        Some(Self { instance: self.instance.clone(), before, after: self.before })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }
}
