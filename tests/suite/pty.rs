//! The console end to end, in a terminal: what the screen shows, what the keys do, and the terminal given back.

use crate::support::program::Home;
use crate::support::terminal::Terminal;

const WEB_1: &str = "i-0ab12cd34ef56ab78";
const ESC: &str = "\x1b";
const CTRL_Z: &str = "\x1a";

fn console(home: &Home) -> Terminal {
    let terminal = Terminal::start(home, &["--sandbox"], 140, 40);
    terminal.see("BitcoinTool.B!DNS");
    terminal
}

#[test]
fn start_filter_quarantine_restore_quit() {
    let home = Home::new();
    let mut terminal = console(&home);
    terminal.see("SSHBruteForce");
    terminal.keys("/bitcoin");
    terminal.gone("SSHBruteForce");
    terminal.keys("\r");
    terminal.see("web-1");
    terminal.keys("Q");
    terminal.see("commit quarantine");
    terminal.see("WHAT THIS WILL NOT STOP");
    terminal.keys("C");
    terminal.see("is isolated: every interface was read back");
    terminal.keys(ESC);
    terminal.gone("is isolated: every interface was read back");
    terminal.keys("2");
    terminal.see("isolated");
    terminal.keys("R");
    terminal.see("commit restore");
    terminal.keys("C");
    terminal.see("is as it was");
    terminal.keys(ESC);
    terminal.gone("is as it was");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
    let runs = home.run(&["--sandbox", "runs", "--json"]);
    let states: Vec<String> = runs
        .out
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["done", "done"]);
    let shown = home.run(&["--sandbox", "show", WEB_1, "--json"]).json();
    assert_eq!(shown["interfaces"][0]["groups"].as_array().unwrap().len(), 2);
}

#[test]
fn away_from_a_plan_nothing_happens() {
    let home = Home::new();
    let mut terminal = console(&home);
    terminal.see("web-1");
    terminal.keys("Q");
    terminal.see("commit quarantine");
    terminal.keys(ESC);
    terminal.gone("commit quarantine");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    assert!(home.run(&["--sandbox", "runs", "--json"]).out.is_empty());
}

#[test]
fn i10_signals_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let home = Home::new();
        let mut terminal = console(&home);
        terminal.signal(signal);
        terminal.end();
        terminal.assert_given_back();
    }
}

#[test]
fn i10_a_panic_gives_the_terminal_back_and_its_words_are_readable() {
    let home = Home::new();
    let trigger = home.path().join("panic");
    let env = [("LAZARET_TEST_PANIC", trigger.to_str().unwrap())];
    let mut terminal = Terminal::start_with(&home, &["--sandbox"], 140, 40, &env);
    terminal.see("BitcoinTool.B!DNS");
    std::fs::write(&trigger, "").unwrap();
    assert_ne!(terminal.end(), 0);
    terminal.assert_given_back();
    assert!(terminal.screen().contains("a panic for a test"), "{}", terminal.screen());
}

#[test]
fn i10_ctrl_z_gives_the_terminal_back_and_a_continued_console_goes_on() {
    let home = Home::new();
    let mut terminal = console(&home);
    terminal.keys(CTRL_Z);
    terminal.until_given_back();
    terminal.signal("CONT");
    terminal.see("BitcoinTool.B!DNS");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
}

#[test]
fn resized_to_40x10_and_back_it_draws_and_never_panics() {
    let home = Home::new();
    let mut terminal = console(&home);
    // Each size is waited for: the program may see several changes as one.
    for (columns, rows) in [(40, 10), (20, 5), (2, 2), (80, 24), (300, 3), (40, 10), (140, 40)] {
        let drawn = terminal.bytes().len();
        terminal.resize(columns, rows);
        terminal.until_written(drawn);
        terminal.keys("jk");
    }
    terminal.see("BitcoinTool.B!DNS");
    terminal.see("web-1");
    terminal.keys("q");
    assert_eq!(terminal.end(), 0);
    terminal.assert_given_back();
}

/// I8: a scenario's hostile titles, names and tags leave no byte of theirs on the terminal.
#[test]
fn i8_no_attackers_byte_reaches_the_terminal() {
    let home = Home::new();
    let mut terminal = console(&home);
    terminal.keys("/kiosk\r");
    terminal.see("DNSDataExfiltration");
    terminal.see("u{1b}");
    terminal.keys("Q");
    terminal.see("commit quarantine");
    terminal.keys(ESC);
    terminal.gone("commit quarantine");
    terminal.keys("q");
    terminal.end();
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("\x1b]52"), "OSC 52 came through");
    for hostile in ['\u{202e}', '\u{200b}', '\u{9b}', '\u{2066}'] {
        assert!(!text.contains(hostile), "{hostile:?} came through");
    }
}

#[test]
fn without_a_terminal_the_console_says_so() {
    let home = Home::new();
    let said = home.run(&["--sandbox"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("terminal"), "{said:?}");
}

#[test]
fn no_color_draws_without_colours() {
    let home = Home::new();
    let mut terminal = Terminal::start_with(&home, &["--sandbox"], 120, 30, &[("NO_COLOR", "1")]);
    terminal.see("BitcoinTool.B!DNS");
    terminal.keys("q");
    terminal.end();
    let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!text.contains("\x1b[38;") && !text.contains("\x1b[48;"), "colours were sent");
}
