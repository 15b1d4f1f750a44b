//! Lists: what is shown, in what order, and what stays selected while rows arrive.

use super::desk::Desk;
use chrono::{DateTime, Duration, Utc};
use lazaret::cloud::port::SeenFinding;
use lazaret::console::effect::Effect;
use lazaret::console::model::View;
use lazaret::console::msg::{MouseAction, Msg};
use lazaret::domain::subject::InstanceSubject;
use lazaret::domain::{Finding, FindingId, InstanceId, RecordState, Severity, Subject};
use lazaret::engine::poller::Batch;
use rustix::time::{ClockId, clock_gettime};

pub(super) fn finding(n: usize, severity: Severity, at: DateTime<Utc>) -> Finding {
    let instance = InstanceSubject { id: Some(InstanceId::new(format!("i-{n:017x}"))), ..Default::default() };
    Finding {
        id: FindingId(format!("arn:aws:guardduty:eu-central-1:111122223333:detector/d/finding/{n}")),
        finding_type: ["UnauthorizedAccess:EC2/SSHBruteForce", "CryptoCurrency:EC2/BitcoinTool.B!DNS"][n % 2].into(),
        title: format!("Finding number {n}"),
        severity,
        account: Some("111122223333".into()),
        region: Some("eu-central-1".into()),
        updated_at: Some(at),
        subjects: vec![Subject::Instance(instance)],
        ..Finding::default()
    }
}

pub(super) fn arrive(desk: &mut Desk, findings: Vec<Finding>, more: bool) {
    let hub = desk.bench.hub.clone();
    let changed = findings.into_iter().map(|finding| SeenFinding { finding, json: "{}".into() }).collect();
    let batch = Batch { scope: hub.clone(), changed, complete: None, more, at: desk.model.now };
    // What it wants read next is not carried out here: these tests say themselves what arrives.
    for effect in lazaret::console::update::update(&mut desk.model, Msg::Findings { hub, result: Ok(batch) }) {
        if !matches!(effect, Effect::Read(..)) {
            desk.seen.push(effect);
        }
    }
}

fn selected(desk: &Desk) -> String {
    desk.model.findings.selected().map(|r| r.finding.title.clone()).unwrap_or_default()
}

fn shown(desk: &Desk) -> Vec<String> {
    let findings = &desk.model.findings;
    findings.order().iter().filter_map(|id| findings.row(*id)).map(|r| r.finding.title.clone()).collect()
}

fn empty_desk() -> Desk {
    let mut desk = Desk::new("crypto-mining");
    desk.model.findings.least = Severity::Informational;
    desk
}

#[tokio::test]
async fn the_selection_stays_while_rows_arrive_above_it() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    arrive(&mut desk, (0..100).map(|n| finding(n, Severity::Medium, t)).collect(), true);
    desk.press("j j j j j");
    let (title, place) = (selected(&desk), desk.model.findings.cursor.index() - desk.model.findings.cursor.offset());
    arrive(&mut desk, (100..130).map(|n| finding(n, Severity::High, t)).collect(), false);
    assert_eq!(selected(&desk), title);
    assert_eq!(desk.model.findings.cursor.index(), 35);
    assert_eq!(desk.model.findings.cursor.index() - desk.model.findings.cursor.offset(), place, "it stands still");
}

#[tokio::test]
async fn a_selected_finding_that_goes_is_said() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    arrive(&mut desk, (0..5).map(|n| finding(n, Severity::High, t)).collect(), false);
    desk.press("j");
    let gone = selected(&desk);
    let mut closed = desk.model.findings.selected().unwrap().finding.clone();
    closed.record_state = RecordState::Archived;
    arrive(&mut desk, vec![closed], false);
    assert_ne!(selected(&desk), gone);
    desk.shows("the selected finding is no longer listed");
}

