//! A finding while it is being decoded.

use super::error::quote;
use super::{fields, time};
use crate::domain::subject::{AccessKeySubject, InstanceSubject, RemoteAddress};
use crate::domain::{Direction, Finding, FindingId, Partition, Source, Subject};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;

/// How many oddities of one finding are kept: enough to see what is wrong, few enough that a hostile finding can't
/// grow without bound.
const MOST_ODDITIES: usize = 50;

/// What an envelope knows that the finding inside may not say.
#[derive(Debug, Clone, Default)]
pub(super) struct Context {
    pub(super) account: Option<String>,
    pub(super) region: Option<String>,
    /// What is strange about the envelope; goes to every finding in it.
    pub(super) oddities: Vec<String>,
}

/// A finding while it is being decoded: collects oddities, and subjects without repeats.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) finding: Finding,
    subjects: HashMap<(&'static str, String), usize>,
    more_oddities: usize,
}

impl Draft {
    /// An empty finding of one source, with what is strange about its envelope.
    pub(super) fn new(source: Source, context: &Context) -> Self {
        let mut draft = Self { finding: Finding { source, ..Finding::default() }, ..Self::default() };
        context.oddities.iter().for_each(|oddity| draft.odd(oddity.clone()));
        draft
    }

    /// Notes something strange, as a sentence that names the place.
    pub(super) fn odd(&mut self, oddity: String) {
        if self.finding.oddities.len() < MOST_ODDITIES - 1 {
            self.finding.oddities.push(oddity);
        } else {
            self.more_oddities += 1;
        }
    }

    /// The first of `paths` that holds a readable time; an unreadable one is an oddity.
    pub(super) fn time(&mut self, value: &Value, paths: &[&str]) -> Option<DateTime<Utc>> {
        for path in paths {
            let found = fields::at(value, path);
            match time::read(found) {
                Ok(Some(time)) => return Some(time),
                Ok(None) => {}
                Err(()) => self.odd(format!("{path} is not a time: {}", shown(found))),
            }
        }
        None
    }

    /// The count at a value, whose place is named for the oddity of an unreadable one.
    pub(super) fn count(&mut self, value: Option<&Value>, place: &str) -> Option<u64> {
        fields::count(value).unwrap_or_else(|()| {
            self.odd(format!("{place} is not a count: {}", shown(value)));
            None
        })
    }

    /// The account at a path. A number has lost its leading zeros and gets them back.
    pub(super) fn account(&mut self, value: &Value, path: &str) -> Option<String> {
        match fields::at(value, path)? {
            Value::Number(number) if number.is_u64() => {
                self.odd(format!("{path} is a number, not a text"));
                Some(format!("{number:0>12}", number = number.to_string()))
            }
            other => fields::text(other),
        }
    }

    /// An address in text; one that can't be read is an oddity, an empty text is nothing.
    pub(super) fn ip(&mut self, text: &str, place: &str) -> Option<std::net::IpAddr> {
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match text.parse::<std::net::IpAddr>() {
            // One address has one spelling: an IPv4 address mapped into IPv6 is the IPv4 address.
            Ok(ip) => Some(ip.to_canonical()),
            Err(_) => {
                self.odd(format!("{place} is not an address: {}", quote(text)));
                None
            }
        }
    }

    /// Adds a subject; a second report of the same one completes the first.
    pub(super) fn add(&mut self, subject: Subject) {
        let key = (subject.kind(), identity(&subject));
        match self.subjects.get(&key).and_then(|&at| self.finding.subjects.get_mut(at)) {
            Some(known) => merge(known, subject),
            None => {
                self.subjects.insert(key, self.finding.subjects.len());
                self.finding.subjects.push(subject);
            }
        }
    }

    /// Whether a subject was already added.
    #[cfg(test)]
    pub(super) fn has(&self, kind: &'static str, id: &str) -> bool {
        self.subjects.contains_key(&(kind, id.to_owned()))
    }

