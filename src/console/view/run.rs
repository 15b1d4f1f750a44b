//! A run's steps, live.

use super::doc::Doc;
use super::words::{step as step_words, took};
use crate::config::Role;
use crate::console::model::Model;
use crate::domain::text;
use crate::ledger::{RunState, StepState};
use crate::playbook::Weight;

/// Adds the steps of a run; with gaps between waves where there is room for them.
pub fn steps(doc: &mut Doc<'_>, model: &Model, run: &RunState, roomy: bool, alive: bool) {
    let mut wave = None;
    for step in &run.plan.steps {
        let Some(status) = run.steps.get(&step.id) else { continue };
        if roomy && wave.is_some_and(|w| w != step.wave) {
            doc.gap();
        }
        wave = Some(step.wave);
        let (mark, word, role) = step_words(&status.state, &step.action, alive);
        let quiet = matches!(status.state, StepState::Pending | StepState::Skipped { .. });
        let ms = status.intended_at.zip(status.answered_at).map(|(a, b)| took((b - a).num_milliseconds()));
        let time = ms.map(|t| format!("{t:>7}")).unwrap_or_default();
        let right = if doc.width() >= 60 {
            vec![doc.span(role, &format!("{word:<11}")), doc.span(Role::Dim, &format!("{time:>8}"))]
        } else {
            vec![doc.span(Role::Dim, time.trim())]
        };
        let mark = doc.span(role, &format!("{mark} "));
        let title = model.named(&run.plan.scope, &text::fit(&step.title, 200));
        doc.split_text(mark, if quiet { Role::Dim } else { Role::Base }, &title, right);
        if let Some(why) = status.state.why() {
            let role = match (&status.state, step.weight) {
                (StepState::Skipped { .. }, _) => Role::Dim,
                (_, Weight::Courtesy) => Role::Warning,
                _ => Role::Error,
            };
            doc.marked(role, "    ", &text::fit(&model.keyed(&why), 600));
        }
        for output in status.output.iter().take(16) {
            doc.marked(Role::Dim, "    ", &model.named(&run.plan.scope, &text::fit(output, 200)));
        }
    }
}
