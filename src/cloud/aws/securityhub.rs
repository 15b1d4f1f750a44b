//! Security Hub: listing findings, and saying what was done about them.
//!
//! A finding is decoded from the bytes that came, not from the SDK's shapes: the project has one decoder, and what
//! the SDK doesn't know yet is kept.

use super::clients::ScopeClients;
use super::error::{call, incomplete};
use crate::cloud::operations::{BATCH_UPDATE_FINDINGS, GET_FINDINGS};
use crate::cloud::port::{CloudResult, FindingPage, FindingQuery, FindingUpdate, SeenFinding, Target, Unprocessed};
use crate::domain::{Finding, FindingId, FindingKey, Scope, Source, text};
use crate::intake;
use aws_sdk_securityhub::types::{
    AwsSecurityFindingFilters, AwsSecurityFindingIdentifier, DateFilter, NoteUpdate, SortCriterion, SortOrder,
    StringFilter, StringFilterComparison, WorkflowStatus, WorkflowUpdate,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::AfterDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use chrono::SecondsFormat;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::{Arc, Mutex, PoisonError};

/// The largest page.
const PAGE: i32 = 100;
/// The longest note (ASFF, `Note.Text`).
const NOTE: usize = 512;
/// Who our notes are by.
const UPDATED_BY: &str = "lazaret";
/// The other end of "since": a date filter is given with both ends.
const FAR_FUTURE: &str = "2999-12-31T23:59:59.999Z";

/// `securityhub:GetFindings`.
pub(super) async fn findings(
    clients: &ScopeClients,
    scope: &Scope,
    query: &FindingQuery,
    page: Option<&str>,
) -> CloudResult<FindingPage> {
    clients.get_findings.admit().await;
    let answer = Answer::default();
    let securityhub = &clients.securityhub;
    let newest_first = SortCriterion::builder().field("UpdatedAt").sort_order(SortOrder::Descending).build();
    let request = securityhub
        .get_findings()
        .filters(filters(query))
        .sort_criteria(newest_first)
        .max_results(PAGE)
        .set_next_token(page.map(str::to_owned))
        .customize()
        .interceptor(answer.clone());
    let result = call(GET_FINDINGS, Some(scope), request.send()).await;
    match answer.take() {
        Some(bytes) => read_page(&bytes).ok_or_else(|| incomplete(GET_FINDINGS, scope, "a list of findings")),
        None => Err(result.err().unwrap_or_else(|| incomplete(GET_FINDINGS, scope, "a body"))),
    }
}

/// `securityhub:BatchUpdateFindings`.
pub(super) async fn update_findings(
    clients: &ScopeClients,
    target: &Target,
    keys: &[FindingKey],
    update: &FindingUpdate,
) -> CloudResult<Vec<Unprocessed>> {
    if target.dry_run || keys.is_empty() {
        return Ok(Vec::new()); // Security Hub knows no rehearsal
    }
    let identifiers = keys
        .iter()
        .map(|key| AwsSecurityFindingIdentifier::builder().id(key.id.as_str()).product_arn(&key.product_arn).build());
    let note = update
        .note
        .as_ref()
        .map(|note| NoteUpdate::builder().text(text::cut(note, NOTE)).updated_by(UPDATED_BY).build());
    let workflow = update
        .workflow
        .as_ref()
        .map(|workflow| WorkflowUpdate::builder().status(WorkflowStatus::from(workflow.as_str())).build());
    let securityhub = &clients.securityhub;
    let request = securityhub
        .batch_update_findings()
        .set_finding_identifiers(Some(identifiers.collect()))
        .set_note(note)
        .set_workflow(workflow);
    let answer = call(BATCH_UPDATE_FINDINGS, Some(&target.scope), request.send()).await?;
    Ok(answer.unprocessed_findings().iter().map(unprocessed).collect())
}

fn unprocessed(u: &aws_sdk_securityhub::types::BatchUpdateFindingsUnprocessedFinding) -> Unprocessed {
    let key = u.finding_identifier();
    Unprocessed {
        key: FindingKey {
            id: FindingId(key.and_then(|k| k.id()).unwrap_or_default().to_owned()),
            product_arn: key.and_then(|k| k.product_arn()).unwrap_or_default().to_owned(),
        },
        code: u.error_code().unwrap_or_default().to_owned(),
        message: u.error_message().unwrap_or_default().to_owned(),
    }
}

fn filters(query: &FindingQuery) -> AwsSecurityFindingFilters {
    let equals = |value: &str| StringFilter::builder().value(value).comparison(StringFilterComparison::Equals).build();
    let any_of = |values: Vec<&str>| (!values.is_empty()).then(|| values.into_iter().map(equals).collect::<Vec<_>>());
    let open = |values: &[&'static str]| if query.include_closed { Vec::new() } else { values.to_vec() };
    let since = query.updated_since.map(|since| {
        let start = since.to_rfc3339_opts(SecondsFormat::Millis, true);
        vec![DateFilter::builder().start(start).end(FAR_FUTURE).build()]
    });
    AwsSecurityFindingFilters::builder()
        .set_record_state(any_of(open(&["ACTIVE"])))
        .set_workflow_status(any_of(open(&["NEW", "NOTIFIED"])))
        .set_updated_at(since)
        .set_severity_label(any_of(query.severities.iter().map(|s| s.label()).collect()))
        .set_id(any_of(query.ids.iter().map(FindingId::as_str).collect()))
        .set_resource_id(any_of(query.resource.iter().map(String::as_str).collect()))
        .build()
}

/// A page as Security Hub writes it, its findings untouched.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page<'a> {
    #[serde(borrow)]
    findings: Vec<&'a RawValue>,
    next_token: Option<String>,
}

fn read_page(bytes: &[u8]) -> Option<FindingPage> {
    let page: Page<'_> = serde_json::from_slice(bytes).ok()?;
    Some(FindingPage {
        findings: page.findings.iter().map(|json| seen(json.get())).collect(),
        next: page.next_token.filter(|token| !token.is_empty()),
    })
}

/// One element of a page. What can't be understood is a finding that says so: it is shown and counted.
fn seen(json: &str) -> SeenFinding {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let finding = intake::asff::decode(&value).unwrap_or_else(|error| {
        let stand_in = intake::decode_value(&Value::Array(vec![value])).ok().and_then(|found| found.into_iter().next());
        stand_in.unwrap_or_else(|| Finding {
            source: Source::Unknown,
            oddities: vec![error.to_string()],
            ..Finding::default()
        })
    });
    SeenFinding { finding, json: Arc::from(json) }
}

/// Keeps the body of a successful answer.
#[derive(Debug, Default, Clone)]
struct Answer(Arc<Mutex<Option<Vec<u8>>>>);

impl Answer {
    fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "Answer"
    }

    // After deserialization, since the body is read only then; also when the SDK could not make sense of it.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        if response.status().is_success() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = response.body().bytes().map(<[u8]>::to_vec);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;

    #[test]
    fn only_what_is_open_is_asked_for_unless_told() {
        let f = filters(&FindingQuery::default());
        assert_eq!(f.record_state()[0].value(), Some("ACTIVE"));
        let workflow: Vec<_> = f.workflow_status().iter().filter_map(|w| w.value()).collect();
        assert_eq!(workflow, ["NEW", "NOTIFIED"]);
        assert!(f.updated_at().is_empty() && f.severity_label().is_empty() && f.id().is_empty());
        assert!(f.resource_id().is_empty());

        let all = filters(&FindingQuery {
            updated_since: Some("2026-03-01T09:12:04.5Z".parse().unwrap()),
            ids: vec![FindingId("a".into()), FindingId("b".into())],
            resource: Some("arn:aws:ec2:eu-central-1:111122223333:instance/i-0ab12cd34ef56ab78".into()),
            severities: vec![Severity::Critical],
            include_closed: true,
        });
        let resource = &all.resource_id()[0];
        assert_eq!(resource.comparison(), Some(&StringFilterComparison::Equals));
        assert_eq!(resource.value(), Some("arn:aws:ec2:eu-central-1:111122223333:instance/i-0ab12cd34ef56ab78"));
        assert!(all.record_state().is_empty() && all.workflow_status().is_empty());
        assert_eq!(all.updated_at()[0].start(), Some("2026-03-01T09:12:04.500Z"));
        assert!(all.updated_at()[0].end().is_some());
        assert_eq!((all.id().len(), all.severity_label()[0].value()), (2, Some("CRITICAL")));
    }

    #[test]
    fn a_page_keeps_its_bytes_and_loses_nothing() {
        let page = br#"{"Findings": [{"SchemaVersion":"2018-10-08","Id":"f-1","NewField":{"x":1.50}}, 7, {"what":1}],
            "NextToken": "more"}"#;
        let page = read_page(page).unwrap();
        assert_eq!(page.findings.len(), 3);
        assert_eq!(page.next.as_deref(), Some("more"));
        assert_eq!(&*page.findings[0].json, r#"{"SchemaVersion":"2018-10-08","Id":"f-1","NewField":{"x":1.50}}"#);
        assert_eq!(page.findings[0].finding.id.as_str(), "f-1");
        for odd in &page.findings[1..] {
            assert_eq!(odd.finding.source, Source::Unknown, "{odd:?}");
            assert!(!odd.finding.oddities.is_empty());
        }
        assert!(read_page(br#"{"Findings": [], "NextToken": null}"#).unwrap().next.is_none());
        assert!(read_page(b"<html>").is_none());
    }
}
