//! What findings come wrapped in: EventBridge events, pages, arrays, API responses.
//!
//! In a page, an element that can't be understood becomes a finding that says so: it is shown and counted, and never
//! costs the others (I9).

use super::draft::{Context, fingerprint};
use super::error::{DecodeError, describe};
use super::fields::{get, items_at, text, text_at};
use super::severity::UNREADABLE;
use super::{asff, guardduty, ocsf, remote, resource};
use crate::domain::{Finding, FindingId, Source, Subject};
use serde_json::Value;

/// How many wrappers may stand around a finding: an event in an array in a response, and some to spare.
const DEEPEST: usize = 6;

/// How many unreadable elements of one input become findings of their own; the rest are counted in one more. Six
/// megabytes of `0,0,0,…` must not become three million findings.
const MOST_UNREADABLE: u64 = 200;

/// The findings of one input while it is being decoded.
#[derive(Debug, Default)]
pub(super) struct Findings {
    found: Vec<Finding>,
    unreadable: u64,
}

impl Findings {
    /// Whether a finding was understood.
    pub(super) fn any_understood(&self) -> bool {
        self.found.len() as u64 > self.unreadable.min(MOST_UNREADABLE)
    }

    /// Adds a finding that stands for something that can't be understood.
    pub(super) fn add_unreadable(&mut self, error: &DecodeError, id: impl FnOnce() -> FindingId, context: &Context) {
        self.unreadable += 1;
        if self.unreadable <= MOST_UNREADABLE {
            self.found.push(unreadable("A finding that can't be understood", error.to_string(), id(), context));
        }
    }

    /// All findings in their order.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        let more = self.unreadable.saturating_sub(MOST_UNREADABLE);
        if more > 0 {
            let id = FindingId(format!("unidentified-{more}-more"));
            let said = format!("{more} more elements of the same input can't be understood either");
            let mut rest = unreadable("More findings that can't be understood", said, id, &Context::default());
            rest.count = Some(more);
            self.found.push(rest);
        }
        self.found
    }
}

/// A finding that stands for what can't be understood. Its severity is unknown, and it must not be filtered away.
fn unreadable(title: &str, said: String, id: FindingId, context: &Context) -> Finding {
    Finding {
        id,
        source: Source::Unknown,
        title: format!("{title} ({said})"),
        severity: UNREADABLE,
        account: context.account.clone(),
        region: context.region.clone(),
        oddities: std::iter::once(said).chain(context.oddities.iter().cloned()).collect(),
        ..Finding::default()
    }
}

/// Decodes whatever stands at `place` and adds its findings.
pub(super) fn decode(value: &Value, place: &str, out: &mut Findings) -> Result<(), DecodeError> {
    unwrap(value, place, &Context::default(), DEEPEST, out)
}

fn unwrap(value: &Value, place: &str, context: &Context, depth: usize, out: &mut Findings) -> Result<(), DecodeError> {
    let Some(depth) = depth.checked_sub(1) else {
        let what = format!("more than {DEEPEST} wrappers around it");
        return Err(DecodeError::NotAFinding { place: place.to_owned(), what });
    };
    if let Value::Array(items) = value {
        each(items, place, context, depth, out);
        return Ok(());
    }
    if ocsf::looks_like(value) {
        out.found.push(ocsf::decode_in(value, context));
    } else if let Some(detail) = get(value, "detail").filter(|_| is_envelope(value)) {
        return event(value, detail, place, context, depth, out);
    } else if let Some((name, page)) = page_of(value) {
        match page {
            Value::Array(items) => each(items, &format!("{place}.{name}"), context, depth, out),
            one => return unwrap(one, &format!("{place}.{name}"), context, depth, out),
        }
    } else if asff::looks_like(value) {
        out.found.push(asff::decode_in(value, context));
    } else if guardduty::looks_like(value) {
        out.found.push(guardduty::decode_in(value, context));
    } else if let Some(data) = get(value, "data").filter(|data| page_of(data).is_some()) {
        // A recorded response: {"status_code": 200, "data": {"Findings": […]}}.
        return unwrap(data, &format!("{place}.data"), context, depth, out);
    } else {
        return Err(DecodeError::not_a_finding(place, value));
    }
    Ok(())
}

