//! Blocks from the Blocks view: an address typed for the selected table, a block of ours taken away, extended, or all
//! that have expired swept.

use super::super::effect::Effect;
use super::super::model::blocks::AclKey;
use super::super::model::pane::Wish;
use super::super::model::prompt::{Prompt, Question};
use super::super::model::{Model, View};
use super::open::{open, open_all};
use super::wish;
use crate::config::Role;
use crate::domain::Scope;
use crate::engine::prepare::{ExtendRequest, Request, UnblockRequest, WhichBlocks};
use crate::playbook::Playbook;
use crate::playbook::block::{shown, subject};
use crate::policy::address;
use crate::policy::{Stands, Ttl};
use ipnet::IpNet;

/// The selected block of ours: where, what, and the run that made it.
fn selected(model: &mut Model) -> Option<(Scope, IpNet, WhichBlocks)> {
    let (row, deny) = model.blocks.selected()?;
    let found = deny.map(|deny| {
        let block = deny.ours.as_ref()?;
        Some((row.key.0.clone(), block.deny.range, WhichBlocks::Run(block.run)))
    });
    match found {
        Some(Some(found)) => Some(found),
        Some(None) => {
            model.say(Role::Warning, "that deny is not ours, as far as this ledger knows: it is left alone");
            None
        }
        None => {
            model.say(Role::Warning, "no block is selected: choose one of the lines below a network ACL");
            None
        }
    }
}

/// Asks which address is to be blocked in the selected table.
pub(super) fn ask(model: &mut Model) {
    if model.pane.is_some() {
        return;
    }
    let Some((row, _)) = model.blocks.selected() else { return };
    if row.acl.is_none() {
        return model.say(Role::Warning, "that table is not there, or was not read: nothing can be blocked in it");
    }
    let key = row.key.clone();
    model.hush();
    model.prompt = Some(Prompt::new(Question::Block(key), ""));
}

/// An address was typed, and perhaps for how long. Says what is wrong with it where no plan can be asked for.
pub(super) fn block(model: &mut Model, key: &AclKey, typed: &str, effects: &mut Vec<Effect>) -> Result<(), String> {
    let mut words = typed.split_whitespace();
    let range = address::parse(words.next().unwrap_or_default());
    let ttl = words.next().map(str::parse::<Ttl>).transpose();
    match (range, ttl, words.next()) {
        (Ok(range), Ok(ttl), None) => {
            let mut request = wish::block_request(model, &key.0, range, None);
            request.acls = vec![key.1.clone()];
            request.stands = ttl.map_or(request.stands, Stands::For);
            open(model, vec![wish::block(request)], effects);
            Ok(())
        }
        (Err(why), ..) | (_, Err(why), _) => Err(why),
        (_, _, Some(_)) => Err("an address and a time to stand, and nothing more".to_owned()),
    }
}

/// Plans to take the selected block away.
pub(super) fn unblock(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.is_some() || model.view != View::Blocks {
        return;
    }
    if let Some((scope, range, which)) = selected(model) {
        let wish = take_away(model, scope, range, which);
        open(model, vec![wish], effects);
    }
}

fn take_away(model: &Model, scope: Scope, range: IpNet, which: WhichBlocks) -> Wish {
    let topic_arn = model.session.topic(&scope);
    Wish {
        playbook: Playbook::Unblock,
        subject: Some(subject(&range)),
        words: format!("{} in {scope}", shown(&range)),
        finding: None,
        request: Request::Unblock(Box::new(UnblockRequest { scope, range, which, topic_arn })),
    }
}

/// Plans to take away what has expired, one address after the other.
pub(super) fn sweep(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.pane.is_some() {
        return;
    }
    let due = model.blocks.due(model.now);
    if due.is_empty() {
        return model.say(Role::Notice, "no block of ours has expired: nothing to sweep");
    }
    let wishes = due.into_iter().map(|(scope, range)| take_away(model, scope, range, WhichBlocks::Expired)).collect();
    open_all(model, wishes, effects);
}

/// Asks for how long the selected block is to stand from now.
pub(super) fn ask_extend(model: &mut Model) {
    if model.pane.is_some() || model.view != View::Blocks {
        return;
    }
    if let Some((scope, range, which)) = selected(model) {
        model.hush();
        model.prompt = Some(Prompt::new(Question::Extend { scope, range, which }, "24h"));
    }
}

/// A time was typed; `-` for none. Says what is wrong with it where no plan can be asked for.
pub(super) fn extend(
    model: &mut Model,
    scope: Scope,
    range: IpNet,
    which: WhichBlocks,
    typed: &str,
    effects: &mut Vec<Effect>,
) -> Result<(), String> {
    let stands = match typed {
        "-" => Stands::UntilTakenBack,
        typed => Stands::For(typed.parse::<Ttl>()?),
    };
    let wish = Wish {
        playbook: Playbook::ExtendBlock,
        subject: Some(subject(&range)),
        words: shown(&range),
        finding: None,
        request: Request::Extend(Box::new(ExtendRequest { scope, range, which, stands })),
    };
    open(model, vec![wish], effects);
    Ok(())
}
