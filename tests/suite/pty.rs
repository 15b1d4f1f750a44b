//! The console end to end, in a terminal: what the screen shows, what the keys do, and the terminal given back.

use crate::support::program::Home;
use crate::support::terminal::Terminal;

const ESC: &str = "\x1b";

fn console(home: &Home) -> Terminal {
    let terminal = Terminal::start(home, &["--sandbox"], 140, 40);
    terminal.see("BitcoinTool.B!DNS");
    terminal
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
fn no_color_draws_without_colours() {
    let home = Home::new();
    let mut terminal = Terminal::start_with(&home, &["--sandbox"], 120, 30, &[("NO_COLOR", "1")]);
    terminal.see("BitcoinTool.B!DNS");
    terminal.keys("q");
    terminal.end();
    let text = String::from_utf8_lossy(&terminal.bytes()).into_owned();
    assert!(!text.contains("\x1b[38;") && !text.contains("\x1b[48;"), "colours were sent");
}