/// Decodes the elements of a page, each for itself.
fn each(items: &[Value], place: &str, context: &Context, depth: usize, out: &mut Findings) {
    for (n, item) in items.iter().enumerate() {
        let place = format!("{place}[{n}]");
        if let Err(error) = unwrap(item, &place, context, depth, out) {
            let named = || ["id", "arn", "uid"].iter().find_map(|name| get(item, name).and_then(text)).map(FindingId);
            out.add_unreadable(&error, || named().unwrap_or_else(|| fingerprint(item)), context);
        }
    }
}

/// The list of findings in a page, under the name that it has there.
fn page_of(value: &Value) -> Option<(&'static str, &Value)> {
    let fields = value.as_object()?;
    ["Findings", "findings"].into_iter().find_map(|name| Some((name, fields.get(name).filter(|page| !page.is_null())?)))
}

/// Whether an object with a `detail` is an EventBridge event, whole or cut down to what a test needs.
fn is_envelope(value: &Value) -> bool {
    let marks = ["detail-type", "detailType", "source", "region", "account"];
    get(value, "detail").is_some_and(Value::is_object)
        && (marks.iter().any(|mark| get(value, mark).is_some()) || value.as_object().is_some_and(|o| o.len() == 1))
}

fn event(
    value: &Value,
    detail: &Value,
    place: &str,
    outer: &Context,
    depth: usize,
    out: &mut Findings,
) -> Result<(), DecodeError> {
    let mut context = Context {
        account: text_at(value, "account").or_else(|| outer.account.clone()),
        region: text_at(value, "region").or_else(|| outer.region.clone()),
        oddities: outer.oddities.clone(),
    };
    if let Some(source) = text_at(value, "source").filter(|source| !source.starts_with("aws.")) {
        // Only AWS can put events from `aws.…` on a bus; this one was put there by somebody else.
        context.oddities.push(format!("the event comes from {}, not from AWS", super::error::quote(&source)));
    }
    let place = format!("{place}.detail");
    if get(detail, "insightResults").is_some() && page_of(detail).is_none() {
        out.found.push(insight(value, detail, &context));
        return Ok(());
    }
    unwrap(detail, &place, &context, depth, out)
}

/// An insight's results, sent by a custom action: not findings but values that findings were grouped by, each with
/// its count. One finding stands for them, with a subject for each value.
fn insight(event: &Value, detail: &Value, context: &Context) -> Finding {
    let mut draft = super::draft::Draft::new(Source::SecurityHub, context);
    let grouped_by = text_at(detail, "resultType").unwrap_or_default();
    draft.finding.id = FindingId(text_at(detail, "insightArn").or_else(|| text_at(event, "id")).unwrap_or_default());
    draft.finding.product = Some("Security Hub".into());
    draft.finding.finding_type = format!("Insight Results/{grouped_by}");
    draft.finding.title = text_at(detail, "insightName").unwrap_or_else(|| "Insight results".into());
    draft.finding.description = text_at(detail, "actionDescription").unwrap_or_default();
    draft.finding.severity = UNREADABLE;
    draft.odd(format!("insight results have no severity: shown as {UNREADABLE}"));
    draft.finding.account = context.account.clone();
    draft.finding.region = context.region.clone();
    draft.finding.created_at = draft.time(event, &["time"]);
    for (n, result) in items_at(detail, "insightResults").iter().enumerate() {
        let place = format!("insightResults[{n}]");
        let Some(values) = result.as_object() else {
            draft.odd(format!("{place} is {}, not a result", describe(result)));
            continue;
        };
        for value in values.keys() {
            insight_subject(&mut draft, &grouped_by, value, &place);
        }
    }
    draft.finish(event)
}

