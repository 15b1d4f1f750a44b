//! ASFF's `ProductFields`: GuardDuty's own finding, flattened to texts.
//!
//! Keys are paths such as `aws/guardduty/service/action/networkConnectionAction/remoteIpDetails/ipAddressV4`; older
//! findings leave out `aws/guardduty/service/`. List indices are written `portProbeDetails.0_`, and some exporters put
//! the JSON text of a whole list under its name.

use super::draft::Draft;
use super::remote::{self, ACTIONS, Found};
use super::sample;
use crate::domain::Direction;
use serde_json::Value;
use std::collections::BTreeMap;

/// The path that newer findings put in front.
const PREFIX: &str = "aws/guardduty/service/";

/// What `ProductFields` says beside the remote addresses, which [`read`] adds itself.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Whether the sample flag is set.
    pub(super) sample: bool,
    /// GuardDuty's count, as it was written.
    pub(super) count: Option<Value>,
}

/// One remote end while its fields are being collected.
#[derive(Debug, Default)]
struct Remote<'a> {
    addresses: Vec<(&'a str, &'a str)>,
    country: Option<&'a str>,
    asn_org: Option<&'a str>,
}

/// Reads the fields in one pass and adds the remote addresses and domain names among them.
pub(super) fn read(draft: &mut Draft, fields: Option<&Value>) -> Read {
    let mut read = Read::default();
    let mut remotes: BTreeMap<&str, Remote<'_>> = BTreeMap::new();
    let mut direction = Direction::Unknown;
    let Some(fields) = fields.and_then(Value::as_object) else { return read };
    for (key, value) in fields {
        let path = key.strip_prefix(PREFIX).unwrap_or(key);
        if let Some(action) = path.strip_prefix("action/") {
            collect(draft, &mut remotes, &mut direction, key, action, value);
        } else if path == "count" {
            read.count = Some(value.clone());
        } else if let Some(info) = path.strip_prefix("additionalInfo") {
            let json = info.is_empty() || info == "/value";
            let flag = info.eq_ignore_ascii_case("/sample") && super::fields::is_true(value);
            read.sample |= flag || (json && sample::flagged_in_json(value));
        } else if path.eq_ignore_ascii_case("sample") {
            read.sample |= super::fields::is_true(value);
        }
    }
    for (path, remote) in remotes {
        let action = path.split(['/', '.', ':']).next().unwrap_or(path);
        let found = Found {
            direction: match action {
                "networkConnectionAction" => direction,
                "portProbeAction" | "rdsLoginAttemptAction" => Direction::Inbound,
                _ => Direction::Unknown,
            },
            api_caller: ACTIONS.iter().any(|(name, api_caller)| *name == action && *api_caller),
            country: remote.country.map(str::to_owned),
            asn_org: remote.asn_org.map(str::to_owned),
        };
        for (key, ip) in remote.addresses {
            remote::add_address(draft, ip, found.clone(), &format!("ProductFields.{key}"));
        }
    }
    read
}

/// Files one `action/…` field under the remote end that it describes.
fn collect<'a>(
    draft: &mut Draft,
    remotes: &mut BTreeMap<&'a str, Remote<'a>>,
    direction: &mut Direction,
    key: &'a str,
    action: &'a str,
    value: &'a Value,
) {
    let Some(text) = value.as_str().filter(|text| !text.trim().is_empty()) else { return };
    if let Some((end, leaf)) = action.split_once("/remoteIpDetails/") {
        let remote = remotes.entry(end).or_default();
        match leaf {
            "ipAddressV4" | "ipAddressV6" => remote.addresses.push((key, text)),
            "country/countryName" => remote.country = Some(text),
            "organization/asnOrg" => remote.asn_org = Some(text),
            _ => {}
        }
    } else if action == "networkConnectionAction/connectionDirection" {
        *direction = remote::direction(draft, Some(text), &format!("ProductFields.{key}"));
    } else if action == "dnsRequestAction/domain" {
        remote::add_domain(draft, text);
    } else if action == "portProbeAction/portProbeDetails" {
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(probes)) => {
                for (n, probe) in probes.iter().enumerate() {
                    remote::add_probe(draft, probe, &format!("ProductFields.{key}[{n}]"));
                }
            }
            Ok(probe) => remote::add_probe(draft, &probe, &format!("ProductFields.{key}")),
            Err(error) => draft.odd(format!("ProductFields.{key} is not JSON: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Subject;
    use serde_json::json;

    fn addresses(fields: Value) -> (Vec<(String, Direction, bool)>, Vec<String>) {
        let mut draft = Draft::default();
        read(&mut draft, Some(&fields));
        let addresses = draft.finding.subjects.iter().filter_map(|subject| match subject {
            Subject::RemoteAddress(a) => Some((a.ip.to_string(), a.direction, a.api_caller)),
            _ => None,
        });
        (addresses.collect(), draft.finding.oddities.clone())
    }

    #[test]
    fn addresses_with_and_without_the_prefix() {
        for prefix in ["", PREFIX] {
            let key = |path: &str| format!("{prefix}action/{path}");
            let (found, _) = addresses(json!({
                key("networkConnectionAction/connectionDirection"): "INBOUND",
                key("networkConnectionAction/localIpDetails/ipAddressV4"): "10.0.0.1",
                key("networkConnectionAction/remoteIpDetails/ipAddressV4"): "203.0.113.1",
                key("networkConnectionAction/remoteIpDetails/ipAddressV6"): "2001:db8::1",
            }));
            let expected = ["203.0.113.1", "2001:db8::1"].map(|ip| (ip.to_owned(), Direction::Inbound, false));
            assert_eq!(found, expected);
            let (found, _) = addresses(json!({key("awsApiCallAction/remoteIpDetails/ipAddressV4"): "203.0.113.2"}));
            assert_eq!(found, [("203.0.113.2".to_owned(), Direction::Unknown, true)]);
        }
    }

    #[test]
    fn port_probes_as_indexed_keys_and_as_json_text() {
        let indexed = json!({
            "aws/guardduty/service/action/portProbeAction/portProbeDetails.0_/remoteIpDetails/ipAddressV4": "203.0.113.1",
            "aws/guardduty/service/action/portProbeAction/portProbeDetails.1_/remoteIpDetails/ipAddressV4": "203.0.113.2",
        });
        let text = json!([
            {"remoteIpDetails": {"ipAddressV4": "203.0.113.1"}},
            {"remoteIpDetails": {"ipAddressV4": "203.0.113.2"}},
        ])
        .to_string();
        let as_text = json!({"action/portProbeAction/portProbeDetails": text});
        for fields in [indexed, as_text] {
            let expected = ["203.0.113.1", "203.0.113.2"].map(|ip| (ip.to_owned(), Direction::Inbound, false));
            assert_eq!(addresses(fields).0, expected);
        }
        assert_eq!(addresses(json!({"action/portProbeAction/portProbeDetails": "[{"})).1.len(), 1);
    }

    #[test]
    fn the_sample_flag() {
        let sample = |fields: Value| read(&mut Draft::default(), Some(&fields)).sample;
        assert!(sample(json!({"aws/guardduty/service/additionalInfo/sample": "true"})));
        assert!(sample(json!({"aws/guardduty/service/additionalInfo/value": "{\"sample\":true}"})));
        assert!(sample(json!({"additionalInfo": "{\"sample\":true}"})));
        assert!(!sample(json!({"aws/guardduty/service/additionalInfo/threatName": "sample"})));
        assert!(!sample(json!([])));
    }
}
