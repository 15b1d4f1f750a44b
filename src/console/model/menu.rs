//! The menu of what can be done: about one finding, or about all that are marked.

use super::Model;
use super::findings::RowId;
use super::offers::Offer;
use super::pane::verb;
use crate::config::Command;
use crate::domain::Workflow;
use crate::playbook::update_findings::count;

/// The menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Menu {
    /// What it is about.
    pub about: About,
    /// The selected line.
    pub index: usize,
}

/// What a menu is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One finding.
    Finding(RowId),
    /// Every marked finding.
    Marked,
}

/// One line of a menu. Texts are safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The command that does it.
    pub command: Command,
    /// What it does.
    pub title: String,
    /// About what.
    pub about: String,
    /// Why it can't be done, where it can't.
    pub why_not: Option<String>,
}

/// Whether something can be said of a finding with this status.
type SaysSomethingNew = fn(&Workflow) -> bool;

/// What can be said about findings, with the statuses at which it says something new.
const SAID: [(Command, &str, SaysSomethingNew); 5] = [
    (Command::Acknowledge, "Acknowledge", |w| matches!(w, Workflow::New)),
    (Command::Assign, "Assign…", |_| true),
    (Command::Suppress, "Suppress", |w| *w != Workflow::Suppressed),
    (Command::Resolve, "Resolve", |w| *w != Workflow::Resolved),
    (Command::Reopen, "Reopen", |w| !matches!(w, Workflow::New)),
];

impl From<Offer> for Item {
    fn from(offer: Offer) -> Self {
        Self {
            command: offer.act.command(),
            title: verb(offer.act.playbook()).to_owned(),
            about: offer.about(),
            why_not: offer.why_not,
        }
    }
}

impl Model {
    /// The lines of a menu, best first; what can't be done comes last.
    pub fn menu_items(&self, menu: &Menu) -> Vec<Item> {
        let said = |about: &str, applies: &dyn Fn(fn(&Workflow) -> bool) -> bool| -> Vec<Item> {
            let fitting = SAID.into_iter().filter(|(.., when)| applies(*when));
            fitting
                .map(|(command, title, _)| Item {
                    command,
                    title: title.to_owned(),
                    about: about.to_owned(),
                    why_not: None,
                })
                .collect()
        };
        match menu.about {
            About::Marked => said(&count(self.findings.marks().0), &|_| true),
            About::Finding(id) => {
                let Some(row) = self.findings.row(id) else { return vec![] };
                let mut items: Vec<Item> = self.offers(row).into_iter().map(Item::from).collect();
                if row.finding.key().is_some() {
                    items.extend(said("the finding", &|when| when(&row.finding.workflow)));
                }
                items.sort_by_key(|i| i.why_not.is_some());
                items
            }
        }
    }

    /// What the menu is about, for its heading. Raw.
    pub fn menu_title(&self, menu: &Menu) -> String {
        match menu.about {
            About::Marked => format!("{} marked", count(self.findings.marks().0)),
            About::Finding(id) => self.findings.row(id).map(|r| r.finding.finding_type.clone()).unwrap_or_default(),
        }
    }
}