    /// The finding, with what it lacks said and repeats removed.
    pub(super) fn finish(mut self, value: &Value) -> Finding {
        if self.finding.id.0.is_empty() {
            // Findings are told apart by their id: without one, two of them would pass for one.
            self.finding.id = fingerprint(value);
            self.odd("the finding has no id".into());
        }
        if self.finding.title.is_empty() {
            self.finding.title = if self.finding.finding_type.is_empty() {
                "(no title)".into()
            } else {
                self.finding.finding_type.clone()
            };
        }
        self.drop_principals_of_keys();
        for subject in &mut self.finding.subjects {
            if let Subject::Instance(instance) = subject {
                dedup(&mut instance.interfaces);
                dedup(&mut instance.private_ips);
                dedup(&mut instance.public_ips);
            }
        }
        if self.more_oddities > 0 {
            self.finding.oddities.push(format!("and {} more oddities", self.more_oddities));
        }
        self.finding
    }

    /// An access key carries its principal, so the same principal as a resource of its own says nothing new.
    fn drop_principals_of_keys(&mut self) {
        let mut names: HashSet<String> = HashSet::new();
        for subject in &self.finding.subjects {
            if let Subject::AccessKey(key) = subject {
                names.extend(key.principal_name.clone());
                names.extend(key.principal_id.as_deref().and_then(|id| id.split(':').next()).map(str::to_owned));
            }
        }
        if !names.is_empty() {
            self.finding.subjects.retain(|subject| match subject {
                Subject::Role { name } | Subject::User { name } => !names.contains(name),
                _ => true,
            });
        }
    }
}

/// The partition that the first readable ARN names.
pub(super) fn partition_of<'a>(arns: impl IntoIterator<Item = Option<&'a str>>) -> Option<Partition> {
    let arn = arns.into_iter().flatten().find_map(super::arn::Arn::parse)?;
    (!arn.partition.is_empty()).then(|| Partition::from(arn.partition.to_owned()))
}

/// A value for a sentence: short, in backquotes.
pub(super) fn shown(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => quote(text),
        Some(Value::Number(number)) => quote(&number.to_string()),
        Some(other) => super::error::describe(other),
        None => "nothing".into(),
    }
}

/// An id for what has none, made from its content: the same content, delivered twice, is still one finding.
pub(super) fn fingerprint(value: &Value) -> FindingId {
    let mut hash = Sha256::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::Null => hash.update(b"n"),
            Value::Bool(yes) => hash.update([b'b', u8::from(*yes)]),
            Value::Number(number) => hash.update(number.to_string()),
            Value::String(text) => hash.update(text),
            Value::Array(items) => {
                hash.update(b"[");
                open.extend(items);
            }
            Value::Object(fields) => {
                hash.update(b"{");
                for (name, value) in fields {
                    hash.update(name);
                    open.push(value);
                }
            }
        }
        hash.update([0]);
    }
    fingerprint_of(hash)
}

/// As [`fingerprint`], for bytes.
pub(super) fn fingerprint_bytes(bytes: &[u8]) -> FindingId {
    fingerprint_of(Sha256::new_with_prefix(bytes))
}

fn fingerprint_of(hash: Sha256) -> FindingId {
    let digits: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    FindingId(format!("unidentified-{digits}"))
}

/// What makes two reports the same subject.
fn identity(subject: &Subject) -> String {
    match subject {
        // A key without an id is told apart by its principal.
        Subject::AccessKey(key) if key.id.is_empty() => {
            format!(" {}", key.principal_id.as_ref().or(key.principal_name.as_ref()).map_or("", String::as_str))
        }
        Subject::Other { resource_type, id } => format!("{resource_type} {id}"),
        other => other.id(),
    }
}

