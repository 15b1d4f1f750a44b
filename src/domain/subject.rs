//! What a finding is about, and can be contained.

use super::ids::{InstanceId, InterfaceId, SubnetId, VpcId};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Which way the connection that a finding reports was opened, seen from our resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The remote side connected to us.
    Inbound,
    /// We connected to the remote side.
    Outbound,
    /// The finding doesn't say: a person decides.
    #[default]
    Unknown,
}

/// Who an access key belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalType {
    /// An IAM user.
    User,
    /// A role, or a session of it.
    Role,
    /// The account's root user. It can't be denied.
    Root,
    /// A federated user (`GetFederationToken`).
    Federated,
    /// An AWS service or another account, named as the finding named it.
    #[serde(untagged)]
    Other(String),
}

/// An instance as a finding describes it; what it is now has to be read live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSubject {
    /// The instance.
    pub id: Option<InstanceId>,
    /// Its VPC, where the finding says.
    pub vpc: Option<VpcId>,
    /// Its subnet, where the finding says.
    pub subnet: Option<SubnetId>,
    /// Its network interfaces, where the finding lists them.
    pub interfaces: Vec<InterfaceId>,
    /// Its private addresses, without repeats.
    pub private_ips: Vec<IpAddr>,
    /// Its public addresses, without repeats.
    pub public_ips: Vec<IpAddr>,
    /// The ARN of its instance profile.
    pub profile_arn: Option<String>,
    /// Its `Name` tag. Written by anybody: escape before showing.
    pub name: Option<String>,
}

/// An access key and the principal behind it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKeySubject {
    /// The key's id, `AKIA…` or `ASIA…`, or a sample's placeholder.
    pub id: String,
    /// Who it belongs to. Decides what can be done; the key's prefix does not.
    pub principal_type: Option<PrincipalType>,
    /// The principal's name.
    pub principal_name: Option<String>,
    /// The principal's unique id (`AIDA…`, `AROA…`).
    pub principal_id: Option<String>,
}

/// An address on the other side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteAddress {
    /// The address.
    pub ip: IpAddr,
    /// Which way the connection was opened.
    pub direction: Direction,
    /// The country's name, as the finding gives it.
    pub country: Option<String>,
    /// The organisation behind the autonomous system.
    pub asn_org: Option<String>,
    /// Whether the address is an API caller's: such traffic never crosses our network ACLs.
    pub api_caller: bool,
}

/// One thing a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Subject {
    /// An EC2 instance.
    Instance(InstanceSubject),
    /// An access key.
    AccessKey(AccessKeySubject),
    /// An IAM role, by name.
    Role {
        /// The role's name.
        name: String,
    },
    /// An IAM user, by name.
    User {
        /// The user's name.
        name: String,
    },
    /// A remote IP address.
    RemoteAddress(RemoteAddress),
    /// A domain name that was asked for.
    Domain {
        /// The name, in lower case, without a final dot.
        name: String,
    },
    /// An S3 bucket.
    Bucket {
        /// The bucket's name.
        name: String,
    },
    /// A container, or the cluster around it.
    Container {
        /// The container's id, ARN or name.
        id: String,
    },
    /// An EKS or ECS cluster.
    Cluster {
        /// The cluster's ARN or name.
        id: String,
    },
    /// A Lambda function.
    Function {
        /// The function's ARN or name.
        id: String,
    },
    /// An RDS database or cluster.
    Database {
        /// The database's ARN or identifier.
        id: String,
    },
    /// Anything else, kept as it was named. Spelled `type` in JSON.
    Other {
        /// The resource's type.
        #[serde(rename = "type")]
        resource_type: String,
        /// The resource's id.
        id: String,
    },
}

impl Subject {
    /// The subject's id, name or address as text. Written by others: escape before showing.
    pub fn id(&self) -> String {
        match self {
            Self::Instance(i) => i.id.as_ref().map(ToString::to_string).unwrap_or_default(),
            Self::AccessKey(k) => k.id.clone(),
            Self::RemoteAddress(a) => a.ip.to_string(),
            Self::Role { name } | Self::User { name } | Self::Domain { name } | Self::Bucket { name } => name.clone(),
            Self::Container { id }
            | Self::Cluster { id }
            | Self::Function { id }
            | Self::Database { id }
            | Self::Other { id, .. } => id.clone(),
        }
    }

    /// The kind of subject in one word, as JSON spells it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Instance(_) => "instance",
            Self::AccessKey(_) => "access_key",
            Self::Role { .. } => "role",
            Self::User { .. } => "user",
            Self::RemoteAddress(_) => "remote_address",
            Self::Domain { .. } => "domain",
            Self::Bucket { .. } => "bucket",
            Self::Container { .. } => "container",
            Self::Cluster { .. } => "cluster",
            Self::Function { .. } => "function",
            Self::Database { .. } => "database",
            Self::Other { .. } => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_principal_type_is_one_word_in_json() {
        for (principal, json) in [
            (PrincipalType::User, "\"user\""),
            (PrincipalType::Federated, "\"federated\""),
            (PrincipalType::Other("AWSService".into()), "\"AWSService\""),
        ] {
            assert_eq!(serde_json::to_string(&principal).unwrap(), json);
            assert_eq!(serde_json::from_str::<PrincipalType>(json).unwrap(), principal);
        }
    }
}
