//! Keymaps: per context a trie from keys to typed commands.
//!
//! A destructive key has to be where the operator thinks it is. So nothing falls back silently: an unknown command or
//! context, a key bound twice, a key that is also the beginning of another, and a commit on a key that elsewhere goes
//! back or opens the plan are all errors, and a broken keymap stops the start.

use super::command::{Command, Context};
use super::document::{self, ConfigError};
use super::key::{Code, Key};
use std::collections::BTreeMap;
use std::path::Path;
use toml::de::DeValue;

/// The keymaps that are built in, by name.
pub const BUILT_IN: [(&str, &str); 3] = [
    ("default", include_str!("../../keymaps/default.toml")),
    ("vim", include_str!("../../keymaps/vim.toml")),
    ("emacs", include_str!("../../keymaps/emacs.toml")),
];

/// The command name that takes a key away.
const NONE: &str = "none";

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Leaf(Command),
    Branch(BTreeMap<Key, Node>),
}

/// What a sequence of keys means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// This command.
    Found(Command),
    /// More keys are needed: each that may follow, and what it leads to (`None` for more keys still).
    Prefix(Vec<(Key, Option<Command>)>),
    /// Nothing.
    Missing,
}

/// Keys by context. Where several contexts apply, the first that knows the keys decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    name: String,
    tables: BTreeMap<Context, BTreeMap<Key, Node>>,
}

/// One line of a keymap file.
struct Line {
    context: Context,
    keys: Vec<Key>,
    command: Option<Command>,
    line: usize,
}

impl Keymap {
    /// The names of the built-in keymaps.
    pub fn names() -> [&'static str; 3] {
        BUILT_IN.map(|(name, _)| name)
    }

    /// The default keymap.
    ///
    /// # Errors
    /// Never, as a test proves.
    pub fn built_in(name: &str) -> Result<Self, ConfigError> {
        Self::load(name, None)
    }

    /// A built-in keymap with the user's file over it, where there is one.
    ///
    /// # Errors
    /// With file, line and reason of the first thing that is wrong.
    pub fn load(name: &str, user: Option<&Path>) -> Result<Self, ConfigError> {
        let text = match user {
            Some(path) => Some((path.display().to_string(), document::read(path)?)),
            None => None,
        };
        Self::build(name, text.as_ref().map(|(file, text)| (file.as_str(), text.as_str())))
    }

    /// A built-in keymap with a file's text over it.
    ///
    /// # Errors
    /// With file, line and reason of the first thing that is wrong.
    pub fn build(name: &str, user: Option<(&str, &str)>) -> Result<Self, ConfigError> {
        let Some((name, base)) = BUILT_IN.into_iter().find(|(n, _)| *n == name) else {
            let known = Self::names();
            return Err(ConfigError::new(name, None, format!("no such keymap ({})", known.join(", ")))
                .hint(document::did_you_mean(name, known)));
        };
        let file = format!("keymaps/{name}.toml");
        let mut bound: BTreeMap<(Context, Vec<Key>), (Command, String, usize)> = BTreeMap::new();
        for (file, text) in [(file.as_str(), base)].into_iter().chain(user) {
            let mut here: BTreeMap<(Context, Vec<Key>), usize> = BTreeMap::new();
            for line in read_lines(file, text)? {
                let place = (line.context, line.keys);
                if let Some(first) = here.insert(place.clone(), line.line) {
                    return Err(ConfigError::new(
                        file,
                        Some(line.line),
                        format!("{} is bound twice in [{}] (first in line {first})", Key::show(&place.1), place.0),
                    ));
                }
                match line.command {
                    Some(command) => bound.insert(place, (command, file.to_owned(), line.line)),
                    None => bound.remove(&place),
                };
            }
        }
        check(&bound, user.map_or(file.as_str(), |(file, _)| file))?;
        let mut tables: BTreeMap<Context, BTreeMap<Key, Node>> = BTreeMap::new();
        for ((context, keys), (command, ..)) in &bound {
            insert(tables.entry(*context).or_default(), keys, *command);
        }
        Ok(Self { name: name.to_owned(), tables })
    }

