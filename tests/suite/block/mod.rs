//! Addresses blocked in network ACLs, and unblocked: alone, among others at the same table, and after every failure.

mod back;
mod cli;
mod lists;
mod others;
mod plans;
mod sweep;
mod time;

use crate::support::bench::{Bench, message, outcome};
use lazaret::cloud::sandbox::World;
use lazaret::domain::{AclAction, AclDirection, AclEntry, AclId, NetworkAcl, Scope};
use lazaret::engine::prepare::RestoreWhat;
use lazaret::engine::{
    BlockRequest, Consent, EngineError, ExtendRequest, Prepared, RestoreRequest, UnblockRequest, WhichBlocks,
};
use lazaret::ledger::{Outcome, RunState, SqliteStore};
use lazaret::playbook::Change;
use lazaret::playbook::block::subject;
use lazaret::playbook::change::DenyAddress;
use lazaret::policy::address::parse;
use lazaret::policy::{BlockPolicy, Stands};
use std::collections::{BTreeMap, BTreeSet};

/// The two ACLs that web-1's packets cross.
const PUBLIC: &str = "acl-0b11c000000000001";
const DATA: &str = "acl-0da7a000000000001";
/// Somebody that nobody has blocked yet.
const STRANGER: &str = "203.0.113.99";
const BOTH: [AclDirection; 2] = [AclDirection::Ingress, AclDirection::Egress];

fn payments() -> Scope {
    Scope::parse("111122223333", "eu-central-1").unwrap()
}

/// The block of an address where web-1 is.
fn request(bench: &Bench, address: &str) -> BlockRequest {
    let (scope, instance) = bench.find("web-1");
    BlockRequest {
        scope,
        range: parse(address).unwrap(),
        instances: vec![instance],
        acls: vec![],
        directions: None,
        stands: Stands::UntilTakenBack,
        otherwise: BTreeMap::new(),
        typed_again: None,
        policy: BlockPolicy::default(),
        aws: None,
        finding: None,
        remote: None,
        topic_arn: None,
        update_finding: false,
    }
}

/// The same in one ACL that is named.
fn in_acl(address: &str, acl: &str) -> BlockRequest {
    let bench = Bench::new("crypto-mining");
    BlockRequest { instances: vec![], acls: vec![AclId::new(acl)], ..request(&bench, address) }
}

async fn commit(bench: &Bench, prepared: &Prepared) -> RunState {
    bench.engine.commit(prepared, &Consent::default(), None).await.unwrap()
}

async fn block(bench: &Bench, request: &BlockRequest) -> Result<RunState, EngineError> {
    let prepared = bench.engine.prepare_block(request).await?;
    Ok(commit(bench, &prepared).await)
}

async fn unblock(bench: &Bench, address: &str, which: WhichBlocks) -> Result<RunState, EngineError> {
    let request = UnblockRequest { scope: payments(), range: parse(address).unwrap(), which, topic_arn: None };
    let prepared = bench.engine.prepare_unblock(&request).await?;
    Ok(commit(bench, &prepared).await)
}

async fn extend(bench: &Bench, address: &str, ttl: &str) -> Result<RunState, EngineError> {
    let stands = Stands::For(ttl.parse().unwrap());
    let request = ExtendRequest { scope: payments(), range: parse(address).unwrap(), which: WhichBlocks::All, stands };
    let prepared = bench.engine.prepare_extend(&request).await?;
    Ok(commit(bench, &prepared).await)
}

fn restore_of(run: &RunState) -> RestoreRequest {
    RestoreRequest {
        scope: run.plan.scope.clone(),
        what: RestoreWhat::Run(run.run),
        force: BTreeSet::new(),
        finding_status: None,
        topic_arn: None,
        block: BlockPolicy::default(),
        aws: None,
    }
}

async fn restore(bench: &Bench, run: &RunState) -> Result<RunState, EngineError> {
    let prepared = bench.engine.prepare_restore(&restore_of(run)).await?;
    Ok(commit(bench, &prepared).await)
}

/// The same world with a ledger of one's own: a colleague at another machine.
fn elsewhere(bench: &Bench, name: &str) -> Bench {
    Bench { ledger: SqliteStore::in_memory().unwrap(), ..bench.clone() }.colleague(name)
}

#[track_caller]
fn done(run: &RunState) {
    assert_eq!(outcome(run), Outcome::Done, "{}", message(run));
}

fn table(world: &World, acl: &str) -> NetworkAcl {
    world.scopes[&payments()].network_acls[&AclId::new(acl)].clone()
}

fn live(bench: &Bench, acl: &str) -> NetworkAcl {
    table(&bench.sandbox.world(), acl)
}

/// The numbers under which an address is denied as a whole, by direction.
fn numbers(acl: &NetworkAcl, address: &str) -> BTreeMap<AclDirection, Vec<i32>> {
    let range = parse(address).unwrap();
    let of = |d: AclDirection| {
        acl.entries.iter().filter(|e| e.direction == d && e.denies_exactly(&range)).map(|e| e.number).collect()
    };
    BOTH.into_iter().map(|d| (d, of(d))).collect()
}

