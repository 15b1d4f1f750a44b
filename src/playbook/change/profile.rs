//! The instance profile on an instance: what gives it its role.

use super::edit::{Edit, Standing, chained};
use crate::domain::{InstanceId, Region, text};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Puts another instance profile on an instance, puts the first one on it, or takes it off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetInstanceProfile {
    /// The instance.
    pub instance: InstanceId,
    /// The ARN of the profile that stood on it; none where it had none.
    pub before: Option<String>,
    /// The ARN of the profile that will.
    pub after: Option<String>,
    /// The Region that the instance is in, where it isn't the plan's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

/// What is read of an instance and the profiles on it, in the plan's Region or another.
pub(super) fn needs_of(instance: &InstanceId, region: Option<&Region>) -> Needs {
    let ids = BTreeSet::from([instance.clone()]);
    match region {
        Some(region) => Needs { elsewhere: BTreeMap::from([(region.clone(), ids)]), ..Needs::default() },
        None => Needs { instances: ids.clone(), profiles_of: ids, ..Needs::default() },
    }
}

/// An instance, and its Region where it isn't the plan's.
pub(super) fn placed(instance: &InstanceId, region: Option<&Region>) -> String {
    region.map_or_else(|| instance.to_string(), |region| format!("{instance} in {region}"))
}

impl Edit for SetInstanceProfile {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} instance-profile", self.instance)]
    }

    fn needs(&self) -> Needs {
        needs_of(&self.instance, self.region.as_ref())
    }

    fn standing(&self, world: &Observed) -> Standing {
        if self.region.as_ref().is_some_and(|region| world.unread_regions.contains(region)) {
            return Standing::Unknown;
        }
        if !world.instances.get(&self.instance).is_some_and(|i| i.exists()) {
            return Standing::Gone;
        }
        let Some(associations) = world.profiles.get(&self.instance) else { return Standing::Unknown };
        let mut live = associations.iter().filter(|a| a.is_live());
        let (first, more) = (live.next(), live.next());
        if more.is_some() {
            return Standing::Drift("several profiles at once".to_owned());
        }
        let now = first.map(|a| &a.profile_arn);
        if now == self.after.as_ref() {
            match first {
                // On its way: the instance may still be given credentials of the old one.
                Some(a) if a.state != "associated" => Standing::Drift(format!("{}, still {}", shown(now), a.state)),
                _ => Standing::After,
            }
        } else if now == self.before.as_ref() {
            Standing::Before
        } else {
            Standing::Drift(shown(now))
        }
    }

    fn before_text(&self) -> String {
        shown(self.before.as_ref())
    }

    fn after_text(&self) -> String {
        shown(self.after.as_ref())
    }

    fn what(&self) -> String {
        format!("instance profile of {}", placed(&self.instance, self.region.as_ref()))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let operation = match (&self.before, &self.after) {
            (Some(_), Some(_)) => "ec2:ReplaceIamInstanceProfileAssociation",
            (None, _) => "ec2:AssociateIamInstanceProfile",
            (Some(_), None) => "ec2:DisassociateIamInstanceProfile",
        };
        let target = placed(&self.instance, self.region.as_ref());
        vec![ApiCall::new(operation, &target, Some(self.before_text()), Some(self.after_text()))]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after.clone(), after: self.before.clone(), ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.instance == later.instance).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after.clone(),
            ..self.clone()
        })
    }

    fn overwriting(&self, world: &Observed) -> Option<Self> {
        let live = world.profiles.get(&self.instance)?.iter().find(|a| a.is_live());
        let before = live.map(|a| a.profile_arn.clone());
        Some(Self { before, after: self.before.clone(), ..self.clone() })
    }
}

/// A profile's name for people, of its ARN.
fn shown(arn: Option<&String>) -> String {
    arn.map_or_else(|| "no profile".to_owned(), |arn| text::fit(profile_name(arn), 200))
}

/// The name of an instance profile, from its ARN (`…:instance-profile/path/name`).
pub fn profile_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
