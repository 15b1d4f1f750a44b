//! Security Hub: `GetFindings` with its filters and pages, and `BatchUpdateFindings`.

use super::super::asff::stamp;
use super::super::background;
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{FindingPatch, StoredFinding, World, hex_of};
use crate::cloud::port::{FindingQuery, FindingUpdate, Unprocessed};
use crate::domain::{FindingKey, Scope};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Findings on one page at most.
const PAGE: usize = 100;
/// Values that a string filter takes at most.
const MOST_IDS: usize = 20;
/// Findings that one update takes at most.
const MOST_KEYS: usize = 100;
/// Characters in a note at most.
const LONGEST_NOTE: usize = 512;

/// A page of findings in ASFF.
#[derive(Debug, PartialEq)]
pub(in super::super) struct Page {
    pub(in super::super) findings: Vec<Value>,
    pub(in super::super) next: Option<String>,
}

/// The scopes whose findings are seen from one: an account sees its own; the administrator all accounts of the
/// Region, and in the aggregation Region those of all Regions.
fn seen_from<'a>(world: &'a World, scope: &'a Scope) -> impl Fn(&Scope) -> bool + 'a {
    let administrator = scope.account == world.aggregator.account;
    let everywhere = *scope == world.aggregator;
    move |other| everywhere || other == scope || administrator && other.region == scope.region
}

/// One finding as it stands now, before its JSON is copied.
struct Seen<'a> {
    updated: DateTime<Utc>,
    id: &'a str,
    json: &'a Value,
    again: Option<Again>,
}

/// How often a finding was reported again, and when last.
#[derive(Clone, Copy)]
struct Again {
    times: u64,
    at: DateTime<Utc>,
}

fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn reported_again(finding: &StoredFinding, now: DateTime<Utc>) -> Option<Again> {
    let period = i64::from(finding.recurs_every.filter(|p| *p > 0)?);
    let times = (now - finding.arrives_at).num_seconds() / period;
    let again =
        Again { times: u64::try_from(times).ok()?, at: finding.arrives_at + chrono::Duration::seconds(times * period) };
    (again.times > 0).then_some(again)
}

/// What stands in the JSON of a finding that was reported again.
fn renew(json: &mut Value, again: Again) {
    let at = stamp(again.at);
    json["UpdatedAt"] = at.as_str().into();
    json["LastObservedAt"] = at.as_str().into();
    if let Some(fields) = json.get_mut("ProductFields").and_then(Value::as_object_mut) {
        let count = fields.get("aws/guardduty/service/count").and_then(Value::as_str).and_then(|n| n.parse().ok());
        if let Some(count) = count {
            let count: u64 = count;
            fields.insert("aws/guardduty/service/count".into(), count.saturating_add(again.times).to_string().into());
            fields.insert("aws/guardduty/service/eventLastSeen".into(), at.into());
        }
    }
}

fn is_open(json: &Value) -> bool {
    text(json, "/RecordState") == "ACTIVE" && !matches!(text(json, "/Workflow/Status"), "SUPPRESSED" | "RESOLVED")
}

fn names(json: &Value, resource: &str) -> bool {
    let resources = json.get("Resources").and_then(Value::as_array);
    resources.into_iter().flatten().any(|r| text(r, "/Id") == resource)
}

/// One page. A page's token carries the moment of the first page and the last finding listed, so that findings that
/// arrive or change meanwhile neither shift nor repeat a row.
pub(in super::super) fn list(
    world: &World,
    scope: &Scope,
    query: &FindingQuery,
    token: Option<&str>,
    now: DateTime<Utc>,
) -> Ruling<Page> {
    world.place(scope)?;
    let invalid = |message: &str| Refusal::new("InvalidInputException", message);
    if query.ids.len() > MOST_IDS {
        return Err(invalid("Filter Id accepts at most 20 values"));
    }
    let asked = hex_of(&[scope.to_string().as_bytes(), format!("{query:?}").as_bytes()], 8);
    let after = match token {
        None => None,
        Some(token) => Some(Token::read(token, &asked).ok_or_else(|| invalid("Invalid NextToken"))?),
    };
    let now = after.as_ref().map_or(now, |token| token.now);
    let made = background::present(world, now);
    let visible = seen_from(world, scope);
    let stored = world
        .scopes
        .iter()
        .filter(|(place, _)| visible(place))
        .flat_map(|(_, place)| &place.findings)
        .filter(|finding| finding.arrives_at <= now)
        .map(|finding| Seen::of(&finding.json, reported_again(finding, now)));
    let made = made.iter().filter(|m| visible_json(world, &m.json, &visible)).map(|m| Seen::of(&m.json, None));
    let wanted = |seen: &Seen<'_>| {
        query.updated_since.is_none_or(|since| seen.updated >= since)
            && (query.ids.is_empty() || query.ids.iter().any(|id| id.as_str() == seen.id))
            && query.resource.as_ref().is_none_or(|resource| names(seen.json, resource))
            && (query.severities.is_empty()
                || query.severities.iter().any(|s| s.label() == text(seen.json, "/Severity/Label")))
            && (query.include_closed || is_open(seen.json))
    };
    let mut found: Vec<Seen<'_>> = stored.chain(made).filter(wanted).collect();
    found.sort_by_key(|seen| (Reverse(seen.updated), seen.id));
    let start = after.as_ref().map_or(0, |last| {
        found.partition_point(|s| (Reverse(s.updated), s.id) <= (Reverse(last.updated), last.id.as_str()))
    });
    let rest = found.get(start..).unwrap_or_default();
    let page = rest.get(..PAGE.min(rest.len())).unwrap_or_default();
    let next = page.last().filter(|_| rest.len() > PAGE).map(|last| Token::after(now, last).write(&asked));
    let findings = page
        .iter()
        .map(|seen| {
            let mut json = seen.json.clone();
            if let Some(again) = seen.again {
                renew(&mut json, again);
            }
            json
        })
        .collect();
    Ok(Page { findings, next })
}

