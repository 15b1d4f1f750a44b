//! Comparing IAM policy documents: whether one set of permissions is no wider than another, as far as that can be told.
//!
//! The answer errs on one side. "No wider" is only said where every statement that allows is covered by one statement of
//! the other set, and every statement that denies there stands here too; what can't be decided counts as wider.

use crate::domain::{Partition, text};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a role may do: its policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Inline policies by name: each one's JSON.
    pub inline: BTreeMap<String, String>,
    /// The ARNs of the managed policies attached to it.
    pub attached: BTreeSet<String>,
    /// The ARN of its permissions boundary, where it has one.
    pub boundary: Option<String>,
    /// The JSON of managed policies, by ARN, as far as it was read.
    pub managed: BTreeMap<String, String>,
}

/// In what one role's permissions are wider than another's, or may be; nothing where they certainly are not. Each is a
/// sentence for people, escaped.
pub fn wider(role: &Grants, than: &Grants) -> Vec<String> {
    let mut wider: Vec<String> = Vec::new();
    for arn in role.attached.difference(&than.attached) {
        wider.push(format!("{} is attached to it alone", text::fit(arn, 160)));
    }
    if let Some(boundary) = &than.boundary
        && role.boundary.as_ref() != Some(boundary)
    {
        wider.push(format!("it lacks the permissions boundary {}", text::fit(boundary, 160)));
    }
    let mut ours = Vec::new();
    for (name, document) in &role.inline {
        read(name, document, &mut ours, &mut wider);
    }
    let mut theirs = Vec::new();
    let mut unread = Vec::new();
    for (name, document) in &than.inline {
        read(name, document, &mut theirs, &mut unread);
    }
    // A managed policy that only the other has may deny something: what it denies must be denied here too.
    for arn in than.attached.difference(&role.attached) {
        match than.managed.get(arn) {
            Some(document) => read(arn, document, &mut theirs, &mut unread),
            None => unread.push(format!("{} can't be read: it may deny something", text::fit(arn, 160))),
        }
    }
    wider.extend(unread);
    // A managed policy that both have covers and is covered by itself; its statements help to cover inline ones.
    let mut shared = Vec::new();
    for (arn, document) in than.managed.iter().filter(|(arn, _)| role.attached.contains(*arn)) {
        read(arn, document, &mut shared, &mut Vec::new());
    }
    for statement in ours.iter().filter(|s| s.allows) {
        let covers: Vec<&Statement> = theirs.iter().chain(&shared).filter(|s| s.allows).collect();
        if let Some(what) = statement.not_covered_by(&covers) {
            wider.push(format!("{} allows {what}", text::fit(&statement.policy, 120)));
        }
    }
    for statement in theirs.iter().filter(|s| !s.allows && !s.is_about_past_sessions()) {
        let covers: Vec<&Statement> = ours.iter().chain(&shared).filter(|s| !s.allows).collect();
        if let Some(what) = statement.not_covered_by(&covers) {
            wider.push(format!("it does not deny {what}, as {} does", text::fit(&statement.policy, 120)));
        }
    }
    wider
}

/// Whether EC2 may assume a role with this trust policy, and nobody else may who can't assume the other.
///
/// # Errors
/// Why not, or why it can't be told: a sentence, escaped.
pub fn trust_fits(trust: &str, original: &str, partition: &Partition) -> Result<(), String> {
    let (ours, theirs) = (trustees(trust)?, trustees(original).unwrap_or_default());
    let services = ec2_services(partition);
    if !ours.iter().any(|t| t.is_one_of(&services)) {
        return Err(format!("EC2 can't assume it: its trust policy doesn't name {}", services.join(" or ")));
    }
    let more: Vec<String> = ours
        .iter()
        .filter(|t| !theirs.contains(t) && !t.is_one_of(&services))
        .map(|t| text::fit(&t.who, 120))
        .collect();
    if more.is_empty() { Ok(()) } else { Err(format!("{} can assume it, and not the original", more.join(", "))) }
}

/// Who but EC2 may assume a role, as its trust policy names them, escaped; a sentence where it can't be read.
pub fn other_trustees(trust: &str, partition: &Partition) -> Vec<String> {
    let services = ec2_services(partition);
    match trustees(trust) {
        Ok(all) => {
            let others = all.iter().filter(|t| !t.is_one_of(&services));
            others.map(|t| text::fit(&t.who, 120)).collect::<BTreeSet<_>>().into_iter().collect()
        }
        Err(why) => vec![why],
    }
}

/// The names by which EC2 is trusted in a partition.
fn ec2_services(partition: &Partition) -> Vec<&'static str> {
    match partition {
        Partition::AwsCn => vec!["ec2.amazonaws.com.cn", "ec2.amazonaws.com"],
        _ => vec!["ec2.amazonaws.com"],
    }
}

