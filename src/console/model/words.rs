//! The engine's sentences as the console says them: they name commands to type, and ids of groups. Where a key does the
//! same as the command, the key is said; where a group's name is known, it stands beside the id.

use super::contained::Status;
use super::ways::ways;
use super::{Model, View};
use crate::config::{Command, Context};
use crate::domain::{GroupId, Principal, RunId, Scope, Subject, text};
use crate::engine::prepare::RestoreWhat;
use crate::policy::address;

/// The program's name, as sentences begin a command with.
const NAME: &str = "lazaret ";

/// The options of commands that keys know of.
const KEYED_OPTIONS: [&str; 4] = ["--run", "--extend", "--reactivate", "--confirm"];

/// How much of a group's name is shown beside its id, in cells.
const GROUP_NAME: usize = 40;

/// A command that a sentence names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Typed<'a> {
    /// The first word, such as `restore`.
    verb: &'a str,
    /// What it is about, where that is named.
    target: Option<&'a str>,
    /// Its options, each with the word after it.
    options: Vec<(&'a str, &'a str)>,
}

impl<'a> Typed<'a> {
    fn option(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find(|(option, _)| *option == name).map(|(_, value)| *value)
    }
}

/// Where a key has to be pressed.
enum Place {
    /// Here.
    Here,
    /// In a view.
    In(View),
}

impl Model {
    /// A sentence with a key in place of every command that a key does. Where none does, the command stays.
    pub fn keyed(&self, sentence: &str) -> String {
        let mut out = String::with_capacity(sentence.len());
        let mut rest = sentence;
        while let Some(at) = rest.find(NAME) {
            let before = rest.get(..at).unwrap_or_default();
            let after = rest.get(at..).unwrap_or_default();
            let quoted = before.ends_with('`');
            let (typed, len) = if quoted { in_quotes(after) } else { in_words(after) };
            let key = (before.is_empty() || before.ends_with(['`', ' ', '('])).then(|| self.key_of(&typed)).flatten();
            match key {
                Some(key) if quoted => {
                    out.push_str(before.strip_suffix('`').unwrap_or(before));
                    out.push_str(&key);
                    // The quote at the end goes with the one before.
                    rest = after.get(len + 1..).unwrap_or_default();
                }
                Some(key) => {
                    out.push_str(before);
                    out.push_str(&key);
                    rest = after.get(len..).unwrap_or_default();
                }
                None => {
                    out.push_str(before);
                    out.push_str(after.get(..len).unwrap_or(after));
                    rest = after.get(len..).unwrap_or_default();
                }
            }
        }
        out.push_str(rest);
        self.optional(out)
    }

    /// A sentence about what is in one account and Region: with keys for commands, and names beside groups.
    pub fn spelled(&self, scope: &Scope, sentence: &str) -> String {
        self.named(scope, &self.keyed(sentence))
    }

    /// An option that a plan's warning names, where a key asks for the same.
    fn optional(&self, sentence: String) -> String {
        const ONLY: &str = "--only-instance i-…";
        let way = self.pane.as_ref().filter(|_| sentence.contains(ONLY)).and_then(|pane| {
            let way = ways(pane, &self.session).into_iter().find(|w| w.command == Command::Variant)?;
            self.key_at(way.command, &Place::Here)
        });
        match way {
            Some(key) => sentence.replace(ONLY, &key),
            None => sentence,
        }
    }

    /// The key that does what a command would, and where.
    fn key_of(&self, typed: &Typed<'_>) -> Option<String> {
        let (command, place) = self.command_of(typed)?;
        let key = self.key_at(command, &place)?;
        // The command's word says what the key does, as the line of keys does.
        let key = format!("{key} {}", command.label());
        Some(match place {
            Place::In(view) if self.pane.is_some() || self.view != view => format!("{key} in {}", view.title()),
            _ => key,
        })
    }

    fn key_at(&self, command: Command, place: &Place) -> Option<String> {
        let contexts = match place {
            Place::Here if self.pane.is_some() => vec![Context::Plan, Context::Global],
            Place::Here => self.view_contexts(),
            Place::In(view) => vec![view.context(), Context::Global],
        };
        self.session.keymap.keys_for(&contexts, command).into_iter().next()
    }

