//! Managed prefix lists: ranges under one name.

use super::ids::PrefixListId;
use super::text;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A managed prefix list of one Region, without its entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PrefixList {
    /// Its id.
    pub id: PrefixListId,
    /// Its name: AWS's own begin with `com.amazonaws.`, which nobody else's may (EC2 API reference,
    /// `CreateManagedPrefixList`).
    pub name: String,
}

impl fmt::Display for PrefixList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, text::fit(&self.name, 100))
    }
}
