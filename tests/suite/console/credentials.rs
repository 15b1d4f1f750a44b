//! Credentials: cut from a finding, shown with what still holds, restored, and a key active again only by its id.

use super::desk::Desk;
use lazaret::console::model::credentials::CutStatus;
use lazaret::domain::Principal;

fn mutations(desk: &Desk) -> usize {
    desk.bench.sandbox.calls().iter().filter(|c| c.mutating).count()
}

fn status(desk: &Desk, principal: &Principal) -> Option<CutStatus> {
    let found = desk.model.credentials.order().iter().find(|key| key.1 == *principal)?;
    desk.model.credentials.cut(found).map(|c| c.status)
}

#[tokio::test]
async fn a_users_key_is_cut_by_one_key_and_active_again_only_by_its_id() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    let user = Principal::User("deploy-bot".into());
    desk.select("deploy-bot").await;
    desk.shows("K revoke");
    desk.do_keys("K").await;
    desk.shows("iam:UpdateAccessKey");
    desk.shows("commit revoke");
    assert_eq!(mutations(&desk), 0);
    desk.do_keys("C").await;
    desk.shows("Revoke done");
    desk.do_keys("esc 4").await;
    assert_eq!(status(&desk, &user), Some(CutStatus::Cut));
    desk.shows("user deploy-bot");
    desk.resize(160, 45);
    desk.shows("stays inactive until its id is");
    desk.do_keys("R").await;
    desk.shows("STAYS AS WE LEFT IT UNLESS ITS ID IS TYPED");
    desk.do_keys("f").await;
    desk.shows("type AKIAEXAMPLE0DEPLOY01 to make it active again:");
    desk.write("yes");
    desk.do_keys("enter").await;
    desk.shows("that is not what was asked for");
    desk.press("ctrl-u");
    desk.write("AKIAEXAMPLE0DEPLOY01");
    desk.do_keys("enter").await;
    desk.shows("iam:UpdateAccessKey");
    desk.do_keys("C").await;
    desk.shows("Restore done");
    desk.do_keys("esc").await;
    assert_eq!(status(&desk, &user), Some(CutStatus::Restored));
}

/// Restored without the id: the policy goes, the key stays inactive, and the view says that it is still cut.
#[tokio::test]
async fn without_its_id_a_key_stays_inactive_and_on_the_list() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    desk.select("deploy-bot").await;
    desk.do_keys("K").await;
    desk.do_keys("C").await;
    desk.do_keys("esc 4").await;
    desk.do_keys("R").await;
    desk.do_keys("C").await;
    desk.do_keys("esc").await;
    assert_eq!(status(&desk, &Principal::User("deploy-bot".into())), Some(CutStatus::Cut));
    desk.shows("inactive");
    desk.hides("everything denied");
}

/// What an attacker takes away from under us is seen, and never called cut.
#[tokio::test]
async fn a_deny_that_somebody_took_away_is_drift() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    let role = Principal::Role("ec2rolle".into());
    desk.select("TorIPCaller ec2rolle").await;
    desk.do_keys("K").await;
    desk.shows("ec2rolle");
    desk.do_keys("C").await;
    desk.shows("Revoke done");
    desk.do_keys("esc 4").await;
    assert_eq!(status(&desk, &role), Some(CutStatus::Cut));
    desk.shows("sessions before");
    let account = desk.model.credentials.selected().unwrap().key.0.clone();
    desk.bench
        .sandbox
        .edit(|w| {
            let state = w.accounts.get_mut(&account).unwrap();
            state.roles.get_mut("ec2rolle").unwrap().inline.clear();
        })
        .unwrap();
    desk.do_keys("r").await;
    assert_eq!(status(&desk, &role), Some(CutStatus::Drift));
    desk.shows("NO LONGER THERE");
}

/// A role that is shared: all of its sessions, or those of one instance, each with a plan of its own.
#[tokio::test]
async fn the_narrower_cut_is_one_key_away() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    desk.select("TorIPCaller ec2rolle").await;
    desk.do_keys("K").await;
    desk.shows("every session of the role (v: only the sessions that i-");
    desk.do_keys("v").await;
    desk.shows("only the sessions that i-");
    desk.shows("commit revoke");
    assert_eq!(mutations(&desk), 0);
    desk.do_keys("C").await;
    desk.shows("Revoke done");
    desk.shows("WHAT THIS DOES NOT STOP");
    // What lives on is not called cut, in any view.
    desk.do_keys("esc").await;
    desk.shows("◆ part cut");
    desk.do_keys("4").await;
    desk.shows("cut in part: ");
    desk.shows("sessions of i-");
}

#[tokio::test]
async fn stolen_instance_credentials_are_answered_as_a_whole_and_taken_back_as_a_whole() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    desk.resize(160, 45);
    desk.select("InstanceCredentialExfiltration.OutsideAWS").await;
    desk.shows("E exfiltration plan");
    desk.shows("no block:");
    desk.do_keys("E").await;
    desk.shows("commit contain exfiltration");
    assert_eq!(mutations(&desk), 0);
    // The backup is there: none is made, and none is spoken of.
    desk.hides("a backup role is made from the original");
    desk.do_keys("v").await;
    desk.shows("instances keep their profile (v: instances get the backup role's profile");
    desk.do_keys("v").await;
    desk.do_keys("C").await;
    desk.shows("Contain exfiltration");
    desk.shows("R restore");
    // The finding says what was done about it, how it stands, and the way back.
    desk.do_keys("esc").await;
    desk.shows("◆ cut");
    desk.shows("◆ Contain the stolen credentials of role ec2rolle: done");
    desk.shows("U take all of it back   W report");
    desk.do_keys("4").await;
    assert_eq!(status(&desk, &Principal::Role("ec2rolle".into())), Some(CutStatus::Cut));
    desk.do_keys("5 R").await;
    desk.do_keys("C").await;
    desk.shows("Restore done");
}

/// A role is deleted only when its name is typed, and the commit pressed after that.
#[tokio::test]
async fn a_role_is_deleted_only_when_its_name_was_typed() {
    let mut desk = Desk::open("ssrf-exfiltration").await;
    desk.select("TorIPCaller ec2rolle").await;
    desk.do_keys("K").await;
    desk.do_keys("C").await;
    desk.do_keys("esc 4").await;
    let before = mutations(&desk);
    desk.do_keys("D").await;
    desk.do_keys("C").await;
    assert_eq!(mutations(&desk), before);
    desk.write("ec2");
    desk.do_keys("enter").await;
    desk.do_keys("C").await;
    assert_eq!(mutations(&desk), before);
}
