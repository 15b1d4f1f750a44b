//! What is said above the keys: what is typed, what has to be heard, what goes on being wrong. In rows, so that the room
//! for it is known before anything is drawn: nothing that a person has to know is cut where there is room to say it.

use super::{Model, Page, View};
use crate::config::{Command, Context, Key, Lookup, Role};
use crate::console::layout::{self, MOST_SAID};
use crate::console::msg::Ticket;
use crate::console::view::doc::wrap;
use crate::domain::text;
use chrono::{DateTime, Duration, Utc};
use unicode_segmentation::UnicodeSegmentation;

/// How many notices are kept to be read again.
const KEPT: usize = 100;

/// A sentence at the bottom, for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The sentence, safe to show.
    pub text: String,
    /// How it looks.
    pub role: Role,
    /// Since when.
    pub at: DateTime<Utc>,
    /// What it is about: it stands there and nowhere else.
    pub about: About,
}

impl Notice {
    /// How long it stands: long enough to be read at three in the morning.
    pub fn stands_for(&self) -> Duration {
        const LEAST: i64 = 8;
        const MOST: i64 = 30;
        let more = i64::try_from(self.text.chars().count().saturating_sub(80) / 10).unwrap_or(MOST);
        Duration::seconds((LEAST + more).min(MOST))
    }
}

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What happens whether or not somebody looks.
    Everywhere,
    /// The views.
    Views,
    /// One pane.
    Pane(Ticket),
}

/// A piece of a row: how it looks, and what it says. Safe.
pub type Piece = (Role, String);

impl Model {
    /// Says something at the bottom about what is open: it goes with it.
    pub fn say(&mut self, role: Role, text: impl Into<String>) {
        let about = self.pane.as_ref().map_or(About::Views, |pane| About::Pane(pane.ticket));
        self.put(Notice { text: text.into(), role, at: self.now, about });
    }

    /// Says something at the bottom that has to be heard whatever is open.
    pub fn tell(&mut self, role: Role, text: impl Into<String>) {
        self.put(Notice { text: text.into(), role, at: self.now, about: About::Everywhere });
    }

    fn put(&mut self, notice: Notice) {
        // What is dim only answers a key: nobody looks for it later.
        if notice.role != Role::Dim {
            self.told.push_back(notice.clone());
            if self.told.len() > KEPT {
                self.told.pop_front();
            }
        }
        self.notice = Some(notice);
    }

    /// Takes away what was said about what is looked at no more. What has to be heard everywhere stays.
    pub fn hush(&mut self) {
        if self.notice.as_ref().is_some_and(|n| n.about != About::Everywhere) {
            self.notice = None;
        }
    }

    /// The sentence at the bottom, where it is about what is open.
    pub fn notice(&self) -> Option<&Notice> {
        let open = self.pane.as_ref().map_or(About::Views, |pane| About::Pane(pane.ticket));
        self.notice.as_ref().filter(|n| n.about == open || n.about == About::Everywhere)
    }

    /// What a person has to know of runs whose process has gone; `None` where there are none.
    pub fn abandoned_words(&self) -> Option<String> {
        let abandoned = self.activity.abandoned().count();
        let (run, process) = match abandoned {
            0 => return None,
            1 => ("run was", "its process has"),
            _ => ("runs were", "their processes have"),
        };
        let contexts = [View::Activity.context(), Context::Global];
        let keys = self.session.keymap.keys_for(&contexts, Command::Recover);
        let key = keys.first().map_or("recover", String::as_str);
        Some(format!("{abandoned} {run} not finished and {process} gone: see Activity, {key} recovers"))
    }

    /// What a person has to know of runs that can't be read; `None` where there are none.
    pub fn unreadable_words(&self) -> Option<String> {
        let [first, rest @ ..] = self.activity.unreadable() else { return None };
        let (more, who) = match rest.len() {
            0 => (String::new(), "it"),
            n => (format!(" and {n} more"), "they"),
        };
        let run = &first.run;
        Some(format!(
            "run {run}{more} can't be read, and what {who} did is not shown: `lazaret ledger verify` tells why"
        ))
    }

    /// How many rows what is said wants.
    pub fn said_rows(&self) -> usize {
        if layout::is_low(self.size.1) {
            return 0;
        }
        let room = usize::from(self.size.0.saturating_sub(2));
        let most = usize::from(MOST_SAID);
        self.urgent(room, most).or_else(|| self.lasting(room, most)).map_or(1, |rows| rows.len())
    }

    /// What goes before everything else, in so many rows of so many cells at most.
    pub fn urgent(&self, room: usize, rows: usize) -> Option<Vec<Vec<Piece>>> {
        if self.leaving.is_some() {
            let text = format!("leaving: waiting until {} recorded…", runs_are(self.in_flight()));
            return Some(self.sentence(Role::Warning, &text, room, rows));
        }
        if self.filtering && self.pane.is_none() {
            return Some(vec![vec![
                (Role::Key, "/".to_owned()),
                (Role::Input, self.filter().text().to_owned()),
                (Role::Key, "▏".to_owned()),
                (Role::Dim, format!("  {}", self.shown())),
            ]]);
        }
        if let (Some(prompt), None) = (&self.prompt, &self.pane) {
            let (ask, typed) = (prompt.words(), prompt.field.text());
            if rows > 1 && text::width(&ask) + text::width(typed) + 1 > room {
                // What is asked, or what is wrong, is read whole; what is typed has a row of its own.
                let mut said = self.sentence(Role::Warning, ask.trim_end(), room, rows - 1);
                said.push(typing("", typed, room));
                return Some(said);
            }
            return Some(vec![typing(&ask, typed, room)]);
        }
        if !self.pending.is_empty() {
            return Some(self.begun(room, rows));
        }
        // On the page of messages it stands already.
        let read = self.help.as_ref().is_some_and(|help| help.page == Page::Messages);
        self.notice().filter(|_| !read).map(|n| self.sentence(n.role, &self.keyed(&n.text), room, rows))
    }