    /// The name of the built-in keymap it rests on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What these keys mean where the contexts apply, the first before the second.
    pub fn lookup(&self, contexts: &[Context], keys: &[Key]) -> Lookup {
        for context in contexts {
            let Some(mut table) = self.tables.get(context) else { continue };
            for (n, key) in keys.iter().enumerate() {
                match table.get(key) {
                    None => break,
                    Some(Node::Leaf(command)) if n + 1 == keys.len() => return Lookup::Found(*command),
                    Some(Node::Leaf(_)) => break,
                    Some(Node::Branch(next)) if n + 1 == keys.len() => {
                        let follow = next.iter().map(|(key, node)| match node {
                            Node::Leaf(command) => (*key, Some(*command)),
                            Node::Branch(_) => (*key, None),
                        });
                        return Lookup::Prefix(follow.collect());
                    }
                    Some(Node::Branch(next)) => table = next,
                }
            }
        }
        Lookup::Missing
    }

    /// The keys that lead to a command where the contexts apply, the handiest first: those of nearer contexts, then
    /// shorter ones. Keys that a nearer context gives to something else are left out.
    pub fn keys_for(&self, contexts: &[Context], command: Command) -> Vec<String> {
        let mut found: Vec<(usize, usize, usize, String)> = Vec::new();
        for (rank, context) in contexts.iter().enumerate() {
            for (keys, bound) in self.bindings(*context) {
                if bound == command && self.lookup(contexts, &keys) == Lookup::Found(command) {
                    let shown = Key::show(&keys);
                    // Of keys that do the same, the ones that everybody tries first are shown, then letters.
                    let rarity = keys.first().map_or(2, |k| match k.code {
                        _ if k.ctrl || k.alt || k.shift => 2,
                        Code::Enter | Code::Esc => 0,
                        Code::Char(_) | Code::Up | Code::Down | Code::Tab => 1,
                        _ => 2,
                    });
                    found.push((rank, keys.len() * 3 + rarity, shown.chars().count(), shown));
                }
            }
        }
        found.sort();
        found.dedup();
        found.into_iter().map(|(.., shown)| shown).collect()
    }

    /// Every binding of one context, in the order of its keys.
    pub fn bindings(&self, context: Context) -> Vec<(Vec<Key>, Command)> {
        let mut list = Vec::new();
        if let Some(table) = self.tables.get(&context) {
            walk(table, &mut Vec::new(), &mut list);
        }
        list
    }
}

fn walk(table: &BTreeMap<Key, Node>, path: &mut Vec<Key>, into: &mut Vec<(Vec<Key>, Command)>) {
    for (key, node) in table {
        path.push(*key);
        match node {
            Node::Leaf(command) => into.push((path.clone(), *command)),
            Node::Branch(next) => walk(next, path, into),
        }
        path.pop();
    }
}

fn insert(table: &mut BTreeMap<Key, Node>, keys: &[Key], command: Command) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        table.insert(*first, Node::Leaf(command));
    } else if let Node::Branch(next) = table.entry(*first).or_insert_with(|| Node::Branch(BTreeMap::new())) {
        insert(next, rest, command);
    }
}

fn read_lines(file: &str, text: &str) -> Result<Vec<Line>, ConfigError> {
    let mut lines = Vec::new();
    for (name, table) in document::tree(file, text)? {
        let at = document::line_at(text, name.span().start);
        let context: Context = name.get_ref().parse().map_err(|e: String| {
            ConfigError::new(file, Some(at), e).hint(
                document::did_you_mean(name.get_ref(), Context::ALL.map(Context::name))
                    .or_else(|| Some(format!("known: {}", Context::ALL.map(Context::name).join(", ")))),
            )
        })?;
        let DeValue::Table(table) = table.into_inner() else {
            return Err(ConfigError::new(file, Some(at), format!("`{context}` has to be a table: [{context}]")));
        };
        for (key, value) in table {
            let line = document::line_at(text, key.span().start);
            let fail = |message: String| ConfigError::new(file, Some(line), message);
            let keys = Key::sequence(key.get_ref()).map_err(&fail)?;
            let DeValue::String(word) = value.get_ref() else {
                return Err(fail(format!("{} has to be bound to a command's name", Key::show(&keys))));
            };
            let command = if word == NONE {
                None
            } else {
                let command: Command = word.parse().map_err(|near: Option<&str>| {
                    fail(format!("`{word}` is no command")).hint(near.map(|n| format!("did you mean `{n}`?")))
                })?;
                if !command.works_in(context) {
                    return Err(fail(format!("`{command}` does nothing in [{context}]"))
                        .hint(Some(format!("it works in {}", command.where_in_words()))));
                }
                Some(command)
            };
            lines.push(Line { context, keys, command, line });
        }
    }
    lines.sort_by_key(|l| l.line);
    Ok(lines)
}