    /// What the console has for a command; none where it has nothing for it, or not for this target.
    fn command_of(&self, typed: &Typed<'_>) -> Option<(Command, Place)> {
        use Place::{Here, In};
        // What else a command asks for, such as another account, no key asks for.
        if typed.options.iter().any(|(option, _)| !KEYED_OPTIONS.contains(option)) {
            return None;
        }
        match (typed.verb, typed.target) {
            ("quarantine", None) => Some((Command::Quarantine, In(View::Findings))),
            ("quarantine", Some(id)) => {
                if self.quarantine.named(id).is_some_and(|entry| entry.status != Status::Gone) {
                    return Some((Command::Quarantine, In(View::Quarantine)));
                }
                let named =
                    |s: &Subject| matches!(s, Subject::Instance(i) if i.id.as_ref().is_some_and(|i| i.as_str() == id));
                self.finding_names(named).then_some((Command::Quarantine, In(View::Findings)))
            }
            ("restore", _) if typed.option("--reactivate").is_some() => {
                let asked = self.pane.as_ref().is_some_and(|p| p.restore().is_some() && !p.drifts().is_empty());
                asked.then_some((Command::ToggleForce, Here))
            }
            ("restore", target) => self.restore_of(target, typed.option("--run")),
            ("block", Some(_)) if typed.option("--extend").is_some() => Some((Command::Extend, In(View::Blocks))),
            ("block", target) => {
                let range = target.and_then(|t| address::parse(t).ok());
                let named = |s: &Subject| matches!((s, range), (Subject::RemoteAddress(r), Some(range)) if range == ipnet::IpNet::from(r.ip));
                let view = if self.finding_names(named) { View::Findings } else { View::Blocks };
                Some((Command::Block, In(view)))
            }
            ("unblock", Some(target)) => {
                let range = address::parse(target).ok()?;
                let subject = crate::playbook::block::subject(&range);
                // The pane of its own block takes it back right here.
                let here = self.pane.as_ref().filter(|p| p.subject() == Some(&subject));
                if here.is_some_and(|p| p.taken_back_by().is_some()) && self.key_at(Command::Restore, &Here).is_some() {
                    return Some((Command::Restore, Here));
                }
                (here.is_some() || self.blocks.holds(&range)).then_some((Command::Unblock, In(View::Blocks)))
            }
            ("sweep", None) => Some((Command::Sweep, In(View::Blocks))),
            ("recover", None) => Some((Command::Recover, In(View::Activity))),
            ("recover", Some(run)) => {
                let open = self.activity.run(run.parse().ok()?).is_some_and(|r| r.is_open());
                open.then_some((Command::Recover, In(View::Activity)))
            }
            ("delete-role", Some(role)) => {
                let role = Principal::Role(role.to_owned());
                self.credentials.lists(&role).then_some((Command::DeleteRole, In(View::Credentials)))
            }
            ("revoke", None) => Some((Command::Revoke, In(View::Findings))),
            ("revoke", Some(id)) => {
                let named = |s: &Subject| match s {
                    Subject::AccessKey(key) => key.id == id,
                    Subject::User { name } | Subject::Role { name } => name == id,
                    _ => false,
                };
                // The finding that this is about leads to the same plan again, and not to this one.
                self.other_finding_names(named).then_some((Command::Revoke, In(View::Findings)))
            }
            ("exfiltration", None) => Some((Command::Exfiltration, In(View::Findings))),
            ("runs", None) => Some((Command::ViewActivity, Here)),
            _ => None,
        }
    }

    /// The way back of an instance, or of a run: from the pane that is open, else from the view that lists it.
    fn restore_of(&self, instance: Option<&str>, run: Option<&str>) -> Option<(Command, Place)> {
        let back = self.pane.as_ref().and_then(super::pane::Pane::taken_back_by);
        let shown = self.pane.as_ref().and_then(super::pane::Pane::run_id);
        match (instance, run.map(str::parse::<RunId>)) {
            (_, Some(Ok(run))) => {
                let here = match back {
                    Some(RestoreWhat::Run(id)) => id == run,
                    Some(_) => shown == Some(run),
                    None => false,
                };
                if here {
                    return Some((Command::Restore, Place::Here));
                }
                let stands = self.activity.run(run).is_some_and(|r| self.activity.can_be_taken_back(r));
                stands.then_some((Command::Restore, Place::In(View::Activity)))
            }
            (Some(id), None) => {
                if matches!(&back, Some(RestoreWhat::Instance(i)) if i.as_str() == id) {
                    return Some((Command::Restore, Place::Here));
                }
                let held = self.quarantine.named(id).is_some_and(|entry| entry.status != Status::Restored);
                held.then_some((Command::Restore, Place::In(View::Quarantine)))
            }
            _ => None,
        }
    }

    /// Whether an open finding names such a subject.
    fn finding_names(&self, named: impl Fn(&Subject) -> bool) -> bool {
        let mut rows = self.findings.rows().filter(|row| row.finding.is_open() && !row.finding.sample);
        rows.any(|row| row.finding.subjects.iter().any(&named))
    }

    /// Whether one does that is not the finding that is answered here.
    fn other_finding_names(&self, named: impl Fn(&Subject) -> bool) -> bool {
        let run = self.activity.selected().filter(|_| self.view == View::Activity);
        let cut = self.credentials.selected().filter(|_| self.view == View::Credentials);
        let answered = match &self.pane {
            Some(pane) => pane.finding(),
            None => run.and_then(|r| r.plan.finding.as_ref()).or_else(|| cut.and_then(|c| c.finding.as_ref())),
        };
        let other = |row: &&super::findings::Row| answered.is_none_or(|f| f.id != row.finding.id);
        let mut rows = self.findings.rows().filter(other).filter(|row| row.finding.is_open() && !row.finding.sample);
        rows.any(|row| row.finding.subjects.iter().any(&named))
    }

