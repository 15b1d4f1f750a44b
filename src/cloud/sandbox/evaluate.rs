//! IAM's evaluation of identity policies, as far as the sandbox's policies go: explicit Deny, Allow, or nothing, with
//! the conditions that containment rests on. Deliberately absent: resource policies, boundaries, and SCPs.

use crate::domain::principal::Decision;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What is known about a request, by condition key in lower case. A key that isn't here is absent from the request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Context(BTreeMap<String, String>);

impl Context {
    /// What temporary credentials bring along. A user's own key brings none of it.
    pub(super) fn of_session(issued_at: DateTime<Utc>, source_instance: Option<&str>) -> Self {
        let mut keys = BTreeMap::new();
        let issued = issued_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        keys.insert("aws:tokenissuetime".to_owned(), issued);
        if let Some(arn) = source_instance {
            keys.insert("ec2:sourceinstancearn".to_owned(), arn.to_owned());
        }
        Self(keys)
    }
}

/// The decision on an action, and the policies whose statements made it.
pub(super) fn decide(
    policies: &[(String, String)],
    action: &str,
    resource: &str,
    context: &Context,
) -> (Decision, BTreeSet<String>) {
    let (mut allowed, mut denied) = (BTreeSet::new(), BTreeSet::new());
    for (id, document) in policies {
        let Ok(document) = serde_json::from_str::<Value>(document) else { continue };
        for statement in many(document.get("Statement")) {
            if !applies(statement, action, resource, context) {
                continue;
            }
            match statement.get("Effect").and_then(Value::as_str) {
                Some("Deny") => denied.insert(id.clone()),
                Some("Allow") => allowed.insert(id.clone()),
                _ => false,
            };
        }
    }
    if !denied.is_empty() {
        (Decision::ExplicitDeny, denied)
    } else if !allowed.is_empty() {
        (Decision::Allowed, allowed)
    } else {
        (Decision::ImplicitDeny, BTreeSet::new())
    }
}

/// Whether a document has the form of an identity policy.
pub(super) fn is_policy(document: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(document) else { return false };
    let statements = many(document.get("Statement"));
    let whole = |s: &&Value| {
        matches!(s.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
            && (s.get("Action").is_some() != s.get("NotAction").is_some())
            && (s.get("Resource").is_some() != s.get("NotResource").is_some())
    };
    !statements.is_empty() && statements.iter().all(whole)
}

/// One value or a list of them, as IAM's JSON has it nearly everywhere.
fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None => vec![],
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    many(value).into_iter().filter_map(Value::as_str).collect()
}

fn applies(statement: &Value, action: &str, resource: &str, context: &Context) -> bool {
    let (action, any) = (action.to_ascii_lowercase(), |list: Vec<&str>, text: &str, fold: bool| {
        list.iter().any(|p| if fold { like(&p.to_ascii_lowercase(), text) } else { like(p, text) })
    });
    let acts = match statement.get("NotAction") {
        Some(not) => !any(texts(Some(not)), &action, true),
        None => any(texts(statement.get("Action")), &action, true),
    };
    let on = match statement.get("NotResource") {
        Some(not) => !any(texts(Some(not)), resource, false),
        None => any(texts(statement.get("Resource")), resource, false),
    };
    acts && on && statement.get("Condition").and_then(Value::as_object).is_none_or(|c| holds(c, context))
}

/// Whether every condition holds: each operator, each key, one of its values.
fn holds(conditions: &Map<String, Value>, context: &Context) -> bool {
    conditions.iter().all(|(operator, keys)| {
        let (operator, if_exists) =
            operator.strip_suffix("IfExists").map_or((operator.as_str(), false), |plain| (plain, true));
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, values)| {
                let have = context.0.get(&key.to_ascii_lowercase()).map(String::as_str);
                let values = texts(Some(values));
                match (operator, have) {
                    ("Null", have) => values.contains(&if have.is_none() { "true" } else { "false" }),
                    (_, None) => if_exists || operator.contains("Not"),
                    (operator, Some(have)) => values.iter().any(|wanted| compares(operator, have, wanted)),
                }
            })
        })
    })
}

