//! Instance profiles as EC2 knows them: what gives an instance its role.

use super::ids::InstanceId;
use serde::{Deserialize, Serialize};

/// The tie between an instance and an instance profile. Replacing the profile makes a new one with a new id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileAssociation {
    /// Its id, `iip-assoc-…`.
    pub id: String,
    /// The instance.
    pub instance: InstanceId,
    /// The profile's ARN.
    pub profile_arn: String,
    /// `associating`, `associated`, `disassociating` or `disassociated`.
    pub state: String,
}

impl ProfileAssociation {
    /// Whether it stands or is coming to stand: not on its way out.
    pub fn is_live(&self) -> bool {
        matches!(self.state.as_str(), "associating" | "associated")
    }
}