/// Checks that an address is denied once in each direction, under one number, and to some effect.
#[track_caller]
fn denied_once(acl: &NetworkAcl, address: &str) -> i32 {
    let found = numbers(acl, address);
    let [n] = found[&AclDirection::Ingress][..] else { panic!("{}: {found:?}", acl.id) };
    assert_eq!(found[&AclDirection::Egress], [n], "{}", acl.id);
    for direction in BOTH {
        assert!(acl.effective_deny(direction, &parse(address).unwrap()).is_some(), "{} {direction}", acl.id);
    }
    n
}

fn deny(number: i32, direction: AclDirection, address: &str) -> AclEntry {
    let cidr = parse(address).unwrap().to_string();
    AclEntry { number, direction, action: AclAction::Deny, protocol: "-1".into(), cidr, ports: None }
}

/// Somebody edits a table by hand.
fn edit(bench: &Bench, acl: &str, change: impl FnOnce(&mut Vec<AclEntry>)) {
    bench
        .sandbox
        .edit(|world| {
            let place = world.scopes.get_mut(&payments()).unwrap();
            let entries = &mut place.network_acls.get_mut(&AclId::new(acl)).unwrap().entries;
            change(entries);
            entries.sort();
        })
        .unwrap();
}

/// The denies that a run has recorded, as they were made.
fn recorded(run: &RunState) -> Vec<DenyAddress> {
    let deny = |c: Change| if let Change::DenyAddress(deny) = c { Some(deny) } else { None };
    run.changes().into_iter().filter_map(deny).collect()
}

/// The counter of an ACL: its value and how often it was written.
fn counter(bench: &Bench, acl: &str) -> Option<(String, i64)> {
    let world = bench.sandbox.world();
    let parameter = world.scopes[&payments()].parameters.get(&format!("/nacl/{acl}"))?;
    Some((parameter.value.clone(), parameter.version))
}

/// Which mutating calls were made, in order.
fn writes(bench: &Bench) -> Vec<String> {
    bench.sandbox.calls().into_iter().filter(|c| c.mutating).map(|c| c.operation).collect()
}

/// The world without the counters: hints that no restore takes back. What they may hold is checked by itself.
fn comparable(world: &World) -> World {
    let mut world = crate::quarantine::comparable(world);
    for place in world.scopes.values_mut() {
        place.parameters.retain(|name, _| !name.starts_with("/nacl/"));
    }
    world
}

#[tokio::test]
async fn i5_an_address_is_denied_where_the_instances_packets_cross_and_everything_comes_back() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let run = block(&bench, &request(&bench, STRANGER)).await.unwrap();
    done(&run);
    assert_eq!(
        message(&run),
        format!(
            "{STRANGER} is denied in {PUBLIC} {DATA}, ingress and egress, until it is taken back: every entry was read back"
        )
    );
    assert_eq!((denied_once(&live(&bench, PUBLIC), STRANGER), denied_once(&live(&bench, DATA), STRANGER)), (6, 14));
    assert_eq!(run.plan.subject, subject(&parse(STRANGER).unwrap()));
    // The counters name the last number used; the one that was behind its table is no longer.
    assert_eq!(counter(&bench, PUBLIC), Some(("6".into(), 2)));
    assert_eq!(counter(&bench, DATA), Some(("14".into(), 2)));
    // Nobody else's entries were touched.
    for acl in [PUBLIC, DATA] {
        let (was, is) = (table(&before, acl), live(&bench, acl));
        assert!(was.entries.iter().all(|e| is.entries.contains(e)));
        assert_eq!(is.entries.len(), was.entries.len() + 2);
    }
    let back = restore(&bench, &run).await.unwrap();
    done(&back);
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    // A hint is no state: it says which number was used last, and that is still so.
    assert_eq!(counter(&bench, PUBLIC), Some(("6".into(), 2)));
}

#[tokio::test]
async fn an_address_of_ipv6_is_denied_as_128_below_the_allow_of_its_family() {
    let bench = Bench::new("crypto-mining");
    let run = block(&bench, &request(&bench, "2001:db8:bad::99")).await.unwrap();
    done(&run);
    assert_eq!(denied_once(&live(&bench, DATA), "2001:db8:bad::99"), 14);
    assert_eq!(recorded(&run)[0].entry(AclDirection::Ingress).cidr, "2001:db8:bad::99/128");
}

