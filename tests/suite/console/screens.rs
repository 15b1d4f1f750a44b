//! What the screens look like: every view, pane, size and theme, with a clock that stands.

use super::desk::{Desk, looks, text};
use lazaret::config::{Keymap, Theme};

/// Compares a screen with the one that is kept.
macro_rules! kept {
    ($name:expr, $value:expr) => {
        insta::with_settings!({snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!($name, $value);
        })
    };
}

async fn shots(width: u16, height: u16) {
    let name = |what: &str| format!("{what}_{width}x{height}");
    let mut desk = Desk::new("crypto-mining");
    desk.resize(width, height);
    kept!(name("start"), desk.screen());
    desk.begin().await;
    kept!(name("findings"), desk.screen());
    desk.do_keys("enter").await;
    kept!(name("finding"), desk.screen());
    desk.do_keys("esc").await;
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    kept!(name("plan"), desk.screen());
    desk.do_keys("C").await;
    kept!(name("result"), without_runs(&desk.screen()));
    desk.do_keys("esc esc").await;
    desk.do_keys("2").await;
    kept!(name("quarantine"), without_runs(&desk.screen()));
    desk.do_keys("enter").await;
    kept!(name("contained"), without_runs(&desk.screen()));
    desk.do_keys("esc R").await;
    kept!(name("restore"), without_runs(&desk.screen()));
    desk.do_keys("esc 3").await;
    kept!(name("blocks"), desk.screen());
    desk.do_keys("enter").await;
    kept!(name("acl"), desk.screen());
    desk.do_keys("esc 4").await;
    kept!(name("credentials"), desk.screen());
    desk.do_keys("5").await;
    kept!(name("activity"), without_runs(&desk.screen()));
    desk.do_keys("enter").await;
    kept!(name("run"), without_runs(&desk.screen()));
    desk.do_keys("esc ?").await;
    kept!(name("help"), desk.screen());
    desk.do_keys("esc :").await;
    desk.write("sev");
    kept!(name("palette"), desk.screen());
}

/// Ids of runs, snapshots and messages don't repeat; their places do.
fn without_runs(screen: &str) -> String {
    screen.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn at_160_by_45() {
    shots(160, 45).await;
}

#[tokio::test]
async fn at_120_by_30() {
    shots(120, 30).await;
}

#[tokio::test]
async fn at_80_by_24() {
    shots(80, 24).await;
}

#[tokio::test]
async fn at_40_by_10() {
    shots(40, 10).await;
}

#[tokio::test]
async fn too_small_says_so() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(29, 7);
    assert_eq!(desk.screen().lines().next(), Some("lazaret needs 30x8; this is …"));
    desk.resize(1, 1);
    desk.draw();
}

#[tokio::test]
async fn every_theme_looks_as_it_did() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.resize(80, 24);
    for name in Theme::names() {
        desk.theme = Theme::load(name, None).unwrap();
        kept!(format!("looks_findings_{name}"), looks(&desk.draw()));
    }
    desk.no_colour();
    kept!("looks_findings_no-colour", looks(&desk.draw()));
    desk.theme = Theme::load("dark", None).unwrap();
    desk.select("BitcoinTool web-1").await;
    desk.do_keys("Q").await;
    kept!("looks_plan_dark", looks(&desk.draw()));
    desk.no_colour();
    kept!("looks_plan_no-colour", looks(&desk.draw()));
}

/// Severity is never colour alone: with no colours at all every severity is a word on its line.
#[tokio::test]
async fn severity_is_always_a_word() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.no_colour();
    let screen = text(&desk.draw());
    for word in ["CRIT", "HIGH", "MED", "LOW"] {
        assert!(screen.lines().skip(3).any(|l| l.contains(word)), "{word}\n{screen}");
    }
}

/// Help and footer say what the keymap says, whatever keymap it is.
#[tokio::test]
async fn help_and_footer_follow_the_keymap() {
    let own = "[findings]\n\"Q\" = \"none\"\n\"X\" = \"quarantine\"\n";
    let keymap = Keymap::build("vim", Some(("keymap.toml", own))).unwrap();
    let mut desk = Desk::with(crate::support::bench::Bench::new("crypto-mining"), |s| s.keymap = keymap);
    desk.begin().await;
    desk.shows("X quarantine");
    desk.hides("Q quarantine");
    desk.resize(120, 70);
    desk.do_keys("?").await;
    desk.shows("Z Z");
    desk.shows("keymap vim");
    desk.do_keys("esc Q").await;
    assert!(desk.model.pane.is_none());
    desk.do_keys("X").await;
    assert!(desk.model.pane.is_some());
    let mut desk = Desk::with(crate::support::bench::Bench::new("crypto-mining"), |s| {
        s.keymap = Keymap::built_in("emacs").unwrap();
    });
    desk.begin().await;
    desk.do_keys("Q").await;
    desk.shows("Ctrl-c Ctrl-c  commit quarantine");
    desk.press("ctrl-c");
    desk.shows("Ctrl-c commit");
    desk.do_keys("ctrl-c").await;
    desk.shows("is isolated");
}