fn insight_subject(draft: &mut super::draft::Draft, grouped_by: &str, value: &str, place: &str) {
    match grouped_by {
        "ResourceAwsIamAccessKeyUserName" => draft.add(Subject::User { name: value.to_owned() }),
        "NetworkSourceIpV4" | "NetworkSourceIpV6" => {
            remote::add_address(draft, value, remote::Found::default(), place);
        }
        "ResourceId" => {
            let details = &Value::Null;
            resource::add(draft, resource::Resource { written_type: "", id: value, details, tags: None, place });
        }
        _ => draft.add(resource::other(grouped_by, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::decode_value;
    use serde_json::json;

    fn guardduty() -> Value {
        json!({"id": "f", "type": "Recon:EC2/Portscan", "severity": 5, "title": "t"})
    }

    fn asff() -> Value {
        json!({"Id": "f", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/x", "Title": "t", "Types": ["a/b/c"],
            "AwsAccountId": "111122223333", "Severity": {"Label": "LOW"}})
    }

    fn ocsf() -> Value {
        json!({"class_uid": 2004, "finding_info": {"uid": "f", "title": "t", "types": ["x"]}, "severity": "Low", "status": "New"})
    }

    fn event(kind: &str, detail: Value) -> Value {
        json!({"version": "0", "id": "e", "detail-type": kind, "source": "aws.securityhub", "account": "999988887777",
            "time": "2026-01-02T03:04:05Z", "region": "eu-central-1", "resources": [], "detail": detail})
    }

    #[test]
    fn every_wrapper_around_every_kind() {
        for (value, source) in [
            (event("GuardDuty Finding", guardduty()), Source::GuardDuty),
            (event("Security Hub Findings - Imported", json!({"findings": [asff()]})), Source::SecurityHub),
            (
                event("Security Hub Findings - Custom Action", json!({"actionName": "a", "findings": [asff()]})),
                Source::SecurityHub,
            ),
            (event("Security Hub Findings", json!({"findings": [asff()]})), Source::SecurityHub),
            (event("Findings Imported V2", json!({"findings": [ocsf()]})), Source::Ocsf),
            (json!({"detail": guardduty()}), Source::GuardDuty),
            (json!({"region": "eu-central-1", "detail": guardduty()}), Source::GuardDuty),
            (json!({"status_code": 200, "data": {"Findings": [asff()]}}), Source::SecurityHub),
            (json!({"Findings": [asff()]}), Source::SecurityHub),
            (json!({"findings": asff()}), Source::SecurityHub),
            (json!({"Findings": [guardduty()], "NextToken": ""}), Source::GuardDuty),
            (json!([event("GuardDuty Finding", guardduty())]), Source::GuardDuty),
            (json!([asff()]), Source::SecurityHub),
            (asff(), Source::SecurityHub),
            (guardduty(), Source::GuardDuty),
            (ocsf(), Source::Ocsf),
        ] {
            let found = decode_value(&value).unwrap();
            let [one] = found.as_slice() else { panic!("{found:?}") };
            assert_eq!(
                (one.source, one.id.as_str(), one.oddities.len()),
                (source, "f", 0),
                "{value} {:?}",
                one.oddities
            );
        }
    }

    #[test]
    fn the_envelopes_account_and_region_fill_in() {
        let one = decode_value(&event("GuardDuty Finding", guardduty())).unwrap().remove(0);
        assert_eq!((one.account.as_deref(), one.region.as_deref()), (Some("999988887777"), Some("eu-central-1")));
        let one = decode_value(&event("x", json!({"findings": [asff()]}))).unwrap().remove(0);
        assert_eq!((one.account.as_deref(), one.region.as_deref()), (Some("111122223333"), Some("eu-central-1")));
    }

    #[test]
    fn an_event_that_aws_did_not_send_is_odd() {
        let mut value = event("GuardDuty Finding", guardduty());
        value["source"] = json!("my.app");
        assert_eq!(decode_value(&value).unwrap().remove(0).oddities, ["the event comes from `my.app`, not from AWS"]);
    }

    #[test]
    fn one_bad_finding_does_not_lose_the_others() {
        let page = json!({"detail": {"findings": [asff(), 7, {"Id": "known"}, guardduty(), [], null]}});
        let found = decode_value(&page).unwrap();
        let shown: Vec<_> = found.iter().map(|f| (f.source, f.title.as_str())).collect();
        assert_eq!(
            shown,
            [
                (Source::SecurityHub, "t"),
                (Source::Unknown, "A finding that can't be understood ($.detail.findings[1]: a number, not a finding)"),
                (
                    Source::Unknown,
                    "A finding that can't be understood ($.detail.findings[2]: an object with the fields `Id`, not a finding)"
                ),
                (Source::GuardDuty, "t"),
                (Source::Unknown, "A finding that can't be understood ($.detail.findings[5]: null, not a finding)"),
            ]
        );
        assert_eq!(found.get(2).unwrap().id.as_str(), "known");
        assert_eq!(found.get(1).unwrap().severity, UNREADABLE);
    }

    #[test]
    fn a_flood_of_rubbish_is_counted() {
        let found = decode_value(&json!({"Findings": vec![0; 100_000]})).unwrap();
        assert_eq!(found.len() as u64, MOST_UNREADABLE + 1);
        assert_eq!(found.last().unwrap().count, Some(100_000 - MOST_UNREADABLE));
    }

    #[test]
    fn what_is_no_finding_is_an_error_with_its_place() {
        for (value, error) in [
            (json!(null), "$: null, not a finding"),
            (json!("x"), "$: a text, not a finding"),
            (json!({"detail-type": "GuardDuty Finding", "detail": {}}), "$.detail: an empty object, not a finding"),
            (json!({"Findings": {"a": 1}}), "$.Findings: an object with the fields `a`, not a finding"),
            (json!({"data": {"findings": 7}}), "$.data.findings: a number, not a finding"),
        ] {
            assert_eq!(decode_value(&value).unwrap_err().to_string(), error);
        }
        assert_eq!(decode_value(&json!({"Findings": []})).unwrap(), []);
    }

    #[test]
    fn wrappers_in_wrappers_end() {
        let mut value = guardduty();
        for _ in 0..50 {
            value = json!({"findings": value});
        }
        assert!(decode_value(&value).unwrap_err().to_string().contains("wrappers"));
    }

    #[test]
    fn insight_results_become_one_finding_with_its_values() {
        let detail = |kind: &str, value: &str| {
            json!({"actionName": "a", "insightArn": "arn:i", "insightName": "Top users", "resultType": kind,
                "insightResults": [{value: 5}]})
        };
        for (kind, value, subject) in [
            ("ResourceAwsIamAccessKeyUserName", "ana", "user ana"),
            (
                "ResourceId",
                "arn:aws:ec2:us-east-1:111122223333:instance/i-0aaaaaaaaaaaaaaa1",
                "instance i-0aaaaaaaaaaaaaaa1",
            ),
            ("NetworkSourceIpV4", "198.51.100.9", "remote_address 198.51.100.9"),
            ("ProductName", "GuardDuty", "other GuardDuty"),
        ] {
            let one = decode_value(&event("Security Hub Insight Results", detail(kind, value))).unwrap().remove(0);
            assert_eq!((one.id.as_str(), one.title.as_str()), ("arn:i", "Top users"));
            let shown: Vec<_> = one.subjects.iter().map(|s| format!("{} {}", s.kind(), s.id())).collect();
            assert_eq!(shown, [subject]);
        }
    }
}
