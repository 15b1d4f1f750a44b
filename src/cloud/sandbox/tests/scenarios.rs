//! The scenarios in the program: whether they are right, and what their findings look like once decoded.

use super::*;
use crate::cloud::sandbox::background::present;
use crate::domain::{Severity, Source, Subject, text};
use crate::intake::asff;
use chrono::Duration;
use serde_json::Value;

fn worlds() -> Vec<World> {
    let load = |name: &str| Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
    Scenario::names().into_iter().map(|name| load(name).build(start(), 1).unwrap()).collect()
}

fn findings(world: &World) -> Vec<Value> {
    let stored = world.scopes.values().flat_map(|place| &place.findings).map(|f| f.json.clone());
    stored.chain(present(world, start() + Duration::hours(3)).into_iter().map(|m| m.json)).collect()
}

#[test]
fn every_scenario_has_the_shared_estate() {
    for name in Scenario::names() {
        let scenario = Scenario::load(name).unwrap();
        assert_eq!(scenario.name(), name);
        assert!(!scenario.title().is_empty() && !scenario.about().is_empty());
        assert_eq!(scenario.home_scope(), &security());
        assert!(scenario.accounts().contains(&("111122223333".into(), "payments-prod".into())));
        let world = scenario.build(start(), 1).unwrap();
        assert_eq!(world.scopes.len(), 6);
        for (scope, place) in &world.scopes {
            assert!(place.topics.contains_key(&scope.arn("sns", "security-alerts")), "{scope}");
            let own = scope.account == security().account;
            assert_eq!(own, place.instances.is_empty(), "the administrator's account holds nothing of its own");
        }
    }
}

#[test]
fn every_finding_decodes_and_is_about_what_is_there() {
    for world in worlds() {
        let mut ids = std::collections::BTreeSet::new();
        for json in findings(&world) {
            let finding = asff::decode(&json).unwrap_or_else(|error| panic!("{}: {error}", world.scenario));
            let what = format!("{}: {}", world.scenario, text::safe(&finding.title));
            assert_eq!(finding.source, Source::SecurityHub, "{what}");
            assert!(ids.insert(finding.id.clone()), "{what}: the id is there twice");
            assert!(finding.key().is_some() && finding.updated_at.is_some() && !finding.subjects.is_empty(), "{what}");
            assert!(!finding.finding_type.is_empty() && !finding.title.contains('{'), "{what}");
            assert!(finding.oddities.is_empty() || finding.sample, "{what}: {:?}", finding.oddities);
            let scope = finding.scope().unwrap_or_else(|| panic!("{what}: no scope"));
            let expected = json["Resources"][0]["Id"].as_str().is_some_and(|id| id.contains(":instance/"));
            assert_eq!(expected, finding.instances().count() == 1, "{what}");
            for id in finding.instances().filter_map(|i| i.id.as_ref()) {
                let known = world.scopes[&scope].instances.contains_key(id);
                let gone = id.as_str() == "i-0dead00000000dead";
                assert!(known != (finding.sample || gone), "{what}: {id}");
            }
        }
    }
}

#[test]
fn the_default_scenario_is_the_one_on_the_front_page() {
    let world = world();
    assert_eq!(world.scenario, crate::cloud::sandbox::DEFAULT_SCENARIO);
    let arrived = world.scopes.values().flat_map(|p| &p.findings).filter(|f| f.arrives_at <= start());
    let worst: Vec<_> = arrived
        .filter_map(|f| asff::decode(&f.json).ok())
        .filter(|f| f.severity == Severity::Critical)
        .map(|f| (f.finding_type.clone(), f.instances().next().and_then(|i| i.id.clone())))
        .collect();
    assert_eq!(worst, [("CryptoCurrency:EC2/BitcoinTool.B!DNS".into(), Some(InstanceId::new(WEB_1)))]);
}

#[test]
fn the_noisy_morning_has_two_hundred_findings_and_most_are_noise() {
    let world = Scenario::load("noisy-morning").unwrap().build(start(), 1).unwrap();
    let found: Vec<_> = world.scopes.values().flat_map(|p| &p.findings).filter(|f| f.arrives_at <= start()).collect();
    assert_eq!(found.len(), 200);
    let decoded = found.iter().map(|f| asff::decode(&f.json).unwrap());
    let loud = decoded.filter(|f| f.severity >= Severity::High).count();
    assert!((4..20).contains(&loud), "{loud}");
}

#[test]
fn the_stolen_role_is_shared_and_its_caller_comes_from_tor() {
    let world = Scenario::load("ssrf-exfiltration").unwrap().build(start(), 1).unwrap();
    let place = &world.scopes[&payments()];
    let holds = |i: &&crate::cloud::sandbox::InstanceState| {
        i.instance.profile_arn.as_deref() == Some("arn:aws:iam::111122223333:instance-profile/ec2rolle")
    };
    assert_eq!(place.instances.values().filter(holds).count(), 3);
    assert_eq!(place.interfaces_of(&InstanceId::new(WEB_1)).len(), 2);
    let tor = place.findings.iter().map(|f| asff::decode(&f.json).unwrap());
    let tor = tor.filter(|f| f.finding_type == "UnauthorizedAccess:IAMUser/TorIPCaller").collect::<Vec<_>>();
    assert!(tor.iter().any(|f| f.subjects.iter().any(|s| matches!(s, Subject::RemoteAddress(r) if r.api_caller))));
}