    /// What goes on being wrong, where nothing else has to be said.
    pub fn lasting(&self, room: usize, rows: usize) -> Option<Vec<Vec<Piece>>> {
        if let (Some(words), true) = (self.abandoned_words(), self.view != View::Activity) {
            return Some(self.sentence(Role::Warning, &words, room, rows));
        }
        if self.pane.is_some() || self.help.is_some() {
            return None;
        }
        // What can't be read in the ledger stays so: it comes after what failed just now, and takes no row from it.
        let failing = self.readings.failing().next().map(|(_, error)| error.to_owned());
        let wrong: Vec<String> =
            failing.into_iter().chain(self.unreadable_words()).map(|words| format!("! {words}")).collect();
        (!wrong.is_empty()).then(|| self.sentence(Role::Warning, &wrong.join("  "), room, rows))
    }

    /// A sentence in rows. What there is no room for is one key away, and the key is said.
    fn sentence(&self, role: Role, sentence: &str, room: usize, rows: usize) -> Vec<Vec<Piece>> {
        let mut lines = wrap(sentence, room);
        if lines.len() <= rows {
            return lines.into_iter().map(|line| vec![(role, line)]).collect();
        }
        let rest = lines.split_off(rows.saturating_sub(1)).join(" ");
        let contexts = self.contexts();
        let key = self.session.keymap.keys_for(&contexts, Command::Messages).into_iter().next();
        let more = key.map(|key| format!(" {key} all of it")).filter(|more| text::width(more) * 2 < room);
        let wide = more.as_deref().map_or(0, text::width);
        let mut said: Vec<Vec<Piece>> = lines.into_iter().map(|line| vec![(role, line)]).collect();
        let mut last = vec![(role, text::fit(&rest, room.saturating_sub(wide)))];
        last.extend(more.map(|more| (Role::Key, more)));
        said.push(last);
        said
    }

    /// The keys that were begun, and what can follow them.
    fn begun(&self, room: usize, most: usize) -> Vec<Vec<Piece>> {
        let mut rows = vec![vec![(Role::Key, format!("{} …", Key::show(&self.pending)))]];
        let Lookup::Prefix(next) = self.session.keymap.lookup(&self.contexts(), &self.pending) else { return rows };
        for (key, command) in next {
            let piece =
                [(Role::Key, format!("   {key}")), (Role::Dim, format!(" {}", command.map_or("…", |c| c.label())))];
            let wide = |row: &[Piece]| row.iter().map(|(_, t)| text::width(t)).sum::<usize>();
            let full = rows.last().is_some_and(|row| wide(row) + wide(&piece) > room);
            if full && rows.len() >= most {
                break;
            }
            if full {
                rows.push(vec![]);
            }
            if let Some(row) = rows.last_mut() {
                row.extend(piece);
            }
        }
        rows
    }

    /// How much of the view's list is shown.
    fn shown(&self) -> String {
        let count = |n: usize, one: &str| if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") };
        match self.view {
            View::Findings => format!("{} of {}", self.findings.order().len(), self.findings.total()),
            View::Quarantine => count(self.quarantine.order().len(), "instance"),
            View::Blocks => count(self.blocks.order().len(), "ACL"),
            View::Credentials => count(self.credentials.order().len(), "principal"),
            View::Activity => count(self.activity.order().len(), "run"),
        }
    }
}

fn runs_are(n: usize) -> String {
    if n == 1 { "1 run is".to_owned() } else { format!("{n} runs are") }
}

/// What is asked for, what was typed, and the cursor, in so many cells: the end of what was typed is always to be seen.
pub fn typing(ask: &str, typed: &str, room: usize) -> Vec<Piece> {
    let least = room.saturating_sub(text::width(ask) + 1).max(room / 2);
    let typed = end_of(typed, least);
    let left = room.saturating_sub(text::width(&typed) + 1);
    let ask = if text::width(ask) > left {
        format!("{}: ", text::fit(ask.trim_end_matches(": "), left.saturating_sub(2)))
    } else {
        ask.to_owned()
    };
    vec![(Role::Warning, ask), (Role::Input, typed), (Role::Key, "▏".to_owned())]
}

/// The last so many cells of a text, with `…` before them where something was cut.
fn end_of(typed: &str, room: usize) -> String {
    if text::width(typed) <= room {
        return typed.to_owned();
    }
    let mut used = 1;
    let kept = typed.grapheme_indices(true).rev().take_while(|(_, grapheme)| {
        used += text::width(grapheme);
        used <= room
    });
    let from = kept.last().map_or(typed.len(), |(at, _)| at);
    format!("…{}", typed.get(from..).unwrap_or_default())
}
