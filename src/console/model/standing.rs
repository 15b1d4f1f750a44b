//! Where a finding stands: what was done about it and holds, as it was read; else what people said of it.

use super::Model;
use super::contained::Status;
use super::credentials::{Cut, CutStatus};
use super::findings::Row;
use crate::config::Role;
use crate::engine::BlockState;
use crate::ledger::RunState;
use crate::playbook::Playbook;

impl Model {
    /// Where a finding's subject stands, else what else was done about it, else where the finding does.
    pub fn standing(&self, row: &Row) -> (String, Role) {
        let status = row.instance.as_ref().and_then(|key| self.quarantine.status(key));
        match status {
            _ if row.finding.sample => ("sample".to_owned(), Role::Dim),
            Some(Status::Isolated) => ("◆ isolated".to_owned(), Role::Quarantined),
            Some(Status::Running) => ("▶ isolating".to_owned(), Role::Running),
            Some(Status::Restoring) => ("▶ restoring".to_owned(), Role::Running),
            Some(Status::Partial) => ("◆ PARTIAL".to_owned(), Role::Partial),
            Some(Status::Drift) => ("◆ DRIFT".to_owned(), Role::Drift),
            Some(Status::Unread) => ("◆ unread".to_owned(), Role::Dim),
            Some(Status::Gone | Status::Restored) | None => {
                let done = self.activity.standing_for(&row.finding.id).find_map(|run| self.holds(run));
                done.unwrap_or_else(|| {
                    let word = row.state();
                    let role = if word == "new" { Role::Base } else { Role::Dim };
                    (word, role)
                })
            }
        }
    }

    /// How a cut or a block that stands by the ledger was read live; none where a run is neither.
    fn holds(&self, run: &RunState) -> Option<(String, Role)> {
        let unread = ("◆ unread".to_owned(), Role::Dim);
        let drift = ("◆ DRIFT".to_owned(), Role::Drift);
        match run.plan.playbook {
            Playbook::ContainCredentials | Playbook::ContainExfiltration => {
                let cut = self.credentials.holding_run(run.run);
                Some(match cut.map(|cut| cut.status) {
                    Some(CutStatus::Cut) if cut.is_some_and(Cut::is_narrow) => ("◆ part cut".to_owned(), Role::Partial),
                    Some(CutStatus::Cut) => ("◆ cut".to_owned(), Role::Quarantined),
                    Some(CutStatus::Drift) => drift,
                    Some(CutStatus::Running) => ("▶ cutting".to_owned(), Role::Running),
                    Some(CutStatus::Restored | CutStatus::Unread) | None => unread,
                })
            }
            Playbook::BlockAddress => {
                let mut seen = self.blocks.of_run(run.run).peekable();
                let read = seen.peek().is_some();
                Some(match seen.find(|state| !matches!(state, BlockState::Stands)) {
                    None if read => ("◆ blocked".to_owned(), Role::Quarantined),
                    None | Some(BlockState::Unread) => unread,
                    Some(_) => drift,
                })
            }
            _ => None,
        }
    }
}