#[tokio::test]
async fn what_is_blocked_already_is_refused_with_who_when_and_until() {
    let bench = Bench::new("crypto-mining");
    let run = block(&bench, &BlockRequest { stands: Stands::For("24h".parse().unwrap()), ..request(&bench, STRANGER) })
        .await
        .unwrap();
    bench.sandbox.clear_calls();
    let again = block(&bench.colleague("ben"), &request(&bench, STRANGER)).await.unwrap_err().to_string();
    assert!(
        again.starts_with(&format!(
            "{STRANGER} is denied already, by ana, since 2026-03-01 03:00:00Z, until 2026-03-02 03:00:00Z: \
             {PUBLIC} ingress 6 deny {STRANGER}/32 (ours, run {})",
            run.run
        )),
        "{again}"
    );
    assert_eq!(writes(&bench), [""; 0]);
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    done(&block(&bench.colleague("ben"), &request(&bench, STRANGER)).await.unwrap());
    assert_eq!(denied_once(&live(&bench, PUBLIC), STRANGER), 6);
}

#[tokio::test]
async fn i6_a_deny_of_somebody_elses_is_left_alone_by_the_block_and_by_the_way_back() {
    let bench = Bench::new("crypto-mining");
    // The estate's responders have denied this one in the public table in both directions, and in the other not at all.
    let known = "198.51.100.23";
    let before = bench.sandbox.world();
    let refused = block(&bench, &in_acl(known, PUBLIC)).await.unwrap_err().to_string();
    assert!(refused.contains("denied already, by somebody else") && refused.contains("not ours"), "{refused}");
    let prepared = bench.engine.prepare_block(&request(&bench, known)).await.unwrap();
    assert!(prepared.plan.warnings.iter().any(|w| w.contains("denied there already, and left as it is")));
    let run = commit(&bench, &prepared).await;
    done(&run);
    assert_eq!(recorded(&run).iter().map(|d| d.acl.as_str()).collect::<Vec<_>>(), [DATA]);
    done(&restore(&bench, &run).await.unwrap());
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
    assert_eq!(numbers(&live(&bench, PUBLIC), known)[&AclDirection::Ingress], [4]);
}

#[tokio::test]
async fn i6_half_a_deny_of_somebody_elses_is_completed_and_only_our_half_comes_back() {
    let bench = Bench::new("crypto-mining");
    edit(&bench, PUBLIC, |entries| entries.push(deny(7, AclDirection::Ingress, STRANGER)));
    let before = bench.sandbox.world();
    let run = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    done(&run);
    let [made] = &recorded(&run)[..] else { panic!() };
    assert_eq!(made.directions, BTreeSet::from([AclDirection::Egress]));
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    assert_eq!(comparable(&bench.sandbox.world()), comparable(&before));
}

#[tokio::test]
async fn one_direction_alone_is_denied_when_a_person_says_so() {
    let bench = Bench::new("crypto-mining");
    let directions = Some(BTreeSet::from([AclDirection::Egress]));
    let run = block(&bench, &BlockRequest { directions, ..in_acl(STRANGER, PUBLIC) }).await.unwrap();
    done(&run);
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER)[&AclDirection::Ingress], [0; 0]);
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER)[&AclDirection::Egress].len(), 1);
    assert!(run.plan.limits.iter().any(|l| l.contains("one direction alone")), "{:?}", run.plan.limits);
    // The other one later, under the number that the first has.
    let rest = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    done(&rest);
    denied_once(&live(&bench, PUBLIC), STRANGER);
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    assert_eq!(numbers(&live(&bench, PUBLIC), STRANGER).into_values().flatten().count(), 0);
}

#[tokio::test]
async fn the_counter_is_a_hint_that_nothing_waits_for() {
    let bench = Bench::new("crypto-mining");
    bench.sandbox.deny("ssm:GetParameters");
    let run = block(&bench, &in_acl(STRANGER, PUBLIC)).await.unwrap();
    done(&run);
    assert!(run.plan.warnings.iter().any(|w| w.starts_with("the counters can't be read, and are not written")));
    assert_eq!(counter(&bench, PUBLIC), Some(("4".into(), 1)));
    bench.sandbox.allow("ssm:GetParameters");
    bench.sandbox.deny("ssm:PutParameter");
    let run = block(&bench, &in_acl("203.0.113.98", PUBLIC)).await.unwrap();
    done(&run);
    assert!(
        message(&run).contains("Also failed, with no effect on the rest: Write 7 to the counter"),
        "{}",
        message(&run)
    );
}

#[tokio::test]
async fn a_rehearsal_asks_ec2_about_each_entry_and_changes_nothing() {
    let bench = Bench::new("crypto-mining");
    let before = bench.sandbox.world();
    let prepared = bench.engine.prepare_block(&request(&bench, STRANGER)).await.unwrap();
    bench.sandbox.clear_calls();
    let said = bench.engine.rehearse(&prepared).await.unwrap();
    assert_eq!(said.iter().filter(|r| r.allowed == Some(true)).count(), 2, "{said:?}");
    assert_eq!(writes(&bench), ["ec2:CreateNetworkAclEntry"; 4]);
    assert_eq!(bench.sandbox.world(), before);
}
