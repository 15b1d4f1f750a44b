//! The metadata options of an instance.

use super::edit::{BackIn, Edit, Standing, chained};
use super::profile::{needs_of, placed};
use crate::domain::{InstanceId, MetadataOptions, Region};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};

/// Sets all metadata options of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetMetadataOptions {
    /// The instance.
    pub instance: InstanceId,
    /// What stood there.
    pub before: MetadataOptions,
    /// What will.
    pub after: MetadataOptions,
    /// The Region that the instance is in, where it isn't the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

impl Edit for SetMetadataOptions {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} metadata-options", self.instance)]
    }

    fn needs(&self) -> Needs {
        Needs { profiles_of: Default::default(), ..needs_of(&self.instance, self.region.as_ref()) }
    }

    fn standing(&self, world: &Observed) -> Standing {
        if self.region.as_ref().is_some_and(|region| world.unread_regions.contains(region)) {
            return Standing::Unknown;
        }
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
        format!("metadata options of {}", placed(&self.instance, self.region.as_ref()))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (before, after) = (Some(self.before_text()), Some(self.after_text()));
        let target = placed(&self.instance, self.region.as_ref());
        vec![ApiCall::new("ec2:ModifyInstanceMetadataOptions", &target, before, after)]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after, after: self.before, ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.instance == later.instance).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after,
            ..self.clone()
        })
    }

    fn overwriting(&self, world: &Observed) -> Option<Self> {
        let before = world.instances.get(&self.instance)?.metadata?;
        Some(Self { before, after: self.before, ..self.clone() })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }
}
