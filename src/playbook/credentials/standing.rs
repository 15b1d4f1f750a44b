//! The Denies of earlier runs that stand on a principal, and what another one beside them means.

use crate::domain::{RunId, text};
use crate::playbook::deny;
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// A Deny that one of our runs has put on a user or role, as it stands: its name is a run's, and its document is to the
/// letter what we write. Anybody may have written it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OurDeny {
    /// The run.
    pub run: RunId,
    /// The policy's name.
    pub policy: String,
    /// Sessions issued before this moment are denied everything; none where everything is denied to everybody.
    pub cut_off: Option<DateTime<Utc>>,
    /// The ARN of the only instance whose sessions are denied; none for all.
    pub only_instance: Option<String>,
}

/// The Denies of ours among a principal's inline policies, the oldest run first.
pub fn our_denies(inline: &BTreeMap<String, String>) -> Vec<OurDeny> {
    let mut denies: Vec<OurDeny> = inline.iter().filter_map(|(name, document)| of(name, document)).collect();
    denies.sort_by_key(|d| d.run);
    denies
}

/// The run in a name that we give: the template's, with the run in place of what stands for it.
fn run_in(name: &str, template: &str) -> Option<RunId> {
    name.strip_prefix(template.strip_suffix(deny::RUN)?)?.parse().ok()
}

fn of(name: &str, document: &str) -> Option<OurDeny> {
    let ours = |run, cut_off, only_instance| OurDeny { run, policy: name.to_owned(), cut_off, only_instance };
    if let Some(run) = run_in(name, &deny::deny_all_name()) {
        return (document == deny::deny_all()).then(|| ours(run, None, None));
    }
    let run = run_in(name, &deny::revoke_sessions_name())?;
    let read: serde_json::Value = serde_json::from_str(document).ok()?;
    let only = read["Statement"][0]["Condition"]["ArnEquals"]["ec2:SourceInstanceARN"].as_str();
    let cut_off = deny::cut_off_of(document)?;
    let as_written = deny::revoke_sessions(only).replace(deny::NOW, &cut_off) == document;
    let at = DateTime::parse_from_rfc3339(&cut_off).ok()?.with_timezone(&Utc);
    as_written.then(|| ours(run, Some(at), only.map(str::to_owned)))
}

impl OurDeny {
    /// Whether a Deny with this cut-off and instance denies all that this one does.
    fn is_covered_by(&self, cut_off: Option<DateTime<Utc>>, only_instance: Option<&str>) -> bool {
        let wide = only_instance.is_none() || only_instance == self.only_instance.as_deref();
        let late = cut_off.is_none_or(|later| self.cut_off.is_some_and(|own| own <= later));
        wide && late
    }

    /// What it denies, in words, escaped.
    pub fn words(&self) -> String {
        let Some(cut_off) = self.cut_off else { return "everything".to_owned() };
        let at = cut_off.format("%Y-%m-%d %H:%M:%SZ");
        match &self.only_instance {
            None => format!("everything to every session issued before {at}"),
            Some(arn) => format!("everything to the sessions of {} issued before {at}", text::fit(arn, 120)),
        }
    }

    /// What it means that it stands where another is put beside it, with this cut-off and for this instance alone.
    pub fn beside(&self, cut_off: Option<DateTime<Utc>>, only_instance: Option<&str>) -> String {
        let (run, denies) = (self.run, self.words());
        if self.is_covered_by(cut_off, only_instance) {
            return format!(
                "run {run} denies {denies}, and stands: this one denies that too, so that `lazaret restore --run {run}` \
                 alone changes nothing while this one stands"
            );
        }
        format!("run {run} denies {denies}, and stands beside this one: each is taken back by itself")
    }
}

/// Where there is no room for another: which of ours may go without letting anything live again, as it is denied by
/// another of ours.
pub fn to_spare(denies: &[OurDeny]) -> Option<String> {
    let covered = |d: &&OurDeny| {
        let others = denies.iter().filter(|other| other.run != d.run);
        others.into_iter().find(|o| d.is_covered_by(o.cut_off, o.only_instance.as_deref())).map(|o| o.run)
    };
    let (spare, by) = denies.iter().find_map(|d| Some((d.run, covered(&d)?)))?;
    Some(format!(
        "`lazaret restore --run {spare}` makes room and changes nothing else, since run {by} denies the same and more"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0ab12cd34ef56ab78";

    fn at(minute: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_772_334_000 + minute * 60, 0).unwrap()
    }

    fn put(inline: &mut BTreeMap<String, String>, minute: i64, only: Option<&str>) -> RunId {
        let run = RunId::from_parts(u64::try_from(at(minute).timestamp_millis()).unwrap(), 7);
        let name = deny::settled(&deny::revoke_sessions_name(), run, at(minute));
        inline.insert(name, deny::settled(&deny::revoke_sessions(only), run, at(minute)));
        run
    }

    #[test]
    fn a_deny_is_ours_to_the_letter_or_not_at_all() {
        let mut inline = BTreeMap::new();
        let second = put(&mut inline, 2, Some(ARN));
        let first = put(&mut inline, 1, None);
        inline.insert(format!("lazaret-deny-all-{first}"), deny::deny_all());
        let ours = our_denies(&inline);
        let told: Vec<_> = ours.iter().map(|d| (d.run, d.cut_off, d.only_instance.as_deref())).collect();
        let one = chrono::Duration::seconds(1);
        assert_eq!(
            told,
            [(first, None, None), (first, Some(at(1) + one), None), (second, Some(at(2) + one), Some(ARN))]
        );
        for (_, document) in inline.iter_mut() {
            *document = document.replace("Deny\",", "Deny\", ");
        }
        assert_eq!(our_denies(&inline), []);
        assert_eq!(our_denies(&BTreeMap::from([("lazaret-deny-all-x".to_owned(), deny::deny_all())])), []);
    }

    #[test]
    fn what_another_covers_may_go_alone_and_nothing_else() {
        let mut inline = BTreeMap::new();
        let first = put(&mut inline, 1, None);
        assert_eq!(to_spare(&our_denies(&inline)), None, "it is the only one");
        let narrow = put(&mut inline, 2, Some(ARN));
        assert_eq!(to_spare(&our_denies(&inline)), None, "a later one for one instance covers no other");
        let third = put(&mut inline, 3, None);
        let denies = our_denies(&inline);
        let spare = to_spare(&denies).unwrap();
        assert!(spare.contains(&format!("--run {first}`")) && spare.contains(&third.to_string()), "{spare}");
        let now = Some(at(9));
        for (deny, only, covered) in
            [(0, None, true), (0, Some(ARN), false), (1, None, true), (1, Some(ARN), true), (1, Some("other"), false)]
        {
            let said = denies[deny].beside(now, only);
            assert_eq!(said.contains("changes nothing"), covered, "{said}");
        }
        assert!(denies[1].beside(Some(at(1)), None).contains("by itself"), "{narrow}: this machine's clock is slow");
    }
}