type Bound = BTreeMap<(Context, Vec<Key>), (Command, String, usize)>;

/// Whether keys of these two contexts are looked up together.
fn apply_together(a: Context, b: Context) -> bool {
    use Context as C;
    let alone = |c| matches!(c, C::Filter | C::Confirm);
    let pane = |c| matches!(c, C::Plan | C::Menu | C::Help);
    let view = |c| matches!(c, C::Findings | C::Quarantine | C::Blocks | C::Credentials | C::Activity);
    match (a, b) {
        (a, b) if a == b => true,
        (a, b) if alone(a) || alone(b) => false,
        (C::Global, _) | (_, C::Global) => true,
        (a, b) if pane(a) || pane(b) => false,
        (C::Detail, _) | (_, C::Detail) => true,
        (a, b) => !(view(a) && view(b)),
    }
}

fn check(bound: &Bound, file: &str) -> Result<(), ConfigError> {
    for ((context, keys), (command, file, line)) in bound {
        let longer = bound.iter().find(|((other, more), _)| {
            apply_together(*context, *other) && more.len() > keys.len() && more.starts_with(keys)
        });
        if let Some(((other, more), (_, other_file, other_line))) = longer {
            let (at_file, at_line) =
                if other_file.starts_with("keymaps/") { (file, *line) } else { (other_file, *other_line) };
            return Err(ConfigError::new(
                at_file,
                Some(at_line),
                format!(
                    "{} in [{context}] is `{command}` and also the beginning of {} in [{other}]",
                    Key::show(keys),
                    Key::show(more)
                ),
            )
            .hint(Some(format!("take one away first: \"{}\" = \"none\"", Key::show(keys)))));
        }
    }
    commit_is_apart(bound)?;
    let esc = vec![Key::plain(Code::Esc)];
    let at = |context: Context, keys: &Vec<Key>| bound.get(&(context, keys.clone())).map(|(c, ..)| *c);
    for (context, away) in [
        (Context::Plan, Command::Back),
        (Context::Menu, Command::Back),
        (Context::Help, Command::Back),
        (Context::Confirm, Command::Back),
        (Context::Filter, Command::Cancel),
    ] {
        let found = at(context, &esc).or_else(|| match context {
            Context::Plan | Context::Menu | Context::Help => at(Context::Global, &esc),
            _ => None,
        });
        if found != Some(away) {
            return Err(ConfigError::new(file, None, format!("Esc in [{context}] has to be `{away}`")));
        }
    }
    let needed = [
        (Command::Quit, Context::Global),
        (Command::Help, Context::Global),
        (Command::Commit, Context::Plan),
        (Command::Accept, Context::Filter),
        (Command::Confirm, Context::Confirm),
    ];
    for (command, context) in needed {
        if !bound.iter().any(|((c, _), (bound, ..))| *c == context && *bound == command) {
            return Err(ConfigError::new(file, None, format!("no key is left for `{command}` in [{context}]")));
        }
    }
    Ok(())
}

