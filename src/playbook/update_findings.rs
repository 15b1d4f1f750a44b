//! update-findings: where people stand with findings, as Security Hub shows it to everybody.
//!
//! It contains nothing, and nothing is inferred from it: Security Hub sets an archived finding back to NEW when it
//! becomes active again.

use super::change::{Change, SetFinding, Swap};
use super::observed::{FindingNow, Observed};
use super::plan::{Action, FindingRef, Plan, PlanRefusal, Playbook, Promise, Step, StepId, Weight};
use crate::domain::{FindingKey, Workflow, text};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Characters in a note at most (ASFF, `Note.Text`).
const LONGEST_NOTE: usize = 512;

/// Findings that one run takes at most: its plan is one record of the ledger, and one screen of decisions.
pub const MOST: usize = 1_000;

/// What people say about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingAction {
    /// Somebody knows of it: NOTIFIED.
    Acknowledge,
    /// It is this person's now: a note says so. The status stays.
    Assign(String),
    /// Looked at, and no action is needed: SUPPRESSED.
    Suppress,
    /// Dealt with: RESOLVED.
    Resolve,
    /// To be looked at again: NEW.
    Reopen,
}

impl FindingAction {
    /// The verb, as the command line spells it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::Assign(_) => "assign",
            Self::Suppress => "suppress",
            Self::Resolve => "resolve",
            Self::Reopen => "reopen",
        }
    }

    /// The status that it sets; none where it leaves that as it is.
    pub fn status(&self) -> Option<Workflow> {
        match self {
            Self::Acknowledge => Some(Workflow::Notified),
            Self::Assign(_) => None,
            Self::Suppress => Some(Workflow::Suppressed),
            Self::Resolve => Some(Workflow::Resolved),
            Self::Reopen => Some(Workflow::New),
        }
    }
}

/// Everything that the playbook looks at.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The findings, as they were listed. Doubles are taken once.
    pub findings: &'a [FindingRef],
    /// What is said about them.
    pub action: &'a FindingAction,
    /// What else is to be noted.
    pub note: Option<&'a str>,
    /// How they stand now.
    pub observed: &'a Observed,
    /// Who asks.
    pub actor: &'a str,
}

/// The note to set: the new words, and after them what the old note said, as far as there is room. The ledger keeps
/// the old one whole.
fn note(new: &str, old: Option<&String>) -> String {
    let whole = match old {
        Some(old) => format!("{new} | before: {}", text::safe(old)),
        None => new.to_owned(),
    };
    if whole.chars().count() <= LONGEST_NOTE {
        return whole;
    }
    let mut cut = text::cut(&whole, LONGEST_NOTE - 1);
    cut.push('…');
    cut
}

fn new_words(request: &Request<'_>) -> Option<String> {
    let by = format!("({} with lazaret)", text::safe(request.actor));
    let said = request.note.map(|n| text::safe(n.trim()).into_owned()).filter(|n| !n.is_empty());
    match (request.action, said) {
        (FindingAction::Assign(to), None) => Some(format!("assigned to {} {by}", text::safe(to.trim()))),
        (FindingAction::Assign(to), Some(said)) => Some(format!("assigned to {} {by}: {said}", text::safe(to.trim()))),
        (_, Some(said)) => Some(format!("{said} {by}")),
        (_, None) => None,
    }
}

/// What one finding needs; none where it stands as asked for already.
fn edit(key: &FindingKey, now: &FindingNow, status: Option<&Workflow>, words: Option<&String>) -> Option<SetFinding> {
    let status = status.filter(|s| **s != now.workflow);
    let words = words.filter(|w| !now.note.as_ref().is_some_and(|n| n == *w || n.starts_with(&format!("{w} | "))));
    if status.is_none() && words.is_none() {
        return None;
    }
    Some(SetFinding {
        key: key.clone(),
        status: status.map(|s| Swap { before: now.workflow.clone(), after: s.clone() }),
        note: words.map(|w| Swap { before: now.note.clone(), after: Some(note(w, now.note.as_ref())) }),
        lagging: !now.shown,
    })
}

/// `1 finding`, `2 findings`.
pub fn count(n: usize) -> String {
    if n == 1 { "1 finding".to_owned() } else { format!("{n} findings") }
}

