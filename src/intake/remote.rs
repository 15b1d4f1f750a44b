//! Addresses on the other side, and domain names asked for.
//!
//! The victim's own addresses (`localIpDetails`, the instance's) and Kubernetes' `sourceIPs` are not taken: blocking
//! those would hit us.

use super::draft::Draft;
use super::fields::{at, find, items_at, text_at};
use crate::domain::subject::RemoteAddress;
use crate::domain::{Direction, Subject};
use serde_json::Value;

/// The actions that carry a remote address, and whether its holder is an API caller, whose traffic never crosses our
/// network ACLs.
pub(super) const ACTIONS: [(&str, bool); 4] = [
    ("networkConnectionAction", false),
    ("awsApiCallAction", true),
    ("kubernetesApiCallAction", true),
    ("rdsLoginAttemptAction", false),
];

/// Adds what an action names: GuardDuty's `service.action` and ASFF's `Action` have the same shape.
pub(super) fn add_action(draft: &mut Draft, action: &Value, place: &str) {
    for (name, api_caller) in ACTIONS {
        let Some(details) = find(action, name) else { continue };
        let direction = match name {
            "networkConnectionAction" => {
                let written = text_at(details, "connectionDirection");
                direction(draft, written.as_deref(), &format!("{place}.{name}.connectionDirection"))
            }
            // A login attempt comes to us; an API call comes to AWS.
            "rdsLoginAttemptAction" => Direction::Inbound,
            _ => Direction::Unknown,
        };
        if let Some(remote) = find(details, "remoteIpDetails") {
            add_remote(draft, remote, direction, api_caller, &format!("{place}.{name}.remoteIpDetails"));
        }
    }
    for (n, probe) in items_at(action, "portProbeAction.portProbeDetails").iter().enumerate() {
        add_probe(draft, probe, &format!("{place}.portProbeAction.portProbeDetails[{n}]"));
    }
    if let Some(domain) = text_at(action, "dnsRequestAction.domain") {
        add_domain(draft, &domain);
    }
}

/// Adds the prober of one port.
pub(super) fn add_probe(draft: &mut Draft, probe: &Value, place: &str) {
    if let Some(remote) = find(probe, "remoteIpDetails") {
        add_remote(draft, remote, Direction::Inbound, false, &format!("{place}.remoteIpDetails"));
    }
}

/// Adds the addresses of a `remoteIpDetails`: the IPv4 address, then the IPv6 address.
fn add_remote(draft: &mut Draft, remote: &Value, direction: Direction, api_caller: bool, place: &str) {
    let country = text_at(remote, "country.countryName").or_else(|| text_at(remote, "country.countryCode"));
    let asn_org = text_at(remote, "organization.asnOrg");
    for field in ["ipAddressV4", "ipAddressV6"] {
        if let Some(ip) = text_at(remote, field) {
            let address = Found { direction, api_caller, country: country.clone(), asn_org: asn_org.clone() };
            add_address(draft, &ip, address, &format!("{place}.{field}"));
        }
    }
}

/// What is known about a remote address beside the address.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    pub(super) direction: Direction,
    pub(super) api_caller: bool,
    pub(super) country: Option<String>,
    pub(super) asn_org: Option<String>,
}

/// Adds one remote address.
pub(super) fn add_address(draft: &mut Draft, ip: &str, found: Found, place: &str) {
    if let Some(ip) = draft.ip(ip, place) {
        let Found { direction, api_caller, country, asn_org } = found;
        draft.add(Subject::RemoteAddress(RemoteAddress { ip, direction, country, asn_org, api_caller }));
    }
}

/// Adds a domain name, in lower case and without its final dot.
pub(super) fn add_domain(draft: &mut Draft, name: &str) {
    let name = name.trim().trim_end_matches('.').to_lowercase();
    if !name.is_empty() {
        draft.add(Subject::Domain { name });
    }
}

/// The direction as GuardDuty, ASFF and OCSF spell it. Unknown is an answer: a person decides then.
pub(super) fn direction(draft: &mut Draft, written: Option<&str>, place: &str) -> Direction {
    match written.map(|text| text.trim().to_ascii_uppercase()).as_deref() {
        Some("INBOUND" | "IN") => Direction::Inbound,
        Some("OUTBOUND" | "OUT") => Direction::Outbound,
        None | Some("" | "UNKNOWN") => Direction::Unknown,
        Some(other) => {
            draft.odd(format!("{place} is not a direction: {}", super::error::quote(other)));
            Direction::Unknown
        }
    }
}

