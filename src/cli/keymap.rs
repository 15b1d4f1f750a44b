//! `lazaret keymap`: the keys, as the console's help shows them.

use super::args::{Global, KeymapArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{looks, settings};
use crate::config::{Context, Key, Keymap};

pub(super) fn run(global: &Global, args: &KeymapArgs, out: &Out) -> Result<Exit, Failure> {
    let keymap = match &args.name {
        Some(name) => Keymap::load(name, None).map_err(|e| {
            Failure::new(Exit::Usage, e.to_string()).hint(format!("the keymaps are {}", Keymap::names().join(", ")))
        })?,
        None => looks(&settings(global)?)?.0,
    };
    let mut rows = Vec::new();
    for context in Context::ALL {
        for (keys, command) in keymap.bindings(context) {
            let keys = Key::show(&keys);
            if out.json {
                out.json(&serde_json::json!({
                    "context": context.name(), "keys": keys, "command": command.name(), "what": command.doc(),
                }));
            }
            rows.push([context.name().to_owned(), keys, command.name().to_owned(), command.doc().to_owned()]);
        }
    }
    if !out.json {
        out.table(["WHERE", "KEYS", "COMMAND", "WHAT IT DOES"], &rows);
    }
    Ok(Exit::Done)
}