fn merge(known: &mut Subject, new: Subject) {
    match (known, new) {
        (Subject::Instance(known), Subject::Instance(new)) => merge_instance(known, new),
        (Subject::AccessKey(known), Subject::AccessKey(new)) => merge_key(known, new),
        (Subject::RemoteAddress(known), Subject::RemoteAddress(new)) => merge_address(known, new),
        _ => {}
    }
}

fn merge_instance(known: &mut InstanceSubject, new: InstanceSubject) {
    known.vpc = known.vpc.take().or(new.vpc);
    known.subnet = known.subnet.take().or(new.subnet);
    known.profile_arn = known.profile_arn.take().or(new.profile_arn);
    known.name = known.name.take().or(new.name);
    known.interfaces.extend(new.interfaces);
    known.private_ips.extend(new.private_ips);
    known.public_ips.extend(new.public_ips);
}

fn merge_key(known: &mut AccessKeySubject, new: AccessKeySubject) {
    known.principal_type = known.principal_type.take().or(new.principal_type);
    known.principal_name = known.principal_name.take().or(new.principal_name);
    known.principal_id = known.principal_id.take().or(new.principal_id);
}

fn merge_address(known: &mut RemoteAddress, new: RemoteAddress) {
    known.direction = match (known.direction, new.direction) {
        (Direction::Unknown, new) => new,
        // Seen both ways: which way to block is a person's decision.
        (known, new) if new != Direction::Unknown && new != known => Direction::Unknown,
        (known, _) => known,
    };
    known.country = known.country.take().or(new.country);
    known.asn_org = known.asn_org.take().or(new.asn_org);
    // Seen on the network too: then its traffic does cross our network ACLs.
    known.api_caller &= new.api_caller;
}

/// Removes repeats and keeps the order.
fn dedup<T: Eq + Hash + Clone>(items: &mut Vec<T>) {
    let mut seen = HashSet::new();
    items.retain(|item| seen.insert(item.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn oddities_are_bounded_and_counted() {
        let mut draft = Draft::default();
        (0..1_000).for_each(|n| draft.odd(format!("odd {n}")));
        let finding = draft.finish(&json!({}));
        assert_eq!(finding.oddities.len(), MOST_ODDITIES);
        assert_eq!(finding.oddities.last().unwrap(), "and 952 more oddities");
    }

    #[test]
    fn findings_without_an_id_are_told_apart_by_their_content() {
        let id = |value: Value| Draft::default().finish(&value).id;
        assert_eq!(id(json!({"a": 1})), id(json!({"a": 1})));
        assert_ne!(id(json!({"a": 1})), id(json!({"a": 2})));
        assert_ne!(id(json!({"a": ["x"]})), id(json!({"a": [["x"]]})));
    }

    #[test]
    fn a_second_report_of_an_address_completes_the_first() {
        let address = |direction, country: Option<&str>, api_caller| {
            Subject::RemoteAddress(RemoteAddress {
                ip: "203.0.113.9".parse().unwrap(),
                direction,
                country: country.map(str::to_owned),
                asn_org: None,
                api_caller,
            })
        };
        let mut draft = Draft::default();
        draft.add(address(Direction::Unknown, None, true));
        draft.add(address(Direction::Inbound, Some("Nowhere"), false));
        assert_eq!(draft.finish(&json!({})).subjects, [address(Direction::Inbound, Some("Nowhere"), false)]);
    }

    #[test]
    fn a_principal_that_a_key_carries_is_not_repeated() {
        let mut draft = Draft::default();
        draft.add(Subject::Role { name: "ci".into() });
        draft.add(Subject::Role { name: "other".into() });
        draft.add(Subject::AccessKey(AccessKeySubject {
            id: "ASIAEXAMPLE".into(),
            principal_name: Some("ci".into()),
            ..AccessKeySubject::default()
        }));
        let kinds: Vec<_> = draft.finish(&json!({})).subjects.iter().map(Subject::id).collect();
        assert_eq!(kinds, ["other", "ASIAEXAMPLE"]);
    }
}