/// Adds the other end of ASFF's `Network`, which only some products fill in.
pub(super) fn add_network(draft: &mut Draft, value: &Value) {
    let Some(network) = at(value, "Network") else { return };
    let written = text_at(network, "Direction");
    let direction = direction(draft, written.as_deref(), "Network.Direction");
    // Without a direction there is no telling which end is ours.
    let (ends, domain): (&[&str], _) = match direction {
        Direction::Inbound => (&["SourceIpV4", "SourceIpV6"], "SourceDomain"),
        Direction::Outbound => (&["DestinationIpV4", "DestinationIpV6"], "DestinationDomain"),
        Direction::Unknown => return,
    };
    for field in ends {
        if let Some(ip) = text_at(network, field) {
            add_address(draft, &ip, Found { direction, ..Found::default() }, &format!("Network.{field}"));
        }
    }
    if let Some(name) = text_at(network, domain) {
        add_domain(draft, &name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn action(value: Value) -> (Vec<RemoteAddress>, Draft) {
        let mut draft = Draft::default();
        add_action(&mut draft, &value, "Action");
        let addresses = draft
            .finding
            .subjects
            .iter()
            .filter_map(|s| if let Subject::RemoteAddress(a) = s { Some(a.clone()) } else { None })
            .collect();
        (addresses, draft)
    }

    #[test]
    fn a_connection_gives_both_addresses_and_never_ours() {
        let (found, _) = action(json!({"NetworkConnectionAction": {
            "ConnectionDirection": "OUTBOUND",
            "LocalIpDetails": {"IpAddressV4": "10.0.0.1"},
            "RemoteIpDetails": {
                "IpAddressV4": "203.0.113.9", "IpAddressV6": "2001:db8::9",
                "Country": {"CountryName": "Nowhere"}, "Organization": {"AsnOrg": "Example"},
            },
        }}));
        let shown: Vec<_> = found.iter().map(|a| (a.ip.to_string(), a.direction, a.api_caller)).collect();
        let expected = ["203.0.113.9", "2001:db8::9"].map(|ip| (ip.to_owned(), Direction::Outbound, false));
        assert_eq!(shown, expected);
        assert!(
            found.iter().all(|a| a.country.as_deref() == Some("Nowhere") && a.asn_org.as_deref() == Some("Example"))
        );
    }

    #[test]
    fn callers_logins_and_probes() {
        let remote = |ip: &str| json!({"remoteIpDetails": {"ipAddressV4": ip}});
        let (found, draft) = action(json!({
            "awsApiCallAction": remote("203.0.113.1"),
            "kubernetesApiCallAction": {"sourceIPs": ["10.1.1.1"], "remoteIpDetails": {"ipAddressV4": "203.0.113.2"}},
            "rdsLoginAttemptAction": remote("203.0.113.3"),
            "portProbeAction": {"portProbeDetails": [remote("203.0.113.4"), remote("203.0.113.5"), remote("203.0.113.4")]},
            "dnsRequestAction": {"domain": "Evil.Example."},
        }));
        let shown: Vec<_> = found.iter().map(|a| (a.ip.to_string(), a.direction, a.api_caller)).collect();
        assert_eq!(
            shown,
            [
                ("203.0.113.1".to_owned(), Direction::Unknown, true),
                ("203.0.113.2".to_owned(), Direction::Unknown, true),
                ("203.0.113.3".to_owned(), Direction::Inbound, false),
                ("203.0.113.4".to_owned(), Direction::Inbound, false),
                ("203.0.113.5".to_owned(), Direction::Inbound, false),
            ]
        );
        assert!(draft.has("domain", "evil.example"));
    }

    #[test]
    fn an_unknown_direction_is_unknown_and_a_strange_one_is_odd() {
        let with = |direction: &str| {
            let (found, draft) = action(json!({"networkConnectionAction": {
                "connectionDirection": direction, "remoteIpDetails": {"ipAddressV4": "203.0.113.9"}}}));
            (found.first().unwrap().direction, draft.finding.oddities.len())
        };
        assert_eq!(with("UNKNOWN"), (Direction::Unknown, 0));
        assert_eq!(with("inbound"), (Direction::Inbound, 0));
        assert_eq!(with("SIDEWAYS"), (Direction::Unknown, 1));
    }

    #[test]
    fn addresses_that_are_none() {
        let (found, draft) = action(json!({"awsApiCallAction": {"remoteIpDetails": {
            "ipAddressV4": "GeneratedFinding", "ipAddressV6": ""}}}));
        assert!(found.is_empty());
        assert_eq!(
            draft.finding.oddities,
            ["Action.awsApiCallAction.remoteIpDetails.ipAddressV4 is not an address: `GeneratedFinding`"]
        );
        let (found, _) =
            action(json!({"awsApiCallAction": {"remoteIpDetails": {"ipAddressV6": "::ffff:203.0.113.9"}}}));
        assert_eq!(found.first().unwrap().ip.to_string(), "203.0.113.9");
    }

    #[test]
    fn the_network_field_needs_a_direction() {
        let of = |direction: &str| {
            let mut draft = Draft::default();
            let network =
                json!({"Direction": direction, "SourceIpV4": "203.0.113.1", "DestinationIpV4": "203.0.113.2"});
            add_network(&mut draft, &json!({"Network": network}));
            draft.finding.subjects.first().map(Subject::id)
        };
        assert_eq!(of("IN").as_deref(), Some("203.0.113.1"));
        assert_eq!(of("OUT").as_deref(), Some("203.0.113.2"));
        assert_eq!(of(""), None);
    }
}
