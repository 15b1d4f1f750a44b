//! An incident: what was done about one finding, taken back as one, newest first, and written down.

use super::desk::Desk;
use crate::support::bench::Bench;
use lazaret::console::model::contained::Status;

#[tokio::test]
async fn everything_of_an_incident_is_taken_back_newest_first() {
    let mut desk = Desk::open("crypto-mining").await;
    desk.select("SSHBruteForce").await;
    for key in ["Q", "B"] {
        desk.do_keys(key).await;
        desk.do_keys("C").await;
        desk.shows("done");
        desk.do_keys("esc").await;
    }
    let key = desk.bench.find("build-7");
    assert_eq!(desk.model.quarantine.status(&key), Some(Status::Isolated));
    let mutations = |desk: &Desk| desk.bench.sandbox.calls().iter().filter(|c| c.mutating).count();
    let before = mutations(&desk);
    desk.do_keys("U").await;
    desk.shows("Restore (1 of 2)");
    desk.shows("THEN, EACH WITH A PLAN AND A COMMIT OF ITS OWN");
    desk.shows("· Quarantine");
    assert_eq!(mutations(&desk), before, "it is only shown");
    assert_eq!(desk.model.pane.as_ref().unwrap().subject().map(|s| s.starts_with("address:")), Some(true));
    desk.do_keys("C").await;
    desk.shows("next: 1 more to do");
    assert_eq!(desk.model.quarantine.status(&key), Some(Status::Isolated), "one after the other");
    desk.do_keys("enter").await;
    desk.do_keys("C").await;
    desk.shows("is as it was");
    desk.do_keys("esc").await;
    assert_eq!(desk.model.quarantine.status(&key), Some(Status::Restored));
    desk.do_keys("c").await;
    desk.do_keys("U").await;
    desk.shows("nothing of this incident stands");
    desk.do_keys("5").await;
    desk.shows("↩ undone");
}

/// No key is dead without a word.
#[tokio::test]
async fn undo_and_report_say_so_where_there_is_no_incident() {
    let mut desk = Desk::open("crypto-mining").await;
    for keys in ["4 U", "4 W", "2 U", "5 W"] {
        desk.do_keys(keys).await;
        desk.shows("nothing is selected that was done by this ledger");
        desk.do_keys("esc").await;
    }
}

#[tokio::test]
async fn the_report_is_written_to_a_file_that_only_its_owner_reads() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Bench::new("crypto-mining");
    bench.quarantine("web-1").await.unwrap();
    let place = folder.path().join("reports");
    let mut desk = Desk::with(bench, |s| s.reports = Some(place.clone()));
    desk.begin().await;
    desk.resize(200, 45);
    desk.do_keys("5 W").await;
    desk.shows("the incident's report is in");
    let file = std::fs::read_dir(&place).unwrap().next().unwrap().unwrap();
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(text.contains("i-0ab12cd34ef56ab78"), "{text}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions()) & 0o777, 0o600);
}