/// The first few of them, and how many more there are.
fn few(items: &[String]) -> String {
    let shown: Vec<&str> = items.iter().take(5).map(String::as_str).collect();
    let more = items.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// What a run about these findings is about, and the incident it belongs to: the one finding's, or one of their own
/// for the same findings together.
fn subject(findings: &BTreeMap<&FindingKey, &FindingRef>) -> (String, String) {
    if let (1, Some(only)) = (findings.len(), findings.values().next()) {
        return (format!("finding:{}", only.incident()), only.incident());
    }
    let mut hasher = Sha256::new();
    for key in findings.keys() {
        for part in [key.id.as_str(), &key.product_arn] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    let name: String = hasher.finalize().iter().take(6).map(|b| format!("{b:02x}")).collect();
    (format!("findings:{}-{name}", findings.len()), format!("findings-{}-{name}", findings.len()))
}

/// Plans the update.
///
/// # Errors
/// When there is nothing to set, none of the findings can be updated, or they are too many for one run.
pub fn plan(request: &Request<'_>) -> Result<Plan, PlanRefusal> {
    let scope = request.observed.scope.clone();
    let shown = |f: &FindingRef| text::fit_middle(f.id.as_str(), 80);
    if let FindingAction::Assign(to) = request.action
        && to.trim().is_empty()
    {
        return Err(PlanRefusal::Unfit("a finding is assigned to somebody: say to whom".into()));
    }
    let mut warnings = Vec::new();
    let strange: Vec<String> = request.findings.iter().filter(|f| f.key.is_none()).map(shown).collect();
    let findings: BTreeMap<&FindingKey, &FindingRef> =
        request.findings.iter().filter_map(|f| Some((f.key.as_ref()?, f))).collect();
    if findings.len() > MOST {
        return Err(PlanRefusal::Unfit(format!("{} at once: a run takes at most {MOST}", count(findings.len()))));
    }
    if !strange.is_empty() {
        let why = format!("Security Hub CSPM does not keep {}: its status can't be set there", few(&strange));
        if findings.is_empty() {
            return Err(PlanRefusal::Unfit(why));
        }
        warnings.push(why);
    }
    let (mut steps, mut gone, mut already, mut late, mut archived) = (vec![], vec![], 0, vec![], 0);
    let status = request.action.status();
    let words = new_words(request);
    for (n, (key, finding)) in findings.iter().enumerate() {
        let Some(now) = request.observed.findings.get(*key) else {
            gone.push(shown(finding));
            continue;
        };
        let Some(edit) = edit(key, now, status.as_ref(), words.as_ref()) else {
            already += 1;
            continue;
        };
        archived += usize::from(now.archived);
        if !now.shown {
            late.push(shown(finding));
        }
        let sample = if finding.sample { " (a sample)" } else { "" };
        steps.push(Step {
            id: StepId(format!("finding-{n:03}")),
            title: format!(
                "{}: {} {}{sample}",
                super::change::Edit::after_text(&edit),
                finding.severity,
                text::fit(&finding.finding_type, 100)
            ),
            wave: 1,
            weight: Weight::Wanted,
            needs: vec![],
            action: Action::Change(Change::Finding(edit)),
        });
    }
    if !gone.is_empty() {
        warnings.push(format!("no longer in the Security Hub of {scope}: {}", few(&gone)));
    }
    let Some(n) = Some(steps.len()).filter(|n| *n > 0) else {
        return Err(if already == 0 {
            PlanRefusal::NotFound { what: format!("finding {}", few(&gone)), scope }
        } else {
            PlanRefusal::Nothing(format!("{} so already: nothing to {}", stand(already), request.action.verb()))
        });
    };
    if already > 0 {
        warnings.push(format!("{} so already, and left alone", stand(already)));
    }
    if !late.is_empty() {
        warnings.push(format!(
            "Security Hub does not show yet what was last set on {}: what was set counts, not what it shows",
            few(&late)
        ));
    }
    let mut limits = vec!["a status contains nothing: what the finding is about stays as it is".to_owned()];
    if archived > 0 {
        limits.push(format!(
            "{} archived: Security Hub sets it back to NEW when it becomes active again",
            if archived == 1 { "1 finding is".to_owned() } else { format!("{archived} findings are") }
        ));
    }
    steps.push(Step {
        id: "read-back".into(),
        title: "Read back what Security Hub shows".into(),
        wave: 2,
        weight: Weight::Wanted,
        needs: vec![],
        action: Action::ReadBack { instance: None, isolated: None },
    });
    let (subject, incident) = subject(&findings);
    let single = findings.values().next().filter(|_| findings.len() == 1).map(|f| (*f).clone());
    let verb = request.action.verb();
    let what = single.as_ref().map_or_else(|| count(n), |f| text::fit(&f.finding_type, 100));
    Ok(Plan {
        playbook: Playbook::UpdateFindings,
        subject,
        title: format!("{}{} {what} in {scope}", verb[..1].to_uppercase(), &verb[1..]),
        observed_at: request.observed.at,
        finding: single,
        incident,
        steps,
        warnings,
        limits,
        drift: Vec::new(),
        reverts: Vec::new(),
        promise: Promise {
            kept: format!("Security Hub took it for {}: {}", count(n), past(request.action)),
            broken: format!("not {}: not every finding was updated", past(request.action)),
            next: vec![],
            ..Promise::default()
        },
        scope,
    })
}

fn stand(n: usize) -> String {
    if n == 1 { "1 finding stands".to_owned() } else { format!("{n} findings stand") }
}

fn past(action: &FindingAction) -> String {
    match action {
        FindingAction::Acknowledge => "acknowledged".into(),
        FindingAction::Assign(to) => format!("assigned to {}", text::fit(to.trim(), 60)),
        FindingAction::Suppress => "suppressed".into(),
        FindingAction::Resolve => "resolved".into(),
        FindingAction::Reopen => "reopened".into(),
    }
}
