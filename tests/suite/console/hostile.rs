//! Nothing that an attacker can write reaches the screen unescaped, and nothing breaks the layout.

use super::desk::Desk;
use super::lists::{arrive, finding};
use lazaret::cloud::CloudError;
use lazaret::cloud::ErrorKind;
use lazaret::console::msg::Msg;
use lazaret::domain::subject::{AccessKeySubject, RemoteAddress};
use lazaret::domain::{Direction, Finding, Severity, Subject, text};
use proptest::prelude::*;
use ratatui::buffer::Buffer;

const EVIL: [&str; 9] = [
    "\u{1b}]52;c;ZXZpbA==\u{7}",
    "\u{1b}[2J\u{1b}[1;1Hroot@host# ",
    "\u{9b}31mred\u{9d}0;title\u{9c}",
    "invoice\u{202e}gpj.exe\u{2066}\u{2069}",
    "zero\u{200b}width\u{feff}\u{2060}joined\u{200d}",
    "line\nline\r\nline\ttab\u{b}\u{c}\u{85}\u{2028}",
    "e\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308} zalgo",
    "日本語のとても長いタイトル🔥👨‍👩‍👧‍👦 ｗｉｄｅ",
    "\u{e0041}\u{e007f}\u{fff9}tags\u{fffb}\u{e000}",
];

/// Whether each cell holds something that can be shown as it stands.
fn check(buffer: &Buffer) -> Result<(), String> {
    for y in 0..buffer.area.height {
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if symbol.chars().any(char::is_control) || text::safe(symbol) != symbol {
                return Err(format!("{symbol:?} at {x},{y}"));
            }
        }
    }
    Ok(())
}

fn hostile(evil: &str) -> Finding {
    let evil = evil.to_owned();
    Finding {
        finding_type: format!("Trojan:EC2/{evil}"),
        title: evil.clone(),
        description: evil.clone(),
        product: Some(evil.clone()),
        severity_raw: Some(evil.clone()),
        account: Some(evil.clone()),
        region: Some(evil.clone()),
        note: Some(evil.clone()),
        oddities: vec![evil.clone()],
        subjects: vec![
            Subject::AccessKey(AccessKeySubject {
                id: evil.clone(),
                principal_name: Some(evil.clone()),
                ..AccessKeySubject::default()
            }),
            Subject::Domain { name: evil.clone() },
            Subject::RemoteAddress(RemoteAddress {
                ip: "2001:db8::1".parse().unwrap(),
                direction: Direction::Inbound,
                country: Some(evil.clone()),
                asn_org: Some(evil.clone()),
                api_caller: false,
            }),
            Subject::Other { resource_type: evil.clone(), id: evil },
        ],
        ..finding(1, Severity::High, chrono::DateTime::UNIX_EPOCH)
    }
}

fn look_everywhere(desk: &mut Desk) -> Result<(), String> {
    for (width, height) in [(160, 45), (120, 30), (80, 24), (40, 10), (30, 8), (12, 3)] {
        desk.resize(width, height);
        for keys in ["1", "enter", "pgdn", "esc", "?", "esc", "2", "3", "4", "5", ":", "esc", "1"] {
            desk.press(keys);
            check(&desk.draw()).map_err(|e| format!("{width}x{height} after {keys}: {e}"))?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn attackers_bytes_never_reach_a_cell() {
    let long = "A\u{1b}[31m".repeat(2_000);
    for evil in EVIL.into_iter().chain([long.as_str()]) {
        let mut desk = Desk::new("crypto-mining");
        arrive(&mut desk, vec![hostile(evil)], false);
        let error = CloudError::new("ec2:DescribeInstances", ErrorKind::Denied, evil, evil);
        let scope = desk.bench.hub.clone();
        desk.tell(Msg::Quarantined { scope, result: Err(error) });
        desk.tell(Msg::Trouble(evil.to_owned()));
        look_everywhere(&mut desk).unwrap();
    }
}

/// The same through the whole engine: an instance whose name an attacker wrote, planned, contained and put back.
#[tokio::test]
async fn a_hostile_instance_goes_through_every_pane() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("DNSDataExfiltration").await;
    desk.do_keys("Q").await;
    check(&desk.draw()).unwrap();
    desk.do_keys("pgdn").await;
    check(&desk.draw()).unwrap();
    desk.do_keys("C").await;
    check(&desk.draw()).unwrap();
    desk.do_keys("esc").await;
    look_everywhere(&mut desk).unwrap();
    desk.resize(120, 30);
    desk.do_keys("2 R").await;
    check(&desk.draw()).unwrap();
}

#[tokio::test]
async fn what_is_typed_and_pasted_is_checked_too() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.press("/");
    desk.tell(Msg::Paste(EVIL.concat()));
    check(&desk.draw()).unwrap();
    assert!(!desk.model.findings.filter.text().chars().any(char::is_control));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn no_text_breaks_a_cell_or_the_layout(evil in any::<String>(), width in 1u16..170, height in 1u16..50) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _inside = runtime.enter();
        let mut desk = Desk::new("crypto-mining");
        arrive(&mut desk, vec![hostile(&evil)], false);
        desk.resize(width, height);
        for keys in ["1", "enter", "esc", "?", "esc", "2", "4", "5", ":"] {
            desk.press(keys);
            let drawn = check(&desk.draw());
            prop_assert!(drawn.is_ok(), "{drawn:?}");
        }
    }
}
