//! A person at the console: presses keys, waits until nothing is under way, reads the screen.

use crate::support::bench::{Bench, start};
use chrono::Duration;
use lazaret::config::{ColorDepth, Key, Keymap, Settings, Theme};
use lazaret::console::effect::Effect;
use lazaret::console::hands::Hands;
use lazaret::console::model::{Model, Session};
use lazaret::console::msg::Msg;
use lazaret::console::update::update;
use lazaret::console::{Setup, view};
use lazaret::domain::Clock;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use std::collections::BTreeMap;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub(crate) struct Desk {
    pub(crate) bench: Bench,
    pub(crate) model: Model,
    pub(crate) theme: Theme,
    hands: Hands,
    answers: UnboundedReceiver<Msg>,
    /// Every effect so far that is not the engine's business.
    pub(crate) seen: Vec<Effect>,
}

impl Desk {
    /// A console on a scenario, 120 by 30, with the default keys; nothing has been read yet.
    pub(crate) fn new(scenario: &str) -> Self {
        Self::with(Bench::new(scenario), |_| {})
    }

    pub(crate) fn with(bench: Bench, change: impl FnOnce(&mut Setup)) -> Self {
        let world = bench.sandbox.world();
        let mut setup = Setup {
            engine: bench.engine.clone(),
            hubs: vec![bench.hub.clone()],
            scopes: world.scopes.keys().cloned().collect(),
            account_names: world.accounts.iter().map(|(id, a)| (id.clone(), a.name.clone())).collect(),
            topics: BTreeMap::new(),
            aws_ranges: None,
            evidence: None,
            reports: None,
            settings: Settings::default(),
            keymap: Keymap::built_in("default").unwrap(),
            theme: Theme::load("dark", None).unwrap(),
            banner: Some(format!("sandbox: {}", world.scenario)),
        };
        change(&mut setup);
        let (send, answers) = unbounded_channel();
        let hands = Hands::new(setup.engine.clone(), setup.settings.quarantine.clone(), &setup.hubs, send)
            .reporting_to(setup.reports.clone())
            .keeping_evidence_in(setup.evidence.clone());
        let model = Model::new(Session::new(&setup), bench.clock.now(), (120, 30));
        Self { bench, model, theme: setup.theme, hands, answers, seen: vec![] }
    }

    /// The console on a scenario, once everything there is was read and the selection's subject too.
    pub(crate) async fn open(scenario: &str) -> Self {
        let mut desk = Self::new(scenario);
        desk.begin().await;
        desk
    }

    pub(crate) async fn begin(&mut self) {
        self.tell(Msg::Start);
        self.settle().await;
        self.rest().await;
    }

    /// Folds one message. What it wants done begins.
    pub(crate) fn tell(&mut self, msg: Msg) {
        for effect in update(&mut self.model, msg) {
            match effect {
                Effect::Ring(_) | Effect::Redraw | Effect::Suspend | Effect::Quit => self.seen.push(effect),
                other => self.hands.run(other),
            }
        }
    }

    /// Waits until nothing is under way any more.
    pub(crate) async fn settle(&mut self) {
        loop {
            self.hands.idle().await;
            let mut any = false;
            while let Ok(msg) = self.answers.try_recv() {
                any = true;
                self.tell(msg);
            }
            if !any {
                return;
            }
        }
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&mut self, by: Duration) {
        self.bench.clock.advance(by);
        self.tell(Msg::Tick(self.bench.clock.now()));
    }

    /// Lets half a second pass, in which the selection rests and plans arm.
    pub(crate) async fn rest(&mut self) {
        for _ in 0..2 {
            self.pass(Duration::milliseconds(250));
            self.settle().await;
        }
        self.draw();
    }

    /// Presses keys as a keymap writes them, one after the other, with nothing in between.
    pub(crate) fn press(&mut self, keys: &str) {
        for key in Key::sequence(keys).unwrap() {
            self.tell(Msg::Key(key));
        }
    }

    /// Types a text.
    pub(crate) fn write(&mut self, text: &str) {
        for c in text.chars() {
            self.press(if c == ' ' { "space".to_owned() } else { c.to_string() }.as_str());
        }
    }

    /// Presses keys, and waits until what they began is over and plans are armed.
    pub(crate) async fn do_keys(&mut self, keys: &str) {
        self.press(keys);
        self.settle().await;
        self.rest().await;
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) {
        self.tell(Msg::Resize(width, height));
    }

    /// Draws, and keeps what drawing has found.
    pub(crate) fn draw(&mut self) -> Buffer {
        let (width, height) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.model.drawn = view::draw(frame, &self.model, &self.theme)).unwrap();
        terminal.backend().buffer().clone()
    }

    /// The screen as text.
    pub(crate) fn screen(&mut self) -> String {
        text(&self.draw())
    }

    /// Asserts that a text stands on the screen.
    #[track_caller]
    pub(crate) fn shows(&mut self, wanted: &str) {
        let screen = self.screen();
        assert!(screen.contains(wanted), "`{wanted}` is not on the screen:\n{screen}");
    }

    #[track_caller]
    pub(crate) fn hides(&mut self, unwanted: &str) {
        let screen = self.screen();
        assert!(!screen.contains(unwanted), "`{unwanted}` is on the screen:\n{screen}");
    }

    /// Selects the finding whose line has this text in it.
    pub(crate) async fn select(&mut self, text: &str) {
        self.press("/");
        self.write(text);
        self.do_keys("enter").await;
    }

    pub(crate) fn no_colour(&mut self) {
        self.theme = self.theme.clone().at_depth(ColorDepth::None);
    }
}

/// A buffer's text, line by line, without blanks at the ends.
pub(crate) fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in buffer.area.left()..buffer.area.right() {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(symbol);
            skip = lazaret::domain::text::width(symbol).saturating_sub(1);
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

/// A buffer's looks: for each line the stretches of one look.
pub(crate) fn looks(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in buffer.area.top()..buffer.area.bottom() {
        let mut stretches: Vec<(u16, String)> = Vec::new();
        for x in buffer.area.left()..buffer.area.right() {
            let style = buffer[(x, y)].style();
            let look = format!(
                "{:?} on {:?} {:?}",
                style.fg.unwrap_or_default(),
                style.bg.unwrap_or_default(),
                style.add_modifier
            );
            if stretches.last().is_none_or(|(_, last)| *last != look) {
                stretches.push((x, look));
            }
        }
        let shown: Vec<String> = stretches.iter().map(|(x, look)| format!("{x}: {look}")).collect();
        lines.push(format!("{y:>2} | {}", shown.join(" | ")));
    }
    lines.join("\n")
}

#[test]
fn the_desks_clock_begins_with_the_bench() {
    assert_eq!(Desk::new("crypto-mining").model.now, start());
}
