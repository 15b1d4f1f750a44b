//! How long the console takes with 10,000 findings: to fold them in, to move, to filter, and to draw.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use chrono::{DateTime, Utc};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use lazaret::cloud::port::SeenFinding;
use lazaret::cloud::sandbox::Scenario;
use lazaret::config::{Key, Keymap, Settings, Theme};
use lazaret::console::model::{Model, Session};
use lazaret::console::msg::Msg;
use lazaret::console::update::update;
use lazaret::console::view;
use lazaret::domain::FindingId;
use lazaret::engine::Guard;
use lazaret::engine::poller::Batch;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use std::collections::BTreeMap;
use std::hint::black_box;

const ROWS: usize = 10_000;
const SIZE: (u16, u16) = (160, 45);

fn now() -> DateTime<Utc> {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

fn batch() -> Batch {
    let scenario = Scenario::load("noisy-morning").unwrap();
    let world = scenario.build(now(), 7).unwrap();
    let mut changed: Vec<SeenFinding> = Vec::with_capacity(ROWS);
    let all: Vec<_> = world.scopes.values().flat_map(|place| &place.findings).collect();
    for (n, stored) in all.iter().cycle().take(ROWS).enumerate() {
        let mut finding = lazaret::intake::asff::decode(&stored.json).unwrap();
        finding.id = FindingId(format!("{}-{n}", finding.id));
        changed.push(SeenFinding { finding, json: "{}".into() });
    }
    Batch { scope: scenario.home_scope().clone(), changed, complete: None, more: false, at: now() }
}

fn empty() -> Model {
    let hub = Scenario::load("noisy-morning").unwrap().home_scope().clone();
    let session = Session {
        actor: "ana".into(),
        host: "bench".into(),
        guard: Guard::default(),
        hubs: vec![hub.clone()],
        scopes: vec![hub],
        names: BTreeMap::new(),
        banner: None,
        topics: BTreeMap::new(),
        aws_ranges: None,
        evidence: None,
        settings: Settings::default(),
        keymap: Keymap::built_in("default").unwrap(),
    };
    let mut model = Model::new(session, now(), SIZE);
    update(&mut model, Msg::Start);
    model
}

fn fold(model: &mut Model, batch: Batch) {
    let hub = batch.scope.clone();
    update(model, Msg::Findings { hub, result: Ok(batch) });
}

fn press(model: &mut Model, code: KeyCode) {
    let key = Key::from_event(&KeyEvent::new(code, KeyModifiers::NONE)).unwrap();
    black_box(update(model, Msg::Key(key)));
}

fn console(c: &mut Criterion) {
    let batch = batch();
    let theme = Theme::load("dark", None).unwrap();
    let mut full = empty();
    fold(&mut full, batch.clone());
    let mut screen = Terminal::new(TestBackend::new(SIZE.0, SIZE.1)).unwrap();
    let mut group = c.benchmark_group("console");
    group.sample_size(20);
    group.bench_function(format!("fold {ROWS} findings into an empty model"), |b| {
        b.iter_batched(
            || (empty(), batch.clone()),
            |(mut model, batch)| fold(&mut model, batch),
            BatchSize::LargeInput,
        );
    });
    group.bench_function(format!("key down and draw, {ROWS} rows"), |b| {
        b.iter(|| {
            press(&mut full, KeyCode::Char('j'));
            screen.draw(|frame| full.drawn = view::draw(frame, &full, &theme)).unwrap();
        });
    });
    group.bench_function(format!("one letter of a filter and draw, {ROWS} rows"), |b| {
        b.iter(|| {
            press(&mut full, KeyCode::Char('/'));
            press(&mut full, KeyCode::Char('b'));
            screen.draw(|frame| full.drawn = view::draw(frame, &full, &theme)).unwrap();
            press(&mut full, KeyCode::Esc);
        });
    });
    group.finish();
}

criterion_group!(benches, console);
criterion_main!(benches);