#[test]
fn the_estate_has_one_of_each_thing_that_makes_containment_hard() {
    let world = world();
    let of = |name: &str| world.find_instance(name).unwrap_or_else(|| panic!("no {name}"));
    let interfaces = |name: &str| {
        let (scope, state) = of(name);
        world.scopes[scope].interfaces_of(&state.instance.id)
    };
    assert!(of("db-1").1.termination_protection);
    assert!(interfaces("db-1")[0].private_ips.iter().any(std::net::IpAddr::is_ipv6));
    assert_eq!(of("inventory-50").1.instance.tags.len(), 50);
    assert_eq!(of("batch-9").1.instance.tags["AutoRemediation"], "disabled");
    assert_eq!(of("web-3").1.instance.tags["aws:autoscaling:groupName"], "payments-web");
    assert_eq!(of("runner-3").1.instance.lifecycle.as_deref(), Some("spot"));
    assert_eq!(of("report-1").1.instance.state, "stopped");
    assert_eq!(of("auto-5").1.instance.operator.as_deref(), Some("eks.amazonaws.com"));
    assert_eq!(interfaces("node-4").iter().map(|i| i.requester_managed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(interfaces("router-1").iter().map(|i| i.groups.len()).collect::<Vec<_>>(), [13, 2, 1]);
    let shown = |name: &str| -> Vec<Vec<String>> {
        let (scope, _) = of(name);
        let group = |g| world.scopes[scope].groups[g].group.name.clone();
        interfaces(name).iter().map(|i| i.groups.iter().map(group).collect()).collect()
    };
    assert_eq!(shown("web-1"), [vec!["app", "web"], vec!["db"]]);
}

#[test]
fn attackers_bytes_are_in_the_scenarios() {
    let json: Vec<String> = worlds().iter().flat_map(findings).map(|f| f["Title"].to_string()).collect();
    assert!(json.iter().any(|title| title.contains("\\u001b]52;c;") && title.contains('\u{202e}')));
    let world = world();
    let hostile = &world.scopes[&payments()].instances[&InstanceId::new("i-0bad0bad0bad0bad0")];
    assert!(hostile.instance.tags.values().any(|value| value.contains('\u{9b}')));
}

const S3: &str = "com.amazonaws.eu-central-1.s3";

#[test]
fn awss_prefix_lists_are_in_every_account_of_their_region_and_ones_own_in_one() {
    let world = world();
    let names = |scope: &Scope| -> Vec<&str> {
        world.scopes[scope].prefix_lists.values().filter(|l| l.of_aws).map(|l| l.name.as_str()).collect()
    };
    for (scope, place) in &world.scopes {
        let s3 = format!("com.amazonaws.{}.s3", scope.region);
        assert!(names(scope).contains(&s3.as_str()), "{scope}");
        assert!(names(scope).contains(&"com.amazonaws.global.cloudfront.origin-facing"), "{scope}");
        let own = place.prefix_lists.values().filter(|l| !l.of_aws).count();
        assert_eq!(own, usize::from(*scope == payments()), "{scope}");
    }
}

#[test]
fn mistakes_name_file_and_place() {
    let estate = "include = [\"estate\"]\n";
    let list = |entry: &str| format!("{estate}[[prefix_list]]\n{entry}\nranges = []\n");
    let finding = "[[finding]]\nscope = \"payments-prod/eu-central-1\"\ntype = \"A:EC2/B\"\ntitle = \"t\"\n";
    for (text, expected) in [
        ("title = \"t\"\ncolour = 1\n".to_owned(), "x.toml: line 2, column 1: unknown field `colour`"),
        ("title = ".to_owned(), "x.toml: line 1"),
        ("include = [\"nothing\"]".to_owned(), "x.toml: include: there is no part `nothing`"),
        (String::new(), "x.toml: top: `caller` is missing"),
        (format!("{estate}{finding}instance = \"web-99\"\n"), "x.toml: finding 1 (`t`): there is no instance `web-99`"),
        (format!("{estate}{finding}arrives = \"soon\"\n"), "`soon` is not a span of time"),
        (format!("{estate}{finding}recurs = \"-1m\"\n"), "`recurs` can't be"),
        (format!("{estate}{finding}severity = \"BAD\"\n"), "unknown variant `BAD`"),
        (
            format!("{estate}{}", finding.replace("payments-prod", "nobody")),
            "`nobody/eu-central-1` is no account/Region",
        ),
        (
            format!(
                "{estate}[[instance]]\nscope = \"build/us-east-1\"\nid = \"i-12345678\"\nname = \"n\"\ntype = \"t3.micro\"\ninterface = [{{ id = \"eni-12345678\", subnet = \"staging-a\", groups = [\"web\"] }}]\n"
            ),
            "x.toml: instance 1 (`n`): there is no group `web` in vpc-",
        ),
        (
            list(&format!("account = \"build\"\nname = \"{S3}\"\nregion = \"eu-central-1\"\nid = \"pl-12345678\"")),
            "the names of AWS's own begin with `com.amazonaws.`, and no others",
        ),
        (
            list(&format!("name = \"{S3}\"\nregion = \"eu-west-9\"\nid = \"pl-12345678\"")),
            "x.toml: prefix_list 1 (`com.amazonaws.eu-central-1.s3`): there is no account with this Region",
        ),
        (
            list(&format!("name = \"{S3}\"\nregion = \"eu-central-1\"\nid = \"pl-6ea54007\"")),
            "pl-6ea54007 is there twice",
        ),
    ] {
        let error = Scenario::from_toml("x", &text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}\nwanted: {expected}");
    }
    let error = Scenario::load("nothing").unwrap_err().to_string();
    assert!(error.contains("crypto-mining, noisy-morning"), "{error}");
}
