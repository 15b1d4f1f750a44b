//! Where something is: partition, account and Region. Every id that leaves a module travels with its [`Scope`].

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Why a scope, account or Region could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// An AWS account id is twelve decimal digits.
    #[error("`{0}` is not an AWS account id (twelve digits)")]
    Account(String),
    /// A Region's name is lower-case words and a number joined by `-`, such as `eu-central-1`.
    #[error("`{0}` is not the name of an AWS Region (such as eu-central-1)")]
    Region(String),
}

/// An AWS account id: exactly twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

impl AccountId {
    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountId {
    type Err = ScopeError;
    fn from_str(s: &str) -> Result<Self, ScopeError> {
        if s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(s.to_owned()))
        } else {
            Err(ScopeError::Account(s.to_owned()))
        }
    }
}

impl TryFrom<String> for AccountId {
    type Error = ScopeError;
    fn try_from(s: String) -> Result<Self, ScopeError> {
        s.parse()
    }
}

impl From<AccountId> for String {
    fn from(a: AccountId) -> String {
        a.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The name of an AWS Region, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

impl Region {
    /// The Region's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = ScopeError;
    fn from_str(s: &str) -> Result<Self, ScopeError> {
        let mut parts = s.split('-');
        let letters = |p: Option<&str>| p.is_some_and(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase()));
        let head = letters(parts.next()) && letters(parts.next());
        let rest: Vec<&str> = parts.collect();
        let tail = match rest.split_last() {
            Some((number, middle)) => {
                !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
                    && middle.iter().all(|p| letters(Some(p)))
            }
            None => false,
        };
        if s.len() <= 32 && head && tail { Ok(Self(s.to_owned())) } else { Err(ScopeError::Region(s.to_owned())) }
    }
}

impl TryFrom<String> for Region {
    type Error = ScopeError;
    fn try_from(s: String) -> Result<Self, ScopeError> {
        s.parse()
    }
}

impl From<Region> for String {
    fn from(r: Region) -> String {
        r.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// An AWS partition, as the second field of an ARN names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Partition {
    /// The commercial Regions.
    #[default]
    Aws,
    /// China.
    AwsCn,
    /// GovCloud.
    AwsUsGov,
    /// Any other, kept as it was named.
    Other(String),
}

impl Partition {
    /// The partition as ARNs write it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::Other(other) => other,
        }
    }

    /// The partition that a Region's name implies; used only where no ARN tells.
    pub fn of_region(region: &Region) -> Self {
        match region.as_str() {
            r if r.starts_with("cn-") => Self::AwsCn,
            r if r.starts_with("us-gov-") => Self::AwsUsGov,
            r if r.starts_with("us-iso-") => Self::Other("aws-iso".into()),
            r if r.starts_with("us-isob-") => Self::Other("aws-iso-b".into()),
            _ => Self::Aws,
        }
    }
}

impl From<String> for Partition {
    fn from(s: String) -> Self {
        match s.as_str() {
            "aws" => Self::Aws,
            "aws-cn" => Self::AwsCn,
            "aws-us-gov" => Self::AwsUsGov,
            _ => Self::Other(s),
        }
    }
}

impl From<Partition> for String {
    fn from(p: Partition) -> String {
        p.as_str().to_owned()
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Partition, account and Region together: where a resource lives and where a call is sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The partition.
    pub partition: Partition,
    /// The account.
    pub account: AccountId,
    /// The Region.
    pub region: Region,
}

impl Scope {
    /// A scope from its account and Region; the partition follows from the Region's name.
    ///
    /// # Errors
    /// When the account is not twelve digits or the Region's name is malformed.
    pub fn parse(account: &str, region: &str) -> Result<Self, ScopeError> {
        let region: Region = region.parse()?;
        Ok(Self { partition: Partition::of_region(&region), account: account.parse()?, region })
    }

    /// The ARN of a resource in this scope: `arn:partition:service:region:account:resource`.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition, self.region, self.account)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_all_partitions_parse_and_rubbish_does_not() {
        for good in ["eu-central-1", "us-gov-west-1", "cn-north-1", "ap-southeast-5", "us-iso-east-1", "mx-central-1"] {
            assert_eq!(good.parse::<Region>().unwrap().as_str(), good);
        }
        for bad in ["", "eu", "eu-central", "EU-central-1", "eu-central-1;", "eu--1", "aws-global", "\u{1b}[31m", "-"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_arn_carries_the_partition_of_its_region() {
        let scope = Scope::parse("123456789012", "cn-north-1").unwrap();
        assert_eq!(scope.arn("ec2", "instance/i-1"), "arn:aws-cn:ec2:cn-north-1:123456789012:instance/i-1");
        assert!(Scope::parse("12345678901", "eu-central-1").is_err());
    }
}
