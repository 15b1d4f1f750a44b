//! Small words and marks that several panels share.

use crate::config::{Command, Role, Theme};
use crate::console::effect::Thing;
use crate::console::model::Model;
use crate::console::model::contained::Status;
use crate::domain::{Severity, text};
use crate::ledger::{Outcome, RunState, StepState};
use crate::playbook::Action;
use chrono::{DateTime, Duration, Utc};
use ratatui::text::{Line, Span};

/// An age in at most four cells: `5s`, `12m`, `3h`, `9d`, `14w`, `2y`.
pub fn age(age: Duration) -> String {
    let seconds = age.num_seconds().max(0);
    match seconds {
        s if s < 60 => format!("{s}s"),
        s if s < 3_600 => format!("{}m", s / 60),
        s if s < 172_800 => format!("{}h", s / 3_600),
        s if s < 5_184_000 => format!("{}d", s / 86_400),
        s if s < 63_072_000 => format!("{}w", s / 604_800),
        s => format!("{}y", s / 31_536_000),
    }
}

/// How long ago something was; `—` where nobody knows.
pub fn ago(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    at.map_or_else(|| "—".to_owned(), |t| age(now - t))
}

/// A time of day in UTC, with the day where it is not today.
pub fn clock(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let today = at.date_naive() == now.date_naive();
    at.format(if today { "%H:%M:%SZ" } else { "%Y-%m-%d %H:%MZ" }).to_string()
}

/// A duration of work: `840 ms`, `2.4 s`, `3m 05s`.
pub fn took(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < 1_000 => format!("{ms} ms"),
        ms if ms < 60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        ms => format!("{}m {:02}s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// `1 interface`, `2 interfaces`.
pub fn count(n: usize, one: &str) -> String {
    if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") }
}

/// A severity as a badge of six cells.
pub fn badge(theme: &Theme, severity: Severity) -> Span<'static> {
    Span::styled(format!(" {:<4} ", severity.short()), theme.style(Role::severity(severity)))
}

/// The mark, word and role of a step's state, in a run whose process is alive or not.
pub fn step(state: &StepState, action: &Action, alive: bool) -> (&'static str, &'static str, Role) {
    match state {
        StepState::Pending => ("○", "waiting", Role::Pending),
        StepState::Intended if alive => ("▶", "running", Role::Running),
        StepState::Intended => ("?", "no answer", Role::Partial),
        StepState::Applied => match action {
            Action::Change(_) => ("●", "applied", Role::Ok),
            Action::Recheck { .. } => ("✓", "as planned", Role::Ok),
            Action::ReadBack { .. } => ("✓", "holds", Role::Ok),
            Action::BackOut { .. } => ("●", "taken back", Role::Ok),
            Action::AwaitService(_) => ("✓", "in service", Role::Ok),
            Action::Snapshots { .. } => ("●", "started", Role::Ok),
            Action::Notify { .. } => ("●", "sent", Role::Ok),
            Action::UpdateFinding { .. } => ("●", "set", Role::Ok),
            Action::Evidence(_) => ("●", "kept", Role::Ok),
            Action::WriteCounter { .. } => ("●", "written", Role::Ok),
            Action::MoveExpiry { .. } => ("●", "moved", Role::Ok),
            Action::Simulate { .. } => ("✓", "simulated", Role::Ok),
        },
        StepState::Verified => ("✓", "verified", Role::Ok),
        StepState::NotVerified { .. } => ("✗", "not as left", Role::Failed),
        StepState::Failed { .. } => ("✗", "failed", Role::Failed),
        StepState::Indeterminate { .. } => ("?", "no answer", Role::Partial),
        StepState::Skipped { .. } => ("–", "skipped", Role::Pending),
    }
}

/// The mark, word and role of a run.
pub fn outcome(run: &RunState, alive: bool) -> (&'static str, &'static str, Role) {
    match &run.ended {
        Some((Outcome::Done, ..)) => ("✓", "done", Role::Ok),
        Some((Outcome::Partial, ..)) => ("◐", "PARTIAL", Role::Partial),
        Some((Outcome::Failed, ..)) => ("✗", "FAILED", Role::Failed),
        None if alive => ("▶", "running", Role::Running),
        None => ("!", "ABANDONED", Role::Partial),
    }
}

/// What to say in place of a list whose readings fail; nothing where none of these does.
pub fn failing(model: &Model, theme: &Theme, what: &str, of: impl Fn(&Thing) -> bool) -> Vec<Line<'static>> {
    let errors: Vec<&str> = model.readings.failing().filter(|(thing, _)| of(thing)).map(|(_, e)| e).collect();
    if errors.is_empty() {
        return vec![];
    }
    let mut lines = vec![Line::styled(format!("{what} can't be read:"), theme.style(Role::Error))];
    lines.extend(errors.iter().take(8).map(|e| Line::styled(text::safe(e).into_owned(), theme.style(Role::Warning))));
    lines
}

/// The handiest key of a command where the keys are now.
pub fn key(model: &Model, command: Command) -> Option<String> {
    model.session.keymap.keys_for(&model.contexts(), command).into_iter().next()
}

/// The handiest key of a command of the view, for what is written in the view itself.
pub fn view_key(model: &Model, command: Command) -> Option<String> {
    model.session.keymap.keys_for(&model.view_contexts(), command).into_iter().next()
}

/// A key and what it does, for the footer and for hints.
pub fn hint(theme: &Theme, key: &str, what: &str) -> Vec<Span<'static>> {
    vec![Span::styled(key.to_owned(), theme.style(Role::Key)), Span::styled(format!(" {what}"), theme.style(Role::Dim))]
}

/// The look of a status.
pub fn status_role(status: Status) -> Role {
    match status {
        Status::Isolated => Role::Quarantined,
        Status::Partial => Role::Partial,
        Status::Drift => Role::Drift,
        Status::Running | Status::Restoring => Role::Running,
        Status::Restored => Role::Ok,
        Status::Unread | Status::Gone => Role::Dim,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_short() {
        for (seconds, shown) in
            [(-5, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (90_000, "25h"), (172_800, "2d"), (6_000_000, "9w")]
        {
            assert_eq!(age(Duration::seconds(seconds)), shown);
            assert!(age(Duration::seconds(seconds)).len() <= 4);
        }
        assert_eq!((took(840), took(2_450), took(185_000)), ("840 ms".into(), "2.4 s".into(), "3m 05s".into()));
    }
}
