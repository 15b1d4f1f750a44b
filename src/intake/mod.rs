//! Decoders: whatever form a finding arrives in, it becomes one [`Finding`] here, and nowhere else.
//!
//! [`decode_bytes`] and [`decode_value`] find out the form by looking: ASFF, GuardDuty's own (as EventBridge spells it
//! and as the API does), OCSF, the EventBridge envelopes around them, pages of findings, arrays, JSON Lines. All of it
//! is total: any input gives findings, with what was strange about them listed, or a [`DecodeError`] that names the
//! place. In a page, an element that can't be understood becomes a finding that says so, and never costs the others.
//!
//! May import `domain`. Deliberately absent: I/O, the clock, panics, recursion over the input, and any judgement of
//! what a finding means or whether to act on it.

mod api_call;
mod arn;
pub mod asff;
mod draft;
mod envelope;
mod error;
mod fields;
mod finding_type;
pub mod guardduty;
mod lines;
pub mod ocsf;
mod principal;
mod product_fields;
mod remote;
mod resource;
mod sample;
mod sequence;
mod severity;
mod time;

pub use api_call::{ApiCall, api_call};
pub use error::DecodeError;
pub use finding_type::normal_type;

use crate::domain::Finding;
use serde_json::Value;

/// Decodes the findings in a document, in whatever form it holds them.
///
/// Takes JSON, JSON Lines, and JSON documents one after the other, in UTF-8 with or without a byte order mark.
///
/// # Errors
/// When the text is not JSON (with line and column) or not about findings (with the JSON path). A broken line among
/// readable ones, and a broken element of a page, are not errors: they become findings that say so.
pub fn decode_bytes(bytes: &[u8]) -> Result<Vec<Finding>, DecodeError> {
    lines::decode(bytes)
}

/// Decodes the findings in a JSON value, in whatever form it holds them.
///
/// # Errors
/// When the value is not a finding, a page of findings or an envelope around them; the error names the JSON path.
pub fn decode_value(value: &Value) -> Result<Vec<Finding>, DecodeError> {
    let mut out = envelope::Findings::default();
    envelope::decode(value, "$", &mut out)?;
    Ok(out.finish())
}

#[cfg(test)]
mod tests {
    //! Totality: no input, however broken, does more than fail with its place named.

    use super::*;
    use crate::domain::Source;
    use proptest::prelude::*;
    use rustix::time::{ClockId, clock_gettime};
    use serde_json::json;

    /// Whole findings of every kind, to break in every way.
    const WHOLE: [&str; 9] = [
        include_str!("../../tests/fixtures/findings/asff-brute-force.json"),
        include_str!("../../tests/fixtures/findings/attack-sequence.json"),
        include_str!("../../tests/fixtures/findings/event-imported.json"),
        include_str!("../../tests/fixtures/findings/event-ocsf.json"),
        include_str!("../../tests/fixtures/findings/event-root.json"),
        include_str!("../../tests/fixtures/findings/guardduty-port-probe.json"),
        include_str!("../../tests/fixtures/findings/ocsf-role.json"),
        include_str!("../../tests/fixtures/findings/response-china.json"),
        include_str!("../../tests/fixtures/findings/sample-flag-in-text.json"),
    ];

    /// Seconds of this thread's own work: long enough for a debug build, far too short for anything quadratic.
    const SOON: i64 = 20;

    /// The seconds that this thread has worked: what else the machine does is none of it.
    fn worked() -> i64 {
        clock_gettime(ClockId::ThreadCPUTime).tv_sec
    }