fn compares(operator: &str, have: &str, wanted: &str) -> bool {
    let dates = || Some((DateTime::parse_from_rfc3339(have).ok()?, DateTime::parse_from_rfc3339(wanted).ok()?));
    match operator {
        "StringEquals" => have == wanted,
        "StringLike" | "ArnLike" | "ArnEquals" => like(wanted, have),
        "StringNotEquals" => have != wanted,
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !like(wanted, have),
        "Bool" => have.eq_ignore_ascii_case(wanted),
        "DateLessThan" => dates().is_some_and(|(have, wanted)| have < wanted),
        "DateLessThanEquals" => dates().is_some_and(|(have, wanted)| have <= wanted),
        "DateGreaterThan" => dates().is_some_and(|(have, wanted)| have > wanted),
        "DateGreaterThanEquals" => dates().is_some_and(|(have, wanted)| have >= wanted),
        _ => false,
    }
}

/// Whether a text matches a pattern with `*` and `?`.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn decided(statement: Value, context: &Context) -> Decision {
        let allow = json!({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}});
        let policies =
            [("a".to_owned(), allow.to_string()), ("b".to_owned(), json!({"Statement": [statement]}).to_string())];
        decide(&policies, "s3:ListAllMyBuckets", "*", context).0
    }

    fn session(instance: Option<&str>) -> Context {
        Context::of_session("2026-03-01T03:00:00Z".parse().unwrap(), instance)
    }

    fn deny(condition: Value) -> Value {
        json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition})
    }

    #[test]
    fn a_deny_by_issue_time_hits_older_sessions_and_no_long_term_key() {
        let cut = deny(json!({"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T03:00:01Z"}}));
        assert_eq!(decided(cut.clone(), &session(None)), Decision::ExplicitDeny);
        assert_eq!(decided(cut, &Context::default()), Decision::Allowed);
        let earlier = deny(json!({"DateLessThan": {"aws:TokenIssueTime": "2026-03-01T03:00:00Z"}}));
        assert_eq!(decided(earlier, &session(None)), Decision::Allowed);
    }

    #[test]
    fn every_operator_and_key_has_to_hold() {
        let narrow = deny(json!({
            "DateLessThan": {"aws:TokenIssueTime": "2026-03-01T04:00:00Z"},
            "ArnEquals": {"ec2:SourceInstanceARN": "arn:aws:ec2:eu-central-1:111122223333:instance/i-1"},
        }));
        let on = |i: &str| session(Some(&format!("arn:aws:ec2:eu-central-1:111122223333:instance/{i}")));
        assert_eq!(decided(narrow.clone(), &on("i-1")), Decision::ExplicitDeny);
        assert_eq!(decided(narrow.clone(), &on("i-2")), Decision::Allowed);
        assert_eq!(decided(narrow, &session(None)), Decision::Allowed);
    }

    #[test]
    fn patterns_match_as_iams_do() {
        for (pattern, text, yes) in [
            ("*", "", true),
            ("s3:get*", "s3:getobject", true),
            ("s3:get?bject", "s3:getobject", true),
            ("s3:*acl", "s3:putobjectacl", true),
            ("s3:*acl", "s3:putobject", false),
            ("arn:*:s3:::a/*", "arn:aws:s3:::a/b/c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(like(pattern, text), yes, "{pattern} {text}");
        }
        assert_eq!(
            decided(json!({"Effect": "Deny", "NotAction": "S3:List*", "Resource": "*"}), &session(None)),
            Decision::Allowed
        );
    }

    #[test]
    fn what_is_no_policy_is_told() {
        assert!(is_policy(r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#));
        for wrong in ["", "{}", "[]", r#"{"Statement":[]}"#, r#"{"Statement":{"Effect":"Deny","Action":"*"}}"#] {
            assert!(!is_policy(wrong), "{wrong}");
        }
    }
}
