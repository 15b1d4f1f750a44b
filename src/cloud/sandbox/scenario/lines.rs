//! Rules of security groups and network ACLs on one line each, as scenarios write them.

use crate::domain::{AclAction, AclDirection, AclEntry};
use ipnet::IpNet;
use serde::Deserialize;

/// A rule of a group: `tcp 443 10.0.0.0/8`, `tcp 1024-65535 sg-web`, `all 0.0.0.0/0`. The peer may be a range, a group's
/// id or name, or a prefix list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct RuleLine {
    pub(super) protocol: String,
    pub(super) ports: Option<(i32, i32)>,
    pub(super) peer: String,
}

/// An entry of a network ACL: `12 deny ingress all 203.0.113.7/32`, `90 allow egress tcp 443 0.0.0.0/0`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct AclLine(pub(super) AclEntry);

fn ports(text: &str) -> Option<(i32, i32)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    Some((from.parse().ok()?, to.parse().ok()?))
}

impl TryFrom<String> for RuleLine {
    type Error = String;
    fn try_from(line: String) -> Result<Self, String> {
        let wrong = || format!("`{line}` is not a rule (such as `tcp 443 10.0.0.0/8` or `all 0.0.0.0/0`)");
        let words: Vec<&str> = line.split_whitespace().collect();
        let (protocol, ports, peer) = match words[..] {
            [protocol, peer] => (protocol, None, peer),
            [protocol, range, peer] => (protocol, Some(ports(range).ok_or_else(wrong)?), peer),
            _ => return Err(wrong()),
        };
        if peer.contains('/') && peer.parse::<IpNet>().is_err() {
            return Err(wrong());
        }
        let protocol = if protocol == "all" { "-1" } else { protocol };
        Ok(Self { protocol: protocol.to_owned(), ports, peer: peer.to_owned() })
    }
}

impl TryFrom<String> for AclLine {
    type Error = String;
    fn try_from(line: String) -> Result<Self, String> {
        let wrong = || format!("`{line}` is not an ACL entry (such as `12 deny ingress all 203.0.113.7/32`)");
        let words: Vec<&str> = line.split_whitespace().collect();
        let (number, action, direction, protocol, range, cidr) = match words[..] {
            [n, action, direction, protocol, cidr] => (n, action, direction, protocol, None, cidr),
            [n, action, direction, protocol, range, cidr] => (n, action, direction, protocol, Some(range), cidr),
            _ => return Err(wrong()),
        };
        let action = match action {
            "allow" => AclAction::Allow,
            "deny" => AclAction::Deny,
            _ => return Err(wrong()),
        };
        let direction = match direction {
            "ingress" => AclDirection::Ingress,
            "egress" => AclDirection::Egress,
            _ => return Err(wrong()),
        };
        let protocol = match protocol {
            "all" => "-1",
            "icmp" => "1",
            "tcp" => "6",
            "udp" => "17",
            _ => return Err(wrong()),
        };
        let number: i32 = number.parse().map_err(|_| wrong())?;
        if !(1..AclEntry::FINAL).contains(&number) || cidr.parse::<IpNet>().is_err() {
            return Err(wrong());
        }
        let ports = range.map(|range| ports(range).ok_or_else(wrong)).transpose()?;
        let (protocol, cidr) = (protocol.to_owned(), cidr.to_owned());
        Ok(Self(AclEntry { number, direction, action, protocol, cidr, ports }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_entries_read_from_a_line() {
        let rule = RuleLine::try_from("tcp 1024-65535 sg-web".to_owned()).unwrap();
        assert_eq!((rule.protocol.as_str(), rule.ports, rule.peer.as_str()), ("tcp", Some((1024, 65535)), "sg-web"));
        let all = RuleLine::try_from("all 0.0.0.0/0".to_owned()).unwrap();
        assert_eq!((all.protocol.as_str(), all.ports), ("-1", None));
        let AclLine(entry) = AclLine::try_from("12 deny ingress tcp 22 203.0.113.7/32".to_owned()).unwrap();
        assert_eq!((entry.number, entry.protocol.as_str(), entry.ports), (12, "6", Some((22, 22))));
        for bad in ["", "tcp", "tcp x 10.0.0.0/8", "tcp 1 2 3", "all 10.0.0.0/99"] {
            assert!(RuleLine::try_from(bad.to_owned()).is_err(), "{bad}");
        }
        for bad in ["0 deny ingress all 1.2.3.4/32", "32767 deny ingress all 0.0.0.0/0", "1 deny in all 1.2.3.4/32"] {
            assert!(AclLine::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