#[tokio::test]
async fn worst_first_then_newest_and_the_order_turns() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    let at = |m: i64| t - Duration::minutes(m);
    arrive(
        &mut desk,
        vec![
            finding(1, Severity::Low, at(1)),
            finding(2, Severity::Critical, at(9)),
            finding(3, Severity::Critical, at(2)),
            finding(4, Severity::High, at(0)),
        ],
        false,
    );
    let numbers = |desk: &Desk| -> String { shown(desk).iter().filter_map(|t| t.chars().last()).collect() };
    assert_eq!(numbers(&desk), "3241");
    desk.press("s");
    assert_eq!(numbers(&desk), "4132", "by age");
    desk.press("S");
    assert_eq!(numbers(&desk), "2314");
    desk.press("S s");
    assert_eq!(numbers(&desk), "3124", "by type, then worst");
    desk.press("+ + +");
    assert_eq!(numbers(&desk), "324", "high and up");
    desk.press("-");
    assert_eq!(numbers(&desk), "324");
    desk.press("- -");
    assert_eq!(numbers(&desk), "3124");
}

#[tokio::test]
async fn the_filter_works_as_it_is_typed_and_esc_clears_it() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    arrive(&mut desk, (0..10).map(|n| finding(n, Severity::High, t)).collect(), false);
    desk.press("/");
    desk.write("bitc");
    assert_eq!(shown(&desk).len(), 5);
    desk.write(" !7");
    desk.shows("/bitc !7");
    assert_eq!(shown(&desk).len(), 4, "words behind ! must not be there");
    desk.press("ctrl-w ctrl-w");
    assert_eq!(shown(&desk).len(), 10);
    desk.write("zzzz");
    desk.shows("No finding is shown");
    desk.press("enter");
    desk.shows("Esc clears the filter");
    desk.press("esc");
    assert_eq!(shown(&desk).len(), 10);
}

#[tokio::test]
async fn letters_typed_into_the_filter_are_not_keys() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    arrive(&mut desk, vec![finding(1, Severity::High, t)], false);
    desk.press("/");
    desk.write("QRCq2");
    assert!(desk.model.pane.is_none() && desk.model.leaving.is_none());
    assert_eq!((desk.model.view, desk.model.findings.filter.text()), (View::Findings, "QRCq2"));
}

#[tokio::test]
async fn new_criticals_ring_once() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    arrive(&mut desk, vec![finding(1, Severity::Critical, t)], true);
    arrive(&mut desk, vec![finding(2, Severity::Critical, t)], false);
    assert_eq!(desk.seen, [], "what stood there at the start rings nobody");
    let again = |n, count| Finding { count: Some(count), ..finding(n, Severity::Critical, t) };
    arrive(&mut desk, vec![again(1, 2), finding(3, Severity::High, t)], false);
    assert_eq!(desk.seen, [], "neither known ones nor others ring");
    arrive(&mut desk, vec![finding(4, Severity::Critical, t), finding(5, Severity::Critical, t)], false);
    assert_eq!(desk.seen, [Effect::Ring("lazaret: 2 new CRITICAL findings: Finding number 4, …".into())]);
    arrive(&mut desk, vec![again(4, 9)], false);
    assert_eq!(desk.seen.len(), 1);
    let sample = Finding { sample: true, ..finding(6, Severity::Critical, t) };
    arrive(&mut desk, vec![sample], false);
    assert_eq!(desk.seen.len(), 1);
    desk.model.session.settings.console.bell = false;
    arrive(&mut desk, vec![finding(7, Severity::Critical, t)], false);
    assert_eq!(desk.seen.len(), 1, "the bell is off");
    desk.shows("new CRITICAL: Finding number 7");
}

#[tokio::test]
async fn at_most_one_reading_of_a_thing_is_under_way() {
    let mut desk = Desk::new("crypto-mining");
    let reads = |desk: &mut Desk, msg: Msg| {
        let effects = lazaret::console::update::update(&mut desk.model, msg);
        effects.iter().filter(|e| matches!(e, Effect::Read(lazaret::console::effect::Thing::Runs, _))).count()
    };
    assert_eq!(reads(&mut desk, Msg::Start), 1);
    desk.model.view = View::Activity;
    let key = || Msg::Key("r".parse().unwrap());
    assert_eq!((reads(&mut desk, key()), reads(&mut desk, key()), reads(&mut desk, key())), (0, 0, 0));
    assert_eq!(reads(&mut desk, Msg::Runs(Err("locked".into()))), 1, "the one that waited");
    assert_eq!(reads(&mut desk, Msg::Runs(Err("locked".into()))), 0);
    desk.shows("locked");
}