fn visible_json(world: &World, json: &Value, visible: &impl Fn(&Scope) -> bool) -> bool {
    let (account, region) = (text(json, "/AwsAccountId"), text(json, "/Region"));
    world.scope_named(&format!("{account}/{region}")).is_some_and(|scope| visible(&scope))
}

impl<'a> Seen<'a> {
    fn of(json: &'a Value, again: Option<Again>) -> Self {
        let written = text(json, "/UpdatedAt").parse::<DateTime<Utc>>().unwrap_or(DateTime::UNIX_EPOCH);
        let updated = again.map_or(written, |a| a.at.max(written));
        Self { updated, id: text(json, "/Id"), json, again }
    }
}

/// The token of a next page, `query.now.updated.id` with times in milliseconds.
struct Token {
    /// When the first page was asked for.
    now: DateTime<Utc>,
    /// When the last finding of the page before was changed.
    updated: DateTime<Utc>,
    /// Its id.
    id: String,
}

impl Token {
    fn after(now: DateTime<Utc>, last: &Seen<'_>) -> Self {
        Self { now, updated: last.updated, id: last.id.to_owned() }
    }

    fn write(&self, asked: &str) -> String {
        format!("{asked}.{}.{}.{}", self.now.timestamp_millis(), self.updated.timestamp_millis(), self.id)
    }

    fn read(token: &str, asked: &str) -> Option<Self> {
        let mut parts = token.splitn(4, '.');
        if parts.next()? != asked {
            return None;
        }
        let mut time = || DateTime::from_timestamp_millis(parts.next()?.parse().ok()?);
        let (now, updated) = (time()?, time()?);
        Some(Self { now, updated, id: parts.next()?.to_owned() })
    }
}

/// Sets workflow and note. `UpdatedAt` stays as it is: only the product changes that.
pub(in super::super) fn update(
    world: &mut World,
    scope: &Scope,
    keys: &[FindingKey],
    update: &FindingUpdate,
    now: DateTime<Utc>,
) -> Ruling<Vec<Unprocessed>> {
    world.place(scope)?;
    let invalid = |message: String| Refusal::new("InvalidInputException", message);
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(invalid(format!(
            "FindingIdentifiers must have between 1 and {MOST_KEYS} items, not {}",
            keys.len()
        )));
    }
    if update.workflow.is_none() && update.note.is_none() {
        return Err(invalid("At least one field to update must be provided".into()));
    }
    let by = world.caller_arn(scope);
    let patch = FindingPatch {
        workflow: update.workflow.as_ref().map(|w| w.as_str().to_owned()),
        note: update.note.as_ref().map(|n| json!({ "Text": n, "UpdatedBy": by, "UpdatedAt": stamp(now) })),
    };
    let mut failed = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let mut fail = |code: &str, message: &str| {
            failed.push(Unprocessed { key: key.clone(), code: code.into(), message: message.into() });
        };
        if keys.iter().take(n).any(|earlier| earlier == key) {
            fail("DuplicatedFindingIdentifier", "The finding is named more than once");
        } else if let Some(problem) = problem_with(update) {
            fail("InvalidInput", &problem);
        } else if !set(world, scope, key, &patch, now) {
            fail("FindingNotFound", "Finding Not Found");
        }
    }
    Ok(failed)
}

fn problem_with(update: &FindingUpdate) -> Option<String> {
    if let Some(note) = &update.note {
        let length = note.chars().count();
        if length == 0 || length > LONGEST_NOTE {
            return Some(format!("Note.Text must have between 1 and {LONGEST_NOTE} characters, not {length}"));
        }
    }
    match update.workflow.as_ref().map(|w| w.as_str()) {
        None | Some("NEW" | "NOTIFIED" | "SUPPRESSED" | "RESOLVED") => None,
        Some(other) => Some(format!("Workflow.Status {other} is not one of NEW, NOTIFIED, SUPPRESSED, RESOLVED")),
    }
}

/// Sets the patch on the finding, if it is there and seen from the scope.
fn set(world: &mut World, scope: &Scope, key: &FindingKey, patch: &FindingPatch, now: DateTime<Utc>) -> bool {
    let is_it = |json: &Value| text(json, "/Id") == key.id.as_str() && text(json, "/ProductArn") == key.product_arn;
    let places: Vec<Scope> = world.scopes.keys().filter(|place| seen_from(world, scope)(place)).cloned().collect();
    for place in places {
        let found = world
            .scopes
            .get_mut(&place)
            .and_then(|p| p.findings.iter_mut().find(|f| f.arrives_at <= now && is_it(&f.json)));
        if let Some(finding) = found {
            background::apply(patch, &mut finding.json);
            return true;
        }
    }
    let visible = seen_from(world, scope);
    let made = background::present(world, now)
        .into_iter()
        .find(|m| is_it(&m.json) && visible_json(world, &m.json, &visible))
        .map(|m| m.index);
    drop(visible);
    match made {
        Some(index) => {
            let touched = world.touched.entry(index).or_default();
            touched.workflow = patch.workflow.clone().or(touched.workflow.take());
            touched.note = patch.note.clone().or(touched.note.take());
            true
        }
        None => false,
    }
}
