//! `lazaret blocks`.

use super::args::{BlocksArgs, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::Session;
use crate::domain::{AclCounter, AclId, Scope};
use crate::engine::blocks::CounterSeen;
use crate::engine::{Block, BlockList, BlockState};
use crate::playbook::block::shown;
use crate::playbook::change::ways;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

pub(super) async fn run(global: &Global, args: &BlocksArgs, out: &Out) -> Result<Exit, Failure> {
    let session = Session::open(global).await?;
    let mut list = session.engine.blocks(&session.scopes).await?;
    if !args.all {
        gone(&list.blocks).iter().for_each(|said| out.note(said));
        list.foreign.clear();
        list.blocks.retain(|b| b.seen != BlockState::Gone);
    }
    list.errors.iter().chain(&list.counters_errors).for_each(|error| out.note(error));
    let exit = if list.errors.is_empty() { Exit::Done } else { Exit::Partial };
    if out.json {
        for b in &list.blocks {
            let counter = counter(&list, &b.scope, &b.deny.acl);
            out.json(&serde_json::json!({"ours": true, "block": b, "counter": counter}));
        }
        for f in &list.foreign {
            let counter = counter(&list, &f.scope, &f.acl);
            out.json(&serde_json::json!({"ours": false, "deny": f, "counter": counter}));
        }
        return Ok(exit);
    }
    let now = session.engine.now();
    let time = |t: DateTime<Utc>| t.format("%Y-%m-%d %H:%M:%SZ").to_string();
    let mut rows: Vec<[String; 8]> = Vec::new();
    for b in &list.blocks {
        let until = match b.until {
            Some(until) if until <= now => format!("{} OVER", time(until)),
            Some(until) => time(until),
            None => "no end".to_owned(),
        };
        rows.push([
            shown(&b.deny.range),
            format!("{} {}", b.deny.acl, b.scope),
            b.deny.number.to_string(),
            ways(&b.deny.directions),
            seen(&b.seen),
            b.by.clone(),
            time(b.since),
            until,
        ]);
    }
    for f in &list.foreign {
        let e = &f.entry;
        let range = e.range().map_or_else(|| e.cidr.clone(), |range| shown(&range));
        let whole = if e.protocol == "-1" { "stands" } else { "stands, in part" };
        rows.push([
            range,
            format!("{} {}", f.acl, f.scope),
            e.number.to_string(),
            e.direction.to_string(),
            whole.to_owned(),
            "not ours".to_owned(),
            String::new(),
            String::new(),
        ]);
    }
    out.table(["ADDRESS", "NACL", "NUMBER", "DENIES", "STATE", "BY", "SINCE", "UNTIL"], &rows);
    // Beside the tables that are shown, their counters.
    let shown: BTreeSet<(&Scope, &AclId)> = list
        .blocks
        .iter()
        .map(|b| (&b.scope, &b.deny.acl))
        .chain(list.foreign.iter().map(|f| (&f.scope, &f.acl)))
        .collect();
    let counters: Vec<[String; 3]> = list
        .counters
        .iter()
        .filter(|c| shown.contains(&(&c.scope, &c.acl)))
        .map(|c| {
            let state = c.drift.as_ref().map_or_else(|| "agrees".to_owned(), |how| format!("DRIFT: {how}"));
            [format!("{} {}", AclCounter::name_for(&c.acl), c.scope), c.says.clone(), state]
        })
        .collect();
    if !counters.is_empty() {
        out.line("");
        out.table(["COUNTER", "SAYS", "STATE"], &counters);
    }
    Ok(exit)
}

/// What is said of blocks that somebody else has removed, where they are not listed: what they denied comes through.
fn gone(blocks: &[Block]) -> Option<String> {
    let gone: BTreeSet<String> =
        blocks.iter().filter(|b| b.seen == BlockState::Gone).map(|b| shown(&b.deny.range)).collect();
    let names: Vec<String> = gone.into_iter().collect();
    (!names.is_empty()).then(|| {
        let names = names.join(" ");
        format!("warning: somebody else has removed blocks of ours of {names}: --all lists them, `lazaret unblock` clears them")
    })
}

/// The counter of an ACL.
fn counter<'a>(list: &'a BlockList, scope: &Scope, acl: &AclId) -> Option<&'a CounterSeen> {
    list.counters.iter().find(|c| c.scope == *scope && c.acl == *acl)
}

fn seen(state: &BlockState) -> String {
    match state {
        BlockState::Stands => "stands".to_owned(),
        BlockState::Dead { behind } => format!("NO EFFECT: behind {behind}"),
        BlockState::Part { seen } => format!("IN PART: {seen}"),
        BlockState::Gone => "gone: not by us".to_owned(),
        BlockState::Unread => "not read".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_somebody_else_has_removed_is_not_kept_quiet() {
        let block = |number: i32, seen: &str| {
            let value = serde_json::json!({
                "acl": "acl-0b11c000000000001", "range": "203.0.113.99/32", "number": number, "directions": ["ingress"],
                "adds": true, "band": [1, 89], "until": null
            });
            let deny = serde_json::from_value(value).unwrap();
            Block {
                scope: Scope::parse("111122223333", "eu-central-1").unwrap(),
                deny,
                run: "01M7ZB7Z7T32QKYXEHPG32AYQW".parse().unwrap(),
                by: "ana".into(),
                since: DateTime::UNIX_EPOCH,
                until: None,
                finding: None,
                seen: if seen == "gone" { BlockState::Gone } else { BlockState::Stands },
            }
        };
        assert_eq!(gone(&[block(6, "stands")]), None);
        let said = gone(&[block(6, "stands"), block(7, "gone")]).unwrap();
        assert!(said.contains("removed blocks of ours of 203.0.113.99"), "{said}");
    }
}
