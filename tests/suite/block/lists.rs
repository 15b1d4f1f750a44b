//! AWS's own prefix lists: what stands in one is not blocked, and reading them costs a block nothing.

use super::*;
use lazaret::cloud::sandbox::{Behaviour, Fault, FaultKind, depth};
use std::time::Duration;

const DESCRIBE: &str = "ec2:DescribeManagedPrefixLists";
const ENTRIES: &str = "ec2:GetManagedPrefixListEntries";
const S3: &str = "pl-6ea54007";

async fn refused(bench: &Bench, request: &BlockRequest) -> String {
    bench.engine.prepare_block(request).await.unwrap_err().to_string()
}

async fn warnings(bench: &Bench, request: &BlockRequest) -> String {
    bench.engine.prepare_block(request).await.unwrap().plan.warnings.join("\n")
}

#[tokio::test]
async fn an_address_in_one_of_awss_lists_is_refused_by_the_lists_name() {
    let bench = Bench::new("crypto-mining");
    for (address, range, list) in [
        ("3.5.136.9", "3.5.136.0/22", "pl-6ea54007 com.amazonaws.eu-central-1.s3"),
        ("52.94.17.0/25", "52.94.17.0/24", "pl-66a5400f com.amazonaws.eu-central-1.dynamodb"),
        ("130.176.63.255", "130.176.0.0/18", "pl-a3a144ca com.amazonaws.global.cloudfront.origin-facing"),
        ("2600:9000:1000::5", "2600:9000:1000::/36", "pl-0f8a17c3d2e5b6490 com.amazonaws.global.ipv6.cloudfront"),
    ] {
        let said = refused(&bench, &request(&bench, address)).await;
        assert!(said.contains(&format!("{range} is AWS's own ({list}")), "{address}: {said}");
    }
    // Another Region's list is not this one's, and a list of somebody's own says nothing of AWS.
    for other in ["52.216.0.9", STRANGER] {
        done(&block(&bench, &request(&bench, other)).await.unwrap());
    }
    // Typed again it is blocked, as one in the file is, and said to be AWS's.
    let range = parse("3.5.136.9").unwrap();
    let typed = BlockRequest { typed_again: Some(range), ..request(&bench, "3.5.136.9") };
    let said = warnings(&bench, &typed).await;
    assert!(said.contains("touches AWS's own 3.5.136.0/22 (pl-6ea54007 com.amazonaws.eu-central-1.s3)"), "{said}");
    done(&block(&bench, &typed).await.unwrap());
}

#[tokio::test]
async fn what_no_list_carries_is_said_where_there_is_no_file() {
    let bench = Bench::new("crypto-mining");
    let said = warnings(&bench, &request(&bench, STRANGER)).await;
    assert!(said.contains("whether this is AWS's own was checked against 4 prefix lists of AWS's alone"), "{said}");
    let ranges = r#"{"createDate": "2026-02-01-00-00-00", "prefixes":
        [{"ip_prefix": "198.51.100.128/25", "region": "eu-west-1", "service": "EC2"}], "ipv6_prefixes": []}"#;
    let aws = Some(std::sync::Arc::new(lazaret::policy::address::AwsRanges::parse(ranges).unwrap()));
    let with_file = |address: &str| BlockRequest { aws: aws.clone(), ..request(&bench, address) };
    let said = warnings(&bench, &with_file(STRANGER)).await;
    assert!(!said.contains("AWS's own"), "{said}");
    assert!(refused(&bench, &with_file("198.51.100.200")).await.contains("(EC2 in eu-west-1)"));
    assert!(refused(&bench, &with_file("3.5.136.9")).await.contains("(pl-6ea54007 "));
}

