//! The policies that we put on users and roles: what they deny, and what they are called.
//!
//! A plan is made before its run has an id and a beginning. [`RUN`] and [`NOW`] stand for both in the plan, and are
//! replaced when the step is recorded, right before its call. Neither can stand in a name or a time of IAM's, so that
//! nothing unsettled is ever accepted.

use crate::domain::RunId;
use crate::domain::principal::policy_size;
use chrono::{DateTime, Duration, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde_json::json;

/// Stands for the run's id in a policy's name.
pub const RUN: &str = "<run>";

/// Stands for the moment at which the step begins, in a policy's document.
pub const NOW: &str = "<now>";

/// The name of the policy by which a run denies a principal everything.
pub fn deny_all_name() -> String {
    format!("lazaret-deny-all-{RUN}")
}

/// The name of the policy by which a run denies a role's sessions everything.
pub fn revoke_sessions_name() -> String {
    format!("lazaret-revoke-sessions-{RUN}")
}

/// Denies everything, whatever the credentials: the one that holds for a user's own keys too.
pub fn deny_all() -> String {
    let statement = json!({"Sid": "LazaretDenyAll", "Effect": "Deny", "Action": "*", "Resource": "*"});
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// Denies everything to temporary credentials that were issued before [`NOW`]; with an instance's ARN, only to those
/// that this instance was given.
///
/// `aws:TokenIssueTime` stands in requests with temporary credentials alone: no policy of this form ever touches a
/// user's own key.
pub fn revoke_sessions(only_instance: Option<&str>) -> String {
    let mut condition = json!({"DateLessThan": {"aws:TokenIssueTime": NOW}});
    if let (Some(arn), Some(condition)) = (only_instance, condition.as_object_mut()) {
        condition.insert("ArnEquals".to_owned(), json!({"ec2:SourceInstanceARN": arn}));
    }
    let statement = json!({
        "Sid": "LazaretRevokeSessions", "Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition,
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

/// The size of [`revoke_sessions`] against IAM's quotas once it is settled: what stands for the moment is shorter than it.
pub fn revoke_sessions_size(only_instance: Option<&str>) -> usize {
    policy_size(&settled(&revoke_sessions(only_instance), RunId::from_parts(0, 0), DateTime::UNIX_EPOCH))
}

/// Clocks that differ by more than this are worth a word: less is within what a whole second's `Date` and the way of an
/// answer make of it.
const CLOCKS_DIFFER: i64 = 5;

/// Says among a plan's warnings and limits by whose clock sessions are cut; `ahead` is how far AWS's is ahead of this
/// machine's.
pub fn by_whose_clock(ahead: Option<TimeDelta>, warnings: &mut Vec<String>, limits: &mut Vec<String>) {
    let Some(ahead) = ahead else {
        let limit = "the cut-off is told by this machine's clock, since no answer of AWS's has told its own: where it is slow, \
                     sessions issued in the time that it lacks live on";
        return limits.push(limit.to_owned());
    };
    let seconds = ahead.num_seconds();
    if seconds.abs() > CLOCKS_DIFFER {
        warnings.push(format!(
            "this machine's clock is {} seconds {} AWS's: set it. The cut-off is told by AWS's",
            seconds.abs(),
            if seconds > 0 { "behind" } else { "ahead of" },
        ));
    }
}

/// The cut-off for sessions at `now`: the next whole second, since issue times are whole seconds, and one that was
/// issued in this very second has to be older than the cut-off.
pub fn cut_off(now: DateTime<Utc>) -> DateTime<Utc> {
    now.trunc_subsecs(0) + Duration::seconds(1)
}

/// The cut-off that stands in a document of [`revoke_sessions`], as text; none in any other.
pub fn cut_off_of(document: &str) -> Option<String> {
    let document: serde_json::Value = serde_json::from_str(document).ok()?;
    document["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"].as_str().map(str::to_owned)
}

/// A name or document with the run and the moment in place of what stood for them.
pub fn settled(text: &str, run: RunId, now: DateTime<Utc>) -> String {
    text.replace(RUN, &run.to_string()).replace(NOW, &cut_off(now).to_rfc3339_opts(SecondsFormat::Secs, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> RunId {
        RunId::from_parts(1_772_334_000_000, 7)
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn names_and_times_are_iams_once_they_are_settled() {
        let name = settled(&deny_all_name(), run(), at("2026-03-01T03:00:00Z"));
        let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        assert!(name.chars().all(legal) && name.len() <= 128, "{name}");
        assert!(!deny_all_name().chars().all(legal), "what isn't settled must not be accepted");
        let document = settled(&revoke_sessions(None), run(), at("2026-03-01T03:00:00.999Z"));
        assert!(document.contains(r#"{"DateLessThan":{"aws:TokenIssueTime":"2026-03-01T03:00:01Z"}}"#), "{document}");
    }

    #[test]
    fn the_cut_off_is_later_than_any_session_that_was_issued_by_now() {
        for now in ["2026-03-01T03:00:00Z", "2026-03-01T03:00:00.001Z", "2026-03-01T03:00:00.999Z"] {
            assert!(cut_off(at(now)) > at(now), "{now}");
        }
    }

    #[test]
    fn they_take_little_room() {
        assert_eq!(policy_size(&deny_all()), deny_all().len(), "no white space");
        let now = at("2026-03-01T03:00:00Z");
        let there = settled(&revoke_sessions(None), run(), now);
        assert_eq!(revoke_sessions_size(None), policy_size(&there), "as it will be, not as it is planned");
        assert!(deny_all().len() < 128 && revoke_sessions(Some(&"x".repeat(80))).len() < 320);
    }
}
