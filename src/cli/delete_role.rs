//! `lazaret delete-role`.

use super::args::{DeleteRoleArgs, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::plan::{carry_out, unplanned};
use super::session::{Session, read_ledger, run_in};
use crate::domain::{RunId, Scope, text};
use crate::engine::Consent;
use crate::engine::prepare::DeleteRoleRequest;
use crate::playbook::{Action, Change, Playbook};

pub(super) async fn run(global: &Global, args: &DeleteRoleArgs, out: &Out) -> Result<Exit, Failure> {
    if let Some(run) = args.export {
        return export(global, run, out).await;
    }
    let Some(role) = &args.role else { return Err(Failure::new(Exit::Usage, "name a role")) };
    let session = Session::open(global).await?;
    let Some(scope) = session.scopes.first().cloned() else {
        return Err(Failure::new(Exit::Usage, "in which account?").hint("--account says which"));
    };
    if session.scopes.iter().any(|s| s.account != scope.account) {
        return Err(Failure::new(Exit::Usage, "in which account?").hint("--account says which"));
    }
    let request =
        DeleteRoleRequest { elsewhere: other_regions(&session, &scope), scope: scope.clone(), role: role.clone() };
    let subject = format!("role:{role}");
    let prepared = session
        .engine
        .prepare_delete_role(&request)
        .await
        .map_err(|e| unplanned(Playbook::DeleteRole, &subject, &scope, e, out))?;
    let mut typed = args.confirm.clone();
    if typed.is_none() && !args.commit.plan && !args.commit.yes && out.can_ask() && !out.json {
        super::plan::preview(&session, &prepared, out);
        typed = out.ask("A deleted role can't come back. Type its name to delete it:");
    }
    let consent = Consent { typed, ..Consent::default() };
    // The name was typed: that is the question, and it was answered.
    let commit = super::args::Commit { yes: args.commit.yes || consent.typed.is_some(), ..args.commit };
    carry_out(&session, prepared, &consent, commit, out).await
}

/// The other Regions of the same account that the session looks into.
pub(super) fn other_regions(session: &Session, scope: &Scope) -> Vec<Scope> {
    session.known_scopes.iter().filter(|s| s.account == scope.account && *s != scope).cloned().collect()
}

/// Prints what a run has exported before it deleted a role.
async fn export(global: &Global, run: RunId, out: &Out) -> Result<Exit, Failure> {
    let state = run_in(&read_ledger(global)?, run).await?;
    let deleted = state.plan.steps.iter().find_map(|step| match &step.action {
        Action::Change(Change::DeleteRole(delete)) => Some(delete),
        _ => None,
    });
    let Some(delete) = deleted else {
        let what = state.plan.playbook.name();
        return Err(Failure::new(Exit::Failed, format!("run {run} is a {what}: it exported no role")));
    };
    if !out.json {
        out.note(format!("the export of {}, as it stood before run {run}", text::safe(&state.plan.subject)));
    }
    out.json(delete);
    Ok(Exit::Done)
}
