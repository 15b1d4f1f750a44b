//! What people say about findings: of all that are marked, else of the one that is selected.

use super::super::effect::Effect;
use super::super::model::findings::{Row, RowId};
use super::super::model::menu::About;
use super::super::model::pane::Wish;
use super::super::model::prompt::{Prompt, Question};
use super::super::model::{Model, View};
use super::open::open_all;
use crate::config::Role;
use crate::domain::{Scope, text};
use crate::engine::prepare::{FindingsRequest, Request};
use crate::playbook::update_findings::{FindingAction, count};
use crate::playbook::{FindingRef, Playbook};
use std::collections::BTreeMap;

/// The rows that a key is about now.
fn chosen(model: &Model) -> Vec<RowId> {
    if model.pane.is_some() || model.view != View::Findings {
        return vec![];
    }
    if model.findings.marks().0 > 0 {
        return model.findings.marked();
    }
    let row = match model.menu.as_ref().map(|m| m.about) {
        Some(About::Finding(id)) => Some(id),
        _ => model.findings.cursor.key().copied(),
    };
    row.into_iter().collect()
}

/// Plans to say it.
pub(super) fn say(model: &mut Model, action: &FindingAction, effects: &mut Vec<Effect>) {
    let rows = chosen(model);
    say_of(model, &rows, action, effects);
}

/// Asks to whom.
pub(super) fn assign(model: &mut Model) {
    let rows = chosen(model);
    if rows.is_empty() {
        return;
    }
    model.menu = None;
    model.hush();
    model.prompt = Some(Prompt::new(Question::AssignTo(rows), &text::fit(&model.session.actor, 64)));
}

/// Plans to say it of these rows. Each Security Hub is told by a run of its own.
pub(super) fn say_of(model: &mut Model, rows: &[RowId], action: &FindingAction, effects: &mut Vec<Effect>) {
    let rows: Vec<&Row> = rows.iter().filter_map(|id| model.findings.row(*id)).collect();
    let mut by_hub: BTreeMap<Scope, Vec<FindingRef>> = BTreeMap::new();
    let single = rows.len() == 1;
    for row in rows {
        // Many findings' JSON would make a plan of megabytes.
        let json = single.then_some(&*row.json);
        let finding = FindingRef::new(&row.finding, json, Some(row.hub.clone()));
        by_hub.entry(row.hub.clone()).or_default().push(finding);
    }
    if by_hub.is_empty() {
        return model.say(Role::Warning, "no finding is selected: there is nothing to say");
    }
    let wishes = by_hub.into_iter().map(|(hub, findings)| Wish {
        playbook: Playbook::UpdateFindings,
        subject: None,
        words: format!("{}: {} in the Security Hub of {hub}", action.verb(), count(findings.len())),
        finding: findings.first().filter(|_| findings.len() == 1).cloned(),
        request: Request::Findings(Box::new(FindingsRequest { hub, findings, action: action.clone(), note: None })),
    });
    let wishes: Vec<Wish> = wishes.collect();
    open_all(model, wishes, effects);
}
