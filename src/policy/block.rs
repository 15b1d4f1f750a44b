//! How an address is blocked: the numbers that may be used, what is never blocked, and for how long.

use chrono::{DateTime, Duration, Utc};
use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// How an address is blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlockPolicy {
    /// The numbers that denies may have.
    pub band: Band,
    /// How many entries a network ACL may hold in each direction and family, the final deny included. AWS's default is
    /// 20; raise it where AWS has raised yours.
    pub quota: usize,
    /// For how long, unless a person says otherwise; none until it is taken back.
    pub ttl: Option<Ttl>,
    /// Ranges that are never blocked: partners, offices, scanners of our own.
    #[serde(deserialize_with = "ranges")]
    pub trusted: Vec<IpNet>,
    /// Ranges that our own traffic comes from, besides the public addresses in the account: offices, VPNs, data centres.
    #[serde(deserialize_with = "ranges")]
    pub own_egress: Vec<IpNet>,
    /// AWS's `ip-ranges.json`, as a file that somebody keeps fresh: it adds the ranges that none of AWS's managed prefix
    /// lists carries.
    pub aws_ranges: Option<PathBuf>,
}

/// Ranges as people write them: a single address needs no length.
fn ranges<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|text| super::address::parse(text).map_err(serde::de::Error::custom)).collect()
}

impl Default for BlockPolicy {
    fn default() -> Self {
        Self { band: Band::default(), quota: 20, ttl: None, trusted: vec![], own_egress: vec![], aws_ranges: None }
    }
}

/// The first and the last number that denies may have. Below 100, where the default allow of a network ACL stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "(i32, i32)", into = "(i32, i32)")]
pub struct Band {
    first: i32,
    last: i32,
}

impl Default for Band {
    fn default() -> Self {
        Self { first: 1, last: 89 }
    }
}

impl Band {
    /// The highest number that EC2 lets anybody use.
    const LAST_OF_ALL: i32 = 32766;

    /// A band, both numbers included.
    ///
    /// # Errors
    /// When it is empty or leaves 1 to 32766.
    pub fn new(first: i32, last: i32) -> Result<Self, String> {
        if 1 <= first && first <= last && last <= Self::LAST_OF_ALL {
            Ok(Self { first, last })
        } else {
            Err(format!("[{first}, {last}] is no band: a first and a last rule number, 1 to {}", Self::LAST_OF_ALL))
        }
    }

    /// The first number.
    pub fn first(self) -> i32 {
        self.first
    }

    /// The last number.
    pub fn last(self) -> i32 {
        self.last
    }
}

impl TryFrom<(i32, i32)> for Band {
    type Error = String;
    fn try_from((first, last): (i32, i32)) -> Result<Self, String> {
        Self::new(first, last)
    }
}

impl From<Band> for (i32, i32) {
    fn from(band: Band) -> Self {
        (band.first, band.last)
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// How long a block stands: whole minutes, written as `30m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Ttl {
    minutes: u32,
}

impl Ttl {
    /// The longest: a block that is meant to stand longer than a year is meant to stand.
    const LONGEST: u32 = 366 * 24 * 60;

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::minutes(i64::from(self.minutes))
    }
}

impl FromStr for Ttl {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a time to stand (such as 30m, 24h or 7d; at most a year)");
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let each = match unit {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            _ => return Err(wrong()),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        let minutes = digits.parse::<u32>().ok().and_then(|n| n.checked_mul(each)).ok_or_else(wrong)?;
        if (1..=Self::LONGEST).contains(&minutes) { Ok(Self { minutes }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minutes {
            m if m % (24 * 60) == 0 => write!(f, "{}d", m / (24 * 60)),
            m if m % 60 == 0 => write!(f, "{}h", m / 60),
            m => write!(f, "{m}m"),
        }
    }
}

impl TryFrom<String> for Ttl {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Ttl> for String {
    fn from(ttl: Ttl) -> Self {
        ttl.to_string()
    }
}

/// How long a block stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// Until somebody takes it back.
    UntilTakenBack,
    /// For this long from now.
    For(Ttl),
    /// Until this moment.
    Until(DateTime<Utc>),
}

impl Stands {
    /// When it ends; none where it doesn't by itself.
    pub fn end(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::UntilTakenBack => None,
            Self::For(ttl) => Some(now + ttl.duration()),
            Self::Until(end) => Some(end),
        }
    }
}

impl fmt::Display for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UntilTakenBack => f.write_str("until it is taken back"),
            Self::For(ttl) => write!(f, "for {ttl}"),
            Self::Until(end) => write!(f, "until {}", end.format("%Y-%m-%d %H:%M:%SZ")),
        }
    }
}

impl From<Option<Ttl>> for Stands {
    fn from(ttl: Option<Ttl>) -> Self {
        ttl.map_or(Self::UntilTakenBack, Self::For)
    }
}

impl From<Option<DateTime<Utc>>> for Stands {
    fn from(end: Option<DateTime<Utc>>) -> Self {
        end.map_or(Self::UntilTakenBack, Self::Until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_stand_are_read_as_they_are_written() {
        for (text, shown, minutes) in
            [("30m", "30m", 30), ("90m", "90m", 90), ("60m", "1h", 60), ("24h", "1d", 1440), ("7d", "7d", 10_080)]
        {
            let ttl: Ttl = text.parse().unwrap();
            assert_eq!((ttl.to_string().as_str(), ttl.duration()), (shown, Duration::minutes(minutes)));
        }
        for bad in
            ["", "h", "0h", "-1h", "+1h", "24", "24H", "1w", "1.5h", "367d", "99999999999d", "4294967295d", "ٱ1h"]
        {
            assert!(bad.parse::<Ttl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_single_address_needs_no_length() {
        let policy: BlockPolicy = serde_json::from_str(r#"{"trusted": ["203.0.113.7", "2001:db8::/32"]}"#).unwrap();
        let shown: Vec<String> = policy.trusted.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["203.0.113.7/32", "2001:db8::/32"]);
        assert!(serde_json::from_str::<BlockPolicy>(r#"{"own_egress": ["office"]}"#).is_err());
    }

    #[test]
    fn a_band_lies_within_what_ec2_allows() {
        assert_eq!(serde_json::from_str::<Band>("[1, 89]").unwrap(), Band::default());
        for bad in ["[0, 89]", "[90, 89]", "[1, 32767]", "[-5, 5]"] {
            assert!(serde_json::from_str::<Band>(bad).is_err(), "{bad}");
        }
    }
}
