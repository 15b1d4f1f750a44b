//! An Elastic IP address, and where it points.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{Association, InstanceId};
use crate::playbook::call::ApiCall;
use crate::playbook::fleet::FleetNeeds;
use crate::playbook::observed::{Needs, Observed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Takes an Elastic IP address off an interface, or puts it back; it stays allocated to the account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetAddress {
    /// The instance.
    pub instance: InstanceId,
    /// The address's id, `eipalloc-…`.
    pub allocation: String,
    /// The address.
    pub public_ip: IpAddr,
    /// Where it pointed.
    pub before: Option<Association>,
    /// Where it will.
    pub after: Option<Association>,
}

/// Whether both point to the same place: a new association of the old place has a new id.
fn same(a: Option<&Association>, b: Option<&Association>) -> bool {
    let place = |a: Option<&Association>| a.map(|a| (a.interface.clone(), a.private_ip));
    place(a) == place(b)
}

fn words(association: Option<&Association>) -> String {
    association.map_or_else(|| "not associated".into(), |a| format!("on {} {}", a.interface, a.private_ip))
}

impl Edit for SetAddress {
    fn fields(&self) -> Vec<String> {
        vec![format!("{} association", self.allocation)]
    }

    fn needs(&self) -> Needs {
        let fleet = FleetNeeds { addresses: BTreeSet::from([self.allocation.clone()]), ..FleetNeeds::default() };
        Needs { instance: Some(self.instance.clone()), fleet, ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let now = match world.fleet.addresses.get(&self.allocation) {
            None => return Standing::Unknown,
            Some(None) => return Standing::Gone,
            Some(Some(address)) => address.association.as_ref(),
        };
        if same(now, self.after.as_ref()) {
            // Where it pointed is gone: it can't go back.
            let lost = self.before.as_ref().is_some_and(|b| !world.interfaces.contains_key(&b.interface));
            if self.after.is_none() && lost { Standing::Gone } else { Standing::After }
        } else if same(now, self.before.as_ref()) {
            Standing::Before
        } else {
            Standing::Drift(words(now))
        }
    }

    fn before_text(&self) -> String {
        words(self.before.as_ref())
    }

    fn after_text(&self) -> String {
        words(self.after.as_ref())
    }

    fn what(&self) -> String {
        format!("Elastic IP {} ({})", self.public_ip, self.allocation)
    }

    fn calls(&self) -> Vec<ApiCall> {
        let operation = if self.after.is_some() { "ec2:AssociateAddress" } else { "ec2:DisassociateAddress" };
        let target = format!("{} {}", self.allocation, self.public_ip);
        vec![
            ApiCall::read("ec2:DescribeAddresses", &self.allocation),
            ApiCall::new(operation, &target, Some(self.before_text()), Some(self.after_text())),
        ]
    }

    fn inverse(&self) -> Option<Self> {
        Some(Self { before: self.after.clone(), after: self.before.clone(), ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        (self.allocation == later.allocation).then(|| Self {
            before: chained(&self.before, &self.after, &later.before),
            after: later.after.clone(),
            ..self.clone()
        })
    }

    fn back_in(&self) -> BackIn {
        BackIn::Addresses
    }
}
