//! From keys to commands: text fields first, then the keymap's tries.

use super::super::effect::Effect;
use super::super::model::prompt::{Prompt, Question};
use super::super::model::{Model, Palette};
use super::{blocks, commands, news, plan, said};
use crate::config::{Command, Context, Key, Lookup, Role};
use crate::playbook::update_findings::FindingAction;

pub(super) fn key(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let contexts = model.contexts();
    if contexts == [Context::Filter] {
        return typed(model, key, effects);
    }
    // The lines of a menu have numbers, as the menu shows them.
    if contexts.first() == Some(&Context::Menu)
        && model.pending.is_empty()
        && let Some(n @ 1..) = key.typed().and_then(|c| c.to_digit(10))
    {
        return commands::pick(model, usize::try_from(n - 1).ok(), effects);
    }
    model.pending.push(key);
    match model.session.keymap.lookup(&contexts, &model.pending) {
        Lookup::Found(command) => {
            model.pending.clear();
            commands::run(model, command, effects);
        }
        Lookup::Prefix(_) => {}
        Lookup::Missing => {
            let keys = std::mem::take(&mut model.pending);
            // What was begun is given up, and Esc also goes back.
            if keys.len() > 1 {
                model.say(Role::Dim, format!("{} does nothing here", Key::show(&keys)));
            }
        }
    }
}

fn typed(model: &mut Model, key: Key, effects: &mut Vec<Effect>) {
    let command = match model.session.keymap.lookup(&[Context::Filter], &[key]) {
        Lookup::Found(command) => command,
        _ => {
            if let (Some(c), Some(field)) = (key.typed(), model.field()) {
                field.insert(c);
                changed(model);
            }
            return;
        }
    };
    match command {
        Command::DeleteChar => {
            // An empty filter has nothing left to delete: the way out.
            if model.filtering && model.palette.is_none() && model.filter().text().is_empty() {
                model.filtering = false;
            }
            edit(model, super::super::model::field::Field::delete_char);
        }
        Command::DeleteWord => edit(model, super::super::model::field::Field::delete_word),
        Command::DeleteAll => edit(model, super::super::model::field::Field::clear),
        Command::Accept => accept(model, effects),
        Command::Cancel => cancel(model),
        Command::NextLine => step(model, 1, effects),
        Command::PreviousLine => step(model, -1, effects),
        _ => {}
    }
}

fn edit(model: &mut Model, edit: impl Fn(&mut super::super::model::field::Field)) {
    if let Some(field) = model.field() {
        edit(field);
        changed(model);
    }
}

/// Pasted text goes into text fields and nowhere else: it never acts, and a line end in it accepts nothing.
pub(super) fn paste(model: &mut Model, text: &str) {
    if let Some(field) = model.field() {
        text.chars().take(200).for_each(|c| field.insert(c));
        changed(model);
    }
}

fn changed(model: &mut Model) {
    if let Some(prompt) = &mut model.prompt {
        prompt.wrong = None;
    }
    if let Some(palette) = &mut model.palette {
        palette.index = 0;
    } else if model.pane.is_none() && model.prompt.is_none() {
        // The best match is what is meant, not whatever was selected before.
        model.to_top();
        news::reorder(model);
    }
}

fn accept(model: &mut Model, effects: &mut Vec<Effect>) {
    if let Some(palette) = model.palette.take() {
        match choices(model, &palette).get(palette.index) {
            Some(command) => commands::run(model, *command, effects),
            None => model.say(Role::Warning, format!("there is no command like `{}` here", palette.field.text())),
        }
    } else if model.pane.is_some() {
        plan::accept_typing(model, effects);
    } else if let Some(prompt) = model.prompt.take() {
        prompted(model, prompt, effects);
    } else {
        model.filtering = false;
    }
}

/// What was asked for has been typed.
fn prompted(model: &mut Model, prompt: Prompt, effects: &mut Vec<Effect>) {
    let typed = prompt.field.text().trim().to_owned();
    let taken = match prompt.question.clone() {
        Question::AssignTo(_) if typed.is_empty() => Err("nobody was named: nothing happens".to_owned()),
        Question::AssignTo(rows) => {
            said::say_of(model, &rows, &FindingAction::Assign(typed), effects);
            Ok(())
        }
        Question::Block(key) => blocks::block(model, &key, &typed, effects),
        Question::Extend { scope, range, which } => blocks::extend(model, scope, range, which, &typed, effects),
    };
    if let Err(why) = taken {
        // What was typed stays, to be put right.
        model.prompt = Some(Prompt { wrong: Some(why), ..prompt });
    }
}

fn cancel(model: &mut Model) {
    if model.palette.take().is_some() {
        return;
    }
    if let Some(pane) = &mut model.pane {
        pane.typing = None;
        return;
    }
    if model.prompt.take().is_some() {
        return;
    }
    model.filtering = false;
    model.filter_mut().clear();
    news::reorder(model);
}

fn step(model: &mut Model, by: isize, effects: &mut Vec<Effect>) {
    if let Some(palette) = &model.palette {
        let count = choices(model, palette).len();
        if let Some(palette) = &mut model.palette {
            palette.index = palette.index.saturating_add_signed(by).min(count.saturating_sub(1));
        }
    } else if model.pane.is_none() && model.prompt.is_none() {
        commands::run(model, if by > 0 { Command::Down } else { Command::Up }, effects);
    }
}

/// The commands that the command line offers: those that work where it was opened, and match.
pub(crate) fn choices(model: &Model, palette: &Palette) -> Vec<Command> {
    let contexts = underlying(model);
    let mut fuzzy = super::super::model::fuzzy::Fuzzy::new(palette.field.text());
    let mut list: Vec<Command> = Command::ALL
        .iter()
        .copied()
        .filter(|c| *c != Command::Palette && contexts.iter().any(|context| c.works_in(*context)))
        // A commit is a key of its own under the plan that it is meant for.
        .filter(|c| *c != Command::Commit)
        .filter(|c| fuzzy.as_mut().is_none_or(|f| f.matches(&[c.name()])))
        .collect();
    // What is done here goes before what is done everywhere.
    list.sort_by_key(|c| !c.is_special());
    list
}

fn underlying(model: &Model) -> Vec<Context> {
    if model.pane.is_some() {
        return vec![Context::Plan, Context::Global];
    }
    if model.menu.is_some() {
        return vec![Context::Menu, Context::Global];
    }
    vec![model.view.context(), Context::Global]
}