#[tokio::test]
async fn the_mouse_selects_lines_and_tabs_and_scrolls_and_never_commits() {
    let mut desk = Desk::open("crypto-mining").await;
    let rows = desk.model.screen().rows;
    desk.tell(Msg::Mouse(MouseAction::Click, rows.x + 5, rows.y + 2));
    assert_eq!(desk.model.findings.cursor.index(), 2);
    desk.tell(Msg::Mouse(MouseAction::WheelDown, rows.x + 5, rows.y + 2));
    let tab = desk.screen().lines().nth(1).unwrap().find("2 Quarantine").unwrap();
    desk.tell(Msg::Mouse(MouseAction::Click, u16::try_from(tab).unwrap() + 3, 1));
    assert_eq!(desk.model.view, View::Quarantine);
    desk.do_keys("1 g Q").await;
    for y in 0..30 {
        for x in 0..120 {
            desk.tell(Msg::Mouse(MouseAction::Click, x, y));
        }
    }
    desk.settle().await;
    assert!(desk.bench.sandbox.calls().iter().all(|c| !c.mutating));
    assert!(desk.model.pane.is_some());
}

/// The time that this thread has worked: what else the machine does is none of it.
fn worked() -> std::time::Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    std::time::Duration::new(u64::try_from(now.tv_sec).unwrap(), u32::try_from(now.tv_nsec).unwrap())
}

/// Ten thousand rows: what a key costs must not be felt. The bound is far above the work of a debug build, and far below
/// that of a quadratic mistake.
#[tokio::test]
async fn ten_thousand_rows_are_light() {
    let mut desk = empty_desk();
    let t = desk.model.now;
    for page in 0..100 {
        let at = |n: usize| t - Duration::seconds(i64::try_from(n * 7919 % 90_000).unwrap());
        let page = (page * 100..page * 100 + 100).map(|n| finding(n, Severity::ALL[n % 5], at(n))).collect();
        arrive(&mut desk, page, true);
    }
    assert_eq!(shown(&desk).len(), 10_000);
    let began = worked();
    for _ in 0..100 {
        desk.press("j");
        desk.draw();
    }
    let moving = worked() - began;
    assert!(moving.as_millis() < 3_000, "100 lines down took {moving:?}");
    let began = worked();
    desk.press("/");
    desk.write("bitcoin");
    desk.draw();
    let filtering = worked() - began;
    assert!(filtering.as_millis() < 6_000, "a filter of seven letters took {filtering:?}");
    assert_eq!(shown(&desk).len(), 5_000);
}

/// At three in the morning the next key acts on what is selected: that has to be the best match.
#[tokio::test]
async fn a_filter_selects_its_first_row_whatever_was_selected_before() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.press("G");
    desk.press("/");
    for text in ["isolated", "crit", "web-1"] {
        desk.press("ctrl-u");
        desk.write(text);
        assert_eq!(desk.model.findings.cursor.index(), 0, "{text}");
        let first = desk.model.findings.order().first().copied();
        assert_eq!(desk.model.findings.cursor.key().copied(), first, "{text}");
    }
    let row = desk.model.findings.selected().unwrap();
    assert_eq!(row.finding.severity, Severity::Critical);
    assert!(row.finding.instances().any(|i| i.name.as_deref() == Some("web-1")));
}

#[tokio::test]
async fn a_sample_is_refused_in_words_before_anything_is_planned() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.press("/");
    desk.write("i-99999999");
    desk.press("enter");
    desk.press("Q");
    assert!(desk.model.pane.is_none());
    desk.shows("a sample finding is never acted on");
}

/// At every width the list says which machine it is, and whether it is isolated.
#[tokio::test]
async fn subject_and_state_are_shown_at_every_width() {
    let mut desk = Desk::open("crypto-mining").await;
    for width in [80, 90, 99, 100, 104, 110, 115, 116, 120, 140, 160] {
        desk.resize(width, 30);
        for heading in ["SUBJECT", "STATE"] {
            assert!(desk.screen().contains(heading), "{heading} at {width}:\n{}", desk.screen());
        }
    }
}
