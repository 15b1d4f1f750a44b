//! Typed ids, so that a group can't be passed where an interface is meant.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A text that is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind} ({prefix} and 8 to 17 hexadecimal digits)")]
pub struct IdError {
    /// What was given.
    pub text: String,
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! ec2_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes an id as AWS or a finding wrote it, unchecked; parse a person's input with [`FromStr`].
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id's text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.strip_prefix($prefix).unwrap_or("");
                if (8..=17).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError { text: text.to_owned(), kind: $kind, prefix: $prefix })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    };
}

ec2_id!(/// An EC2 instance, `i-…`.
    InstanceId, "i-", "an instance id");
ec2_id!(/// A network interface, `eni-…`.
    InterfaceId, "eni-", "a network interface id");
ec2_id!(/// A security group, `sg-…`.
    GroupId, "sg-", "a security group id");
ec2_id!(/// A VPC, `vpc-…`.
    VpcId, "vpc-", "a VPC id");
ec2_id!(/// A subnet, `subnet-…`.
    SubnetId, "subnet-", "a subnet id");
ec2_id!(/// An EBS volume, `vol-…`.
    VolumeId, "vol-", "a volume id");
ec2_id!(/// An EBS snapshot, `snap-…`.
    SnapshotId, "snap-", "a snapshot id");
ec2_id!(/// A network ACL, `acl-…`.
    AclId, "acl-", "a network ACL id");
ec2_id!(/// A managed prefix list, `pl-…`.
    PrefixListId, "pl-", "a prefix list id");

/// A finding's id as its product wrote it: often an ARN, sometimes free text.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(pub String);

impl FindingId {
    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One run: a ULID, so that runs sort by the time they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub ulid::Ulid);

impl RunId {
    /// A run id from a time (milliseconds since 1970) and 80 random bits.
    pub fn from_parts(millis: u64, random: u128) -> Self {
        Self(ulid::Ulid::from_parts(millis, random))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

impl FromStr for RunId {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        ulid::Ulid::from_string(&s.to_ascii_uppercase())
            .map(Self)
            .map_err(|_| format!("`{s}` is not a run id (26 letters and digits, as `lazaret runs` shows them)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_from_people_are_checked() {
        assert!("i-0ab12cd34ef56ab78".parse::<InstanceId>().is_ok());
        assert!("i-1234abcd".parse::<InstanceId>().is_ok());
        for bad in
            ["", "i-", "i-xyz", "sg-12345678", "i-1234567", "i-0AB12CD34", "i-0ab12cd34ef56ab7890", "i-1234abcd\n"]
        {
            let error = bad.parse::<InstanceId>().unwrap_err().to_string();
            assert!(error.contains("instance id"), "{error}");
        }
    }

    #[test]
    fn run_ids_sort_by_time() {
        let a = RunId::from_parts(1_000, 9);
        let b = RunId::from_parts(2_000, 1);
        assert!(a < b && a.to_string() < b.to_string());
        assert_eq!(a.to_string().parse::<RunId>().unwrap(), a);
    }
}