#[tokio::test]
async fn an_entry_that_is_everybody_refuses_nobody() {
    let bench = Bench::new("crypto-mining");
    let everybody = ["0.0.0.0/0", "::/0"].map(|r| parse(r).unwrap());
    let widen = |world: &mut World| {
        let lists = &mut world.scopes.get_mut(&payments()).unwrap().prefix_lists;
        lists.get_mut(&S3.into()).unwrap().ranges.extend(everybody);
    };
    bench.sandbox.edit(widen).unwrap();
    done(&block(&bench, &request(&bench, STRANGER)).await.unwrap());
    done(&block(&bench, &in_acl("2001:db8:bad::99", DATA)).await.unwrap());
    assert!(refused(&bench, &request(&bench, "3.5.136.9")).await.contains("pl-6ea54007"));
}

/// However the reading fails, the block is made, and its plan says what was not checked.
#[tokio::test(start_paused = true)]
async fn lists_that_can_not_be_read_are_said_and_stop_nothing() {
    for (kind, why) in [
        (FaultKind::Deny, "UnauthorizedOperation"),
        (FaultKind::Throttle, "RequestLimitExceeded"),
        (FaultKind::TimeoutBefore, ""),
        (FaultKind::HangBefore, "no answer within 4 s"),
    ] {
        let bench = Bench::new("crypto-mining");
        bench.sandbox.inject(Fault::on(DESCRIBE).kind(kind.clone()).always());
        let asked = request(&bench, STRANGER);
        let prepared = bench.engine.prepare_block(&asked).await.unwrap();
        let said = prepared.plan.warnings.join("\n");
        let named = "AWS's prefix lists could not be read: all in 111122223333/eu-central-1 (";
        assert!(said.contains(named) && said.contains(why), "{kind:?}: {said}");
        assert!(said.contains("was checked against nothing"), "{kind:?}: {said}");
        done(&commit(&bench, &prepared).await);
        // What is not known is not refused, which is what the plan has said.
        done(&block(&bench, &request(&bench, "3.5.136.9")).await.unwrap());
    }
    // One list alone: the others still count.
    for kind in [FaultKind::Deny, FaultKind::HangBefore] {
        let bench = Bench::new("crypto-mining");
        bench.sandbox.inject(Fault::on(ENTRIES).resource(S3).kind(kind.clone()).always());
        let said = warnings(&bench, &request(&bench, STRANGER)).await;
        let named = format!("could not be read: {S3} com.amazonaws.eu-central-1.s3 in 111122223333/eu-central-1 (");
        assert!(said.contains(&named) && said.contains("against 3 prefix lists of AWS's alone"), "{kind:?}: {said}");
        assert!(refused(&bench, &request(&bench, "130.176.1.1")).await.contains("pl-a3a144ca"), "{kind:?}");
        done(&block(&bench, &request(&bench, "3.5.136.9")).await.unwrap());
    }
}

/// The lists are read beside the tables and their counters: two calls in a row, as without them.
#[tokio::test(start_paused = true)]
async fn the_lists_add_no_call_in_a_row_to_a_block() {
    let bench = Bench::new("crypto-mining");
    let latency = Duration::from_secs(1);
    bench.sandbox.set_behaviour(Behaviour { latency, ..Behaviour::default() });
    let (started, asked) = (tokio::time::Instant::now(), request(&bench, STRANGER));
    bench.engine.prepare_block(&asked).await.unwrap();
    let calls = bench.sandbox.calls();
    let count = |operation: &str| calls.iter().filter(|c| c.operation == operation).count();
    assert_eq!((count(DESCRIBE), count(ENTRIES)), (1, 4));
    assert_eq!((depth(&calls), started.elapsed()), (2, 2 * latency));
}

/// What takes a block back, or moves its end, asks for no list: they are no reason to leave a deny standing.
#[tokio::test]
async fn nothing_but_a_block_reads_them() {
    let bench = Bench::new("crypto-mining");
    let ttl = request(&bench, STRANGER);
    done(&block(&bench, &BlockRequest { stands: Stands::For("24h".parse().unwrap()), ..ttl }).await.unwrap());
    bench.sandbox.clear_calls();
    done(&extend(&bench, STRANGER, "48h").await.unwrap());
    done(&unblock(&bench, STRANGER, WhichBlocks::All).await.unwrap());
    assert!(!bench.sandbox.calls().iter().any(|c| c.operation.contains("PrefixList")));
}