/// Somebody whom a trust policy lets assume the role.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trustee {
    /// `Service`, `AWS`, `Federated`.
    kind: String,
    /// The service, ARN, account or `*`.
    who: String,
    /// On which conditions, as JSON.
    condition: Value,
}

impl Trustee {
    fn is_one_of(&self, services: &[&str]) -> bool {
        self.kind == "Service" && services.contains(&self.who.as_str())
    }
}

fn trustees(trust: &str) -> Result<Vec<Trustee>, String> {
    let unread = |why: &str| Err(format!("its trust policy can't be judged: {why}"));
    let Ok(document) = serde_json::from_str::<Value>(trust) else { return unread("it is not JSON") };
    let mut all = Vec::new();
    for statement in many(document.get("Statement")) {
        if statement.get("Effect").and_then(Value::as_str) != Some("Allow") {
            return unread("it denies something");
        }
        if statement.get("NotPrincipal").is_some() || statement.get("NotAction").is_some() {
            return unread("it says who may not");
        }
        let assumes = |a: &String| covers_pattern(&a.to_ascii_lowercase(), "sts:assumerole");
        let condition = statement.get("Condition").cloned().unwrap_or(Value::Null);
        let with_more =
            |who: &str| Trustee { kind: "AWS".to_owned(), who: who.to_owned(), condition: condition.clone() };
        match statement.get("Principal") {
            Some(Value::String(who)) => all.push(with_more(who)),
            Some(Value::Object(kinds)) => {
                for (kind, who) in kinds {
                    for who in strings(Some(who)) {
                        // A service that may not assume the role, or only on a condition, is no use to an instance.
                        let of_use = kind != "Service"
                            || condition.is_null() && strings(statement.get("Action")).iter().any(assumes);
                        let kind = if of_use { kind.clone() } else { format!("{kind} on conditions") };
                        all.push(Trustee { kind, who, condition: condition.clone() });
                    }
                }
            }
            _ => return unread("it names nobody"),
        }
    }
    Ok(all)
}

/// One statement of an identity policy.
#[derive(Debug, Clone)]
struct Statement {
    policy: String,
    allows: bool,
    actions: Set,
    resources: Set,
    /// Operator, key in lower case, values.
    conditions: BTreeMap<(String, String), BTreeSet<String>>,
}

/// What a statement names: these patterns, or everything but these.
#[derive(Debug, Clone)]
enum Set {
    These(Vec<String>),
    AllBut(Vec<String>),
}

/// Reads a document's statements; what can't be read is said.
fn read(policy: &str, document: &str, into: &mut Vec<Statement>, unread: &mut Vec<String>) {
    let mut odd = |why: &str| unread.push(format!("{} can't be judged: {why}", text::fit(policy, 120)));
    let Ok(document) = serde_json::from_str::<Value>(document) else { return odd("it is not JSON") };
    for statement in many(document.get("Statement")) {
        match one(policy, statement) {
            Some(statement) => into.push(statement),
            None => odd("it has a statement that is not understood"),
        }
    }
}

fn one(policy: &str, statement: &Value) -> Option<Statement> {
    const KNOWN: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let fields = statement.as_object()?;
    if fields.keys().any(|k| !KNOWN.contains(&k.as_str())) {
        return None;
    }
    let lower = |list: Vec<String>| list.into_iter().map(|a| a.to_ascii_lowercase()).collect();
    let set = |these: &str, but: &str| match (statement.get(these), statement.get(but)) {
        (Some(list), None) => Some(Set::These(strings(Some(list)))),
        (None, Some(list)) => Some(Set::AllBut(strings(Some(list)))),
        _ => None,
    };
    let actions = match set("Action", "NotAction")? {
        Set::These(list) => Set::These(lower(list)),
        Set::AllBut(list) => Set::AllBut(lower(list)),
    };
    let mut conditions = BTreeMap::new();
    for (operator, keys) in statement.get("Condition").into_iter().flat_map(|c| c.as_object().into_iter().flatten()) {
        for (key, values) in keys.as_object()? {
            let values: BTreeSet<String> = strings(Some(values)).into_iter().collect();
            conditions.insert((operator.clone(), key.to_ascii_lowercase()), values);
        }
    }
    Some(Statement {
        policy: policy.to_owned(),
        allows: match statement.get("Effect").and_then(Value::as_str)? {
            "Allow" => true,
            "Deny" => false,
            _ => return None,
        },
        actions,
        resources: set("Resource", "NotResource")?,
        conditions,
    })
}