    fn scalar() -> BoxedStrategy<Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            // What decoders look into: times, addresses, ids, JSON in text.
            prop_oneof![
                Just("2026-01-02T03:04:05Z"),
                Just("203.0.113.9"),
                Just("::1"),
                Just(""),
                Just("i-99999999"),
                Just("arn:"),
                Just("arn:aws:iam::1:role/"),
                Just("arn:aws:sts::1:assumed-role"),
                Just("AWS::IAM::AccessKey:"),
                Just("AWS::IAM::AccessKeyé"),
                Just("{\"sample\":1}"),
                Just("[[["),
                Just("Recon:EC2-"),
                Just("1e400"),
            ]
            .prop_map(Value::from),
        ]
        .boxed()
    }

    /// The names that the decoders ask for, in several spellings, and others.
    fn name() -> BoxedStrategy<String> {
        const NAMES: &str = "detail findings Findings data Id id Type type Types severity Severity Label Normalized Resources \
            resource resources Resource service Service action Action networkConnectionAction PortProbeAction portProbeDetails \
            remoteIpDetails RemoteIpDetails ipAddressV4 IpAddressV6 Details AwsEc2Instance AwsIamAccessKey instanceDetails \
            InstanceId networkInterfaces ipv6Addresses tags Tags accessKeyDetails userType PrincipalType ProductFields \
            aws/guardduty/service/action/portProbeAction/portProbeDetails action/awsApiCallAction/remoteIpDetails/ipAddressV4 \
            additionalInfo value sample class_uid finding_info evidences src_endpoint ip uid cloud account region detection \
            sequence Detection Sequence endpoints actors user signals endpointIds CreatedAt Workflow Status insightResults \
            AwsAccountId ProductArn resultType";
        prop_oneof![
            9 => proptest::sample::select(NAMES.split_whitespace().map(str::to_owned).collect::<Vec<_>>()),
            1 => any::<String>(),
        ]
        .boxed()
    }

    fn anything() -> BoxedStrategy<Value> {
        scalar()
            .prop_recursive(6, 96, 8, |inner| {
                prop_oneof![
                    1 => prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                    3 => prop::collection::vec((name(), inner), 0..8)
                        .prop_map(|fields| Value::Object(fields.into_iter().collect())),
                ]
            })
            .boxed()
    }

    /// The pointers of all values inside a value.
    fn pointers(value: &Value) -> Vec<String> {
        let (mut found, mut open) = (Vec::new(), vec![(String::new(), value)]);
        while let Some((pointer, value)) = open.pop() {
            match value {
                Value::Array(items) => {
                    open.extend(items.iter().enumerate().map(|(n, item)| (format!("{pointer}/{n}"), item)));
                }
                Value::Object(fields) => {
                    open.extend(fields.iter().map(|(name, value)| {
                        (format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")), value)
                    }))
                }
                _ => {}
            }
            found.push(pointer);
        }
        found
    }

    fn holds_what_it_promises(value: &Value) {
        match decode_value(value) {
            Ok(findings) => {
                for finding in findings {
                    assert!(!finding.id.as_str().is_empty() && !finding.title.is_empty());
                    assert!(finding.oddities.len() <= 50 && finding.oddities.iter().all(|oddity| oddity.len() < 2_000));
                    serde_json::to_string(&finding).unwrap();
                }
            }
            Err(DecodeError::NotAFinding { place, what }) => assert!(place.starts_with('$') && !what.is_empty()),
            Err(other) => panic!("{other}"),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_json_decodes_or_says_where_it_does_not(value in anything()) {
            holds_what_it_promises(&value);
            let _ = (asff::decode(&value), guardduty::decode(&value), ocsf::decode(&value));
        }

        #[test]
        fn a_finding_broken_in_any_place_decodes_or_says_where_it_does_not(
            which in 0..WHOLE.len(),
            breaks in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(anything())), 1..6),
        ) {
            let mut value: Value = serde_json::from_str(WHOLE[which]).unwrap();
            for (at, replacement) in breaks {
                let pointers = pointers(&value);
                let pointer = at.get(&pointers).clone();
                match (replacement, pointer.rsplit_once('/')) {
                    (Some(new), _) => *value.pointer_mut(&pointer).unwrap() = new,
                    (None, Some((parent, name))) => {
                        if let Some(Value::Object(fields)) = value.pointer_mut(parent) {
                            fields.remove(&name.replace("~1", "/").replace("~0", "~"));
                        }
                    }
                    (None, None) => {}
                }
            }
            holds_what_it_promises(&value);
        }

        #[test]
        fn any_bytes_decode_or_say_where_they_do_not(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode_bytes(&bytes);
        }

        #[test]
        fn a_text_cut_or_scratched_anywhere_decodes_or_says_where_it_does_not(
            which in 0..WHOLE.len(), cut in any::<prop::sample::Index>(), byte in any::<u8>(), truncate in any::<bool>(),
        ) {
            let mut bytes = WHOLE[which].as_bytes().to_vec();
            let at = cut.index(bytes.len());
            if truncate { bytes.truncate(at) } else { bytes[at] = byte }
            if let Err(DecodeError::Syntax { line, .. }) = decode_bytes(&bytes) {
                prop_assert!(line > 0);
            }
        }

        #[test]
        fn types_are_normal_after_one_step(written in "\\PC{0,40}") {
            let normal = normal_type(&written);
            prop_assert_eq!(normal_type(&normal), normal);
        }
    }

    #[test]
    fn a_finding_of_240_kb_and_a_page_of_6_mb_decode_soon() {
        let started = worked();
        let mut large: Value = serde_json::from_str(WHOLE[0]).unwrap();
        large["Description"] = json!("x".repeat(100_000));
        large["Resources"] = (0..600)
            .map(|n| {
                json!({"Type": "AwsEc2Instance", "Id": format!("arn:aws:ec2:us-east-1:111122223333:instance/i-{n:017x}"),
                    "Details": {"AwsEc2Instance": {"IpV4Addresses": ["10.0.0.1", "203.0.113.1"], "VpcId": "vpc-1"}}})
            })
            .collect();
        let bytes = serde_json::to_vec(&large).unwrap();
        assert!(bytes.len() > 200_000, "{}", bytes.len());
        assert_eq!(decode_bytes(&bytes).unwrap().first().unwrap().instances().count(), 600);

        let finding: Value = serde_json::from_str(WHOLE[0]).unwrap();
        let page = serde_json::to_vec(&json!({"Findings": vec![finding; 2_700]})).unwrap();
        assert!(page.len() > 6_000_000, "{}", page.len());
        let decoded = decode_bytes(&page).unwrap();
        assert_eq!((decoded.len(), decoded.iter().all(|f| f.source == Source::SecurityHub)), (2_700, true));
        assert!(worked() - started < SOON, "{} s", worked() - started);
    }

    #[test]
    fn one_finding_with_a_hundred_thousand_of_everything_is_not_quadratic() {
        let started = worked();
        let many = 100_000;
        let address = |n: usize| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
        let probe = |n: usize| json!({"remoteIpDetails": {"ipAddressV4": address(n)}});
        let value = json!({"id": "f", "type": "Recon:EC2/PortProbeUnprotectedPort", "severity": 2,
            "resource": {"instanceDetails": {"instanceId": "i-0aaaaaaaaaaaaaaa1", "networkInterfaces":
                (0..many).map(|n| json!({"networkInterfaceId": format!("eni-{n}"), "privateIpAddress": address(n)})).collect::<Value>()}},
            "service": {"action": {"portProbeAction": {"portProbeDetails": (0..many).map(probe).collect::<Value>()}}}});
        let finding = decode_value(&value).unwrap().remove(0);
        assert_eq!((finding.subjects.len(), finding.instances().next().unwrap().private_ips.len()), (many + 1, many));
        let broken_lines = format!("{}\n{}", WHOLE[4].replace('\n', ""), "{\"a\":\n".repeat(many));
        assert_eq!(decode_bytes(broken_lines.as_bytes()).unwrap().last().unwrap().count, Some(many as u64 - 200));
        assert!(worked() - started < SOON, "{} s", worked() - started);
    }

    #[test]
    fn nesting_ends_before_the_stack_does() {
        for open in ["[", "{\"a\":", "{\"findings\":[", "{\"detail\":{\"findings\":["] {
            let error = decode_bytes(open.repeat(100_000).as_bytes()).unwrap_err().to_string();
            assert!(error.contains("recursion limit"), "{error}");
        }
        // As text inside a finding, too.
        let mut value: Value = serde_json::from_str(WHOLE[8]).unwrap();
        value["detail"]["service"]["additionalInfo"]["value"] = json!("{\"a\":".repeat(100_000));
        assert!(decode_value(&value).is_ok());
    }
}
