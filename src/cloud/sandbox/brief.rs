//! A finding in few words, as scenarios and the background generator have it; [`super::asff`] writes it out.

use crate::domain::Severity;
use chrono::Duration;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::IpAddr;

/// A span of time as people write it: `45s`, `2m`, `-3h`, `1d`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(i64);

impl Span {
    /// The span in seconds.
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// The span as a duration.
    pub fn duration(self) -> Duration {
        Duration::seconds(self.0)
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a span of time (such as 45s, 2m, -3h or 1d)");
        let unit = text.chars().last().ok_or_else(wrong)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return Err(wrong()),
        };
        let number: i32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        Ok(Self(i64::from(number) * factor))
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

/// A finding in few words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FindingBrief {
    /// Where it was found, `account/Region`.
    pub scope: String,
    /// GuardDuty's type (`Family:Resource/Name`); for a control its id (`EC2.19`), for Inspector the CVE.
    #[serde(rename = "type")]
    pub finding_type: String,
    /// The label.
    pub severity: Severity,
    /// The product's own number, where it isn't the usual one for the label.
    pub score: Option<f64>,
    /// One line. `{instance}`, `{name}`, `{ip}`, `{country}`, `{domain}`, `{user}`, `{bucket}` and `{account}` stand for what
    /// the finding is about.
    pub title: String,
    /// More lines, with the same words in braces; the title again where it is empty.
    pub description: String,
    /// The instance it is about: its id or `Name` tag.
    pub instance: Option<String>,
    /// The access key it is about.
    pub access_key: Option<KeyBrief>,
    /// The bucket it is about.
    pub bucket: Option<String>,
    /// Any other resources it is about.
    pub resources: Vec<ResourceBrief>,
    /// A name that was asked for.
    pub dns: Option<String>,
    /// A network connection.
    pub connection: Option<ConnectionBrief>,
    /// A call of AWS's API.
    pub api_call: Option<ApiCallBrief>,
    /// Who probed, and which port.
    pub probe: Vec<ProbeBrief>,
    /// The outcome of a control, `PASSED` or `FAILED`: the finding is Security Hub's own.
    pub compliance: Option<String>,
    /// The software package with the weakness: the finding is Inspector's.
    pub package: Option<String>,
    /// GuardDuty's `resourceRole`, `TARGET` or `ACTOR`; `TARGET` where it is not given.
    pub role: Option<String>,
    /// How often it was seen.
    pub count: Option<u64>,
    /// When it arrives, from the scenario's beginning; what was there before has a negative span.
    pub arrives: Span,
    /// How long before its arrival it was first seen.
    pub age: Span,
    /// After what time it is reported again, if it is.
    pub recurs: Option<Span>,
    /// Whether it is one of GuardDuty's samples; its instance need not exist.
    pub sample: bool,
    /// Whether its instance doesn't exist any more.
    pub gone: bool,
    /// Whether its product has archived it.
    pub archived: bool,
    /// The workflow status, `NEW` where it is not given.
    pub workflow: Option<String>,
    /// The note on it.
    pub note: Option<String>,
}

/// An access key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyBrief {
    /// Its id.
    pub id: String,
    /// `IAMUser`, `AssumedRole`, `Role`, `Root` or `FederatedUser`.
    pub principal_type: String,
    /// The principal's name.
    pub principal_name: String,
    /// The principal's unique id.
    pub principal_id: String,
}

/// A resource that ASFF knows by type and id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceBrief {
    /// ASFF's type, such as `AwsIamRole`.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Its id.
    pub id: String,
}

/// The other side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteBrief {
    /// Its address.
    pub ip: IpAddr,
    /// The country's name.
    #[serde(default)]
    pub country: Option<String>,
    /// The city's name.
    #[serde(default)]
    pub city: Option<String>,
    /// The number of the autonomous system.
    #[serde(default)]
    pub asn: Option<u32>,
    /// The organisation behind it.
    #[serde(default)]
    pub org: Option<String>,
}

/// A network connection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionBrief {
    /// `INBOUND`, `OUTBOUND` or `UNKNOWN`.
    pub direction: String,
    /// `TCP` or `UDP`.
    pub protocol: String,
    /// Our port.
    pub local_port: u16,
    /// Theirs.
    pub remote_port: u16,
    /// The other side.
    pub remote: RemoteBrief,
}

/// A call of AWS's API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiCallBrief {
    /// The operation.
    pub api: String,
    /// The service, such as `s3.amazonaws.com`.
    pub service: String,
    /// The caller.
    pub remote: RemoteBrief,
}

/// A probe of one port.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeBrief {
    /// Our port.
    pub local_port: u16,
    /// The prober.
    pub remote: RemoteBrief,
}

impl FindingBrief {
    /// The other side, whichever action it is part of.
    pub fn remote(&self) -> Option<&RemoteBrief> {
        let of_connection = self.connection.as_ref().map(|c| &c.remote);
        let of_call = self.api_call.as_ref().map(|c| &c.remote);
        of_connection.or(of_call).or(self.probe.first().map(|p| &p.remote))
    }

    /// The other sides, to be changed: the noise templates draw addresses.
    pub(super) fn remotes_mut(&mut self) -> impl Iterator<Item = &mut RemoteBrief> {
        let of_connection = self.connection.as_mut().map(|c| &mut c.remote);
        let of_call = self.api_call.as_mut().map(|c| &mut c.remote);
        of_connection.into_iter().chain(of_call).chain(self.probe.iter_mut().map(|p| &mut p.remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_people_write_them() {
        for (text, seconds) in [("45s", 45), ("2m", 120), ("-3h", -10_800), ("1d", 86_400), ("0s", 0)] {
            assert_eq!(Span::try_from(text.to_owned()).unwrap().seconds(), seconds);
        }
        for bad in ["", "m", "2", "2 m", "2w", "h2", "99999999999s", "é"] {
            assert!(Span::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