    /// What a group is called beside its id, where it was read. Safe.
    pub fn group(&self, scope: &Scope, id: &GroupId) -> String {
        match self.group_names.get(&(scope.clone(), id.clone())) {
            Some(name) => format!("{}  {}", text::fit(id.as_str(), 40), text::fit(name, GROUP_NAME)),
            None => text::fit(id.as_str(), 40),
        }
    }

    /// A sentence with the name of every group that was read beside its id. A name has no `'` of its own: EC2 allows none.
    pub fn named(&self, scope: &Scope, sentence: &str) -> String {
        if !sentence.contains("sg-") || self.group_names.is_empty() {
            return sentence.to_owned();
        }
        let mut out = String::with_capacity(sentence.len());
        for word in sentence.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
            let id = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
            out.push_str(id);
            if id.starts_with("sg-")
                && let Some(name) = self.group_names.get(&(scope.clone(), GroupId::new(id)))
            {
                out.push_str(&format!(" '{}'", text::fit(name, GROUP_NAME)));
            }
            out.push_str(word.get(id.len()..).unwrap_or_default());
        }
        out
    }
}

/// The command up to the quote that ends it, and its length.
fn in_quotes(after: &str) -> (Typed<'_>, usize) {
    let len = after.find('`').unwrap_or(after.len());
    let (typed, _) = in_words(after.get(..len).unwrap_or(after));
    (typed, len)
}

/// The command that a text begins with, as far as its words belong to it, and its length.
fn in_words(after: &str) -> (Typed<'_>, usize) {
    let mut words = Words { text: after, at: NAME.len() };
    let Some(verb) = words.next_if(|_| true) else { return (Typed::default(), NAME.len()) };
    let mut typed = Typed { verb, ..Typed::default() };
    if verb == "revoke" {
        words.next_if(|w| ["key", "user", "role"].contains(&w));
    }
    typed.target = words.next_if(|w| !w.starts_with('-') && is_target(verb, w));
    while let Some(option) = words.next_if(|w| w.starts_with("--")) {
        let Some(value) = words.next_if(|w| !w.starts_with("--")) else { break };
        typed.options.push((option, value));
    }
    (typed, words.at)
}

/// Whether a word can be what a verb is about, and does not just come after it in the sentence.
fn is_target(verb: &str, word: &str) -> bool {
    match verb {
        "quarantine" | "restore" | "forensics" => word.starts_with("i-"),
        "block" | "unblock" => address::parse(word).is_ok(),
        "recover" => word.parse::<RunId>().is_ok(),
        "delete-role" | "revoke" => true,
        "evidence" => word == "verify",
        // A finding's id, and no word of the sentence.
        "exfiltration" => word.len() >= 20 || word.contains([':', '/', '\'']),
        _ => false,
    }
}

/// Words of a text, one after the other.
struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word without the punctuation after it, where it is wanted.
    fn next_if(&mut self, wanted: impl Fn(&str) -> bool) -> Option<&'a str> {
        let text = self.text;
        let rest = text.get(self.at..)?;
        let start = self.at + (rest.len() - rest.trim_start_matches(' ').len());
        let rest = text.get(start..)?;
        let len = rest.find([' ', '`']).unwrap_or(rest.len());
        let word = rest.get(..len)?.trim_end_matches(['.', ',', ';', ':', ')', '?']);
        if word.is_empty() || !wanted(word) {
            return None;
        }
        self.at = start + word.len();
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_ends_where_the_sentence_goes_on() {
        let read = |text: &'static str| {
            let (typed, len) = in_words(text);
            (typed.verb, typed.target, typed.options, text.get(len..).unwrap_or("?"))
        };
        assert_eq!(read("lazaret quarantine i-1 again"), ("quarantine", Some("i-1"), vec![], " again"));
        assert_eq!(read("lazaret quarantine, or"), ("quarantine", None, vec![], ", or"));
        assert_eq!(read("lazaret exfiltration does"), ("exfiltration", None, vec![], " does"));
        assert_eq!(read("lazaret unblock 2001:db8::1."), ("unblock", Some("2001:db8::1"), vec![], "."));
        assert_eq!(
            read("lazaret delete-role ec2 --confirm ec2"),
            ("delete-role", Some("ec2"), vec![("--confirm", "ec2")], "")
        );
        assert_eq!(read("lazaret restore --run X takes"), ("restore", None, vec![("--run", "X")], " takes"));
        assert_eq!(
            read("lazaret exfiltration arn:aws:x/1 --role a --region b: there"),
            ("exfiltration", Some("arn:aws:x/1"), vec![("--role", "a"), ("--region", "b")], ": there")
        );
        assert_eq!(read("lazaret "), ("", None, vec![], ""));
        assert_eq!(in_quotes("lazaret revoke user` cuts").1, "lazaret revoke user".len());
    }
}