/// Commit must not be on a key that elsewhere goes back, leaves, or opens the plan: a key pressed twice, or a moment
/// too late, must not commit.
fn commit_is_apart(bound: &Bound) -> Result<(), ConfigError> {
    use Command as K;
    let elsewhere: Vec<K> =
        [K::Back, K::Quit, K::Cancel, K::Open, K::Accept, K::Confirm].into_iter().chain(Command::PLANS).collect();
    for ((_, keys), (_, file, line)) in bound.iter().filter(|(_, (c, ..))| *c == K::Commit) {
        let clash = bound.iter().find(|((_, other), (c, ..))| elsewhere.contains(c) && other == keys);
        if let Some(((context, _), (command, ..))) = clash {
            return Err(ConfigError::new(
                file,
                Some(*line),
                format!("{} can't commit: in [{context}] it is `{command}`", Key::show(keys)),
            )
            .hint(Some("a key pressed twice, or a moment too late, must not commit".into())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Vec<Key> {
        Key::sequence(text).unwrap()
    }

    #[test]
    fn every_built_in_keymap_loads_and_reaches_every_command() {
        for name in Keymap::names() {
            let keymap = Keymap::built_in(name).unwrap_or_else(|e| panic!("{e}"));
            for command in Command::ALL {
                let bound = Context::ALL.into_iter().any(|c| keymap.bindings(c).iter().any(|(_, b)| b == command));
                assert!(bound, "{name}: no key for {command}");
                assert!(!command.doc().is_empty() && command.doc().ends_with('.'));
            }
        }
    }

    #[test]
    fn nearer_contexts_go_first_and_sequences_are_tries() {
        let vim = Keymap::built_in("vim").unwrap();
        let chain = [Context::Plan, Context::Global];
        assert_eq!(vim.lookup(&chain, &keys("q")), Lookup::Found(Command::Back));
        assert_eq!(vim.lookup(&[Context::Findings, Context::Global], &keys("q")), Lookup::Found(Command::Quit));
        assert_eq!(vim.lookup(&chain, &keys("g")), Lookup::Prefix(vec![("g".parse().unwrap(), Some(Command::Top))]));
        assert_eq!(vim.lookup(&chain, &keys("g g")), Lookup::Found(Command::Top));
        assert_eq!(vim.lookup(&chain, &keys("g x")), Lookup::Missing);
        assert_eq!(vim.lookup(&[Context::Filter], &keys("q")), Lookup::Missing);
        assert_eq!(vim.keys_for(&chain, Command::Quit), ["Ctrl-c", "Z Z"]);
        assert_eq!(vim.keys_for(&chain, Command::Commit), ["C"]);
    }

    #[test]
    fn a_users_file_goes_over_and_takes_away() {
        let user = "[findings]\n\"Q\" = \"none\"\n\"X\" = \"quarantine\"\n[global]\n\"z z\" = \"quit\"\n";
        let keymap = Keymap::build("default", Some(("keymap.toml", user))).unwrap();
        let chain = [Context::Findings, Context::Global];
        assert_eq!(keymap.lookup(&chain, &keys("Q")), Lookup::Missing);
        assert_eq!(keymap.lookup(&chain, &keys("X")), Lookup::Found(Command::Quarantine));
        assert_eq!(keymap.lookup(&chain, &keys("z z")), Lookup::Found(Command::Quit));
    }

    #[test]
    fn a_broken_keymap_says_where_and_why() {
        for (user, said) in [
            (
                "[findings]\n\"Q\" = \"quarentine\"",
                "keymap.toml:2: `quarentine` is no command (did you mean `quarantine`?)",
            ),
            ("[finding]\n\"Q\" = \"quarantine\"", "keymap.toml:1: `finding` is no context (did you mean `findings`?)"),
            (
                "[global]\n\"ctrl-a\" = \"quit\"\n\"C-a\" = \"help\"",
                "keymap.toml:3: Ctrl-a is bound twice in [global] (first in line 2)",
            ),
            (
                "[findings]\n\"g x\" = \"sort\"",
                "keymap.toml:2: g in [global] is `top` and also the beginning of g x in [findings] (take one away first: \"g\" = \"none\")",
            ),
            (
                "[plan]\n\"Q\" = \"commit\"",
                "keymap.toml:2: Q can't commit: in [findings] it is `quarantine` (a key pressed twice, or a moment too late, must not commit)",
            ),
            ("[findings]\n\"x\" = \"commit\"", "keymap.toml:2: `commit` does nothing in [findings] (it works in plan)"),
            ("[plan]\n\"C\" = \"none\"", "keymap.toml: no key is left for `commit` in [plan]"),
            ("[plan]\n\"esc\" = \"top\"", "keymap.toml: Esc in [plan] has to be `back`"),
            ("[global]\n\"hyper-q\" = \"quit\"", "keymap.toml:2: `hyper-q` names no key"),
            ("[global]\n\"x\" = 3", "keymap.toml:2: x has to be bound to a command's name"),
            ("global = 1", "keymap.toml:1: `global` has to be a table: [global]"),
        ] {
            let error = Keymap::build("default", Some(("keymap.toml", user))).unwrap_err();
            assert_eq!(error.to_string(), said);
        }
        let error = Keymap::built_in("vi").unwrap_err().to_string();
        assert_eq!(error, "vi: no such keymap (default, vim, emacs) (did you mean `vim`?)");
    }
}