impl Statement {
    /// Whether it only concerns sessions issued before some time: another role's revocation means nothing here.
    fn is_about_past_sessions(&self) -> bool {
        let key = ("DateLessThan".to_owned(), "aws:tokenissuetime".to_owned());
        self.conditions.contains_key(&key)
    }

    /// What of it none of the others covers, in words; `None` when each part is covered by one of them.
    fn not_covered_by(&self, others: &[&Self]) -> Option<String> {
        let fitting: Vec<&&Self> = others.iter().filter(|o| self.conditions_within(o)).collect();
        let covered = |actions: &Set, resources: &Set| {
            fitting.iter().any(|o| o.actions.covers(actions) && o.resources.covers(resources))
        };
        for actions in self.actions.parts() {
            for resources in self.resources.parts() {
                if !covered(&actions, &resources) {
                    return Some(format!("{} on {}", actions.words(), resources.words()));
                }
            }
        }
        None
    }

    /// Whether it applies at most when the other does: all of the other's conditions stand here, as narrow or narrower.
    fn conditions_within(&self, other: &Self) -> bool {
        other.conditions.iter().all(|(at, theirs)| {
            // With more than one value, one that matches is enough: fewer are narrower. The negative operators turn
            // that round, and the others are left alone.
            let positive = ["StringEquals", "StringLike", "ArnEquals", "ArnLike", "IpAddress"].contains(&at.0.as_str());
            self.conditions
                .get(at)
                .is_some_and(|ours| ours == theirs || positive && !ours.is_empty() && ours.is_subset(theirs))
        })
    }
}

impl Set {
    /// Each pattern by itself; what excludes is one part.
    fn parts(&self) -> Vec<Self> {
        match self {
            Self::These(list) => list.iter().map(|p| Self::These(vec![p.clone()])).collect(),
            Self::AllBut(_) => vec![self.clone()],
        }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::These(wide), Self::These(narrow)) => {
                narrow.iter().all(|n| wide.iter().any(|w| covers_pattern(w, n)))
            }
            (Self::These(wide), Self::AllBut(_)) => wide.iter().any(|w| w == "*"),
            (Self::AllBut(out), Self::These(narrow)) => narrow.iter().all(|n| out.iter().all(|o| are_apart(n, o))),
            // Everything but B lies in everything but O where O lies in B.
            (Self::AllBut(out), Self::AllBut(theirs)) => {
                out.iter().all(|o| theirs.iter().any(|t| covers_pattern(t, o)))
            }
        }
    }

    fn words(&self) -> String {
        match self {
            Self::These(list) => text::fit(&list.join(" "), 160),
            Self::AllBut(list) => format!("everything but {}", text::fit(&list.join(" "), 140)),
        }
    }
}

/// Whether no text matches both patterns, as far as their fixed beginnings tell.
fn are_apart(a: &str, b: &str) -> bool {
    let fixed =
        |p: &str| p.split(['*', '?']).next().unwrap_or_default().split("${").next().unwrap_or_default().to_owned();
    let (a_fixed, b_fixed) = (fixed(a), fixed(b));
    let common = a_fixed.len().min(b_fixed.len());
    if a_fixed.as_bytes()[..common] != b_fixed.as_bytes()[..common] {
        return true;
    }
    // Two texts without wildcards are apart unless they are the same; one is, unless the other matches it.
    (a_fixed == a && !covers_pattern(b, a) && !b.contains("${"))
        || (b_fixed == b && !covers_pattern(a, b) && !a.contains("${"))
}

/// Whether everything that matches `narrow` matches `wide`; both with `*` and `?` as IAM reads them. A policy variable
/// (`${aws:username}`) stands for anything in `narrow`; in `wide` only the same pattern is covered.
pub fn covers_pattern(wide: &str, narrow: &str) -> bool {
    if wide == narrow || wide == "*" {
        return true;
    }
    if wide.contains("${") {
        return false;
    }
    let wide: Vec<char> = wide.chars().collect();
    let narrow: Vec<char> = without_variables(narrow).chars().collect();
    // row[j]: whether the first i of `wide` cover the first j of `narrow`.
    let mut row = vec![false; narrow.len() + 1];
    row[0] = true;
    for w in &wide {
        let mut next = vec![false; narrow.len() + 1];
        next[0] = row[0] && *w == '*';
        for (j, n) in narrow.iter().enumerate() {
            next[j + 1] = match w {
                '*' => row[j + 1] || next[j],
                '?' => *n != '*' && row[j],
                w => n == w && row[j],
            };
        }
        row = next;
    }
    row[narrow.len()]
}

/// The pattern with every policy variable as `*`.
fn without_variables(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out.push_str(rest);
    out
}

/// One value or a list of them.
fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => vec![],
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    many(value).into_iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect()
}

#[cfg(test)]
#[path = "documents_tests.rs"]
mod tests;
