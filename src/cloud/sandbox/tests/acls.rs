//! Entries of network ACLs and the parameters that count them. What moto knows too is in the contract tests.

use super::*;
use crate::cloud::port::{AclReads, AclWrites};
use crate::domain::{AclAction, AclDirection, AclEntry, AclId};

const DATA: &str = "acl-0da7a000000000001";

fn entry(number: i32, protocol: &str, ports: Option<(i32, i32)>) -> AclEntry {
    let (direction, action) = (AclDirection::Ingress, AclAction::Deny);
    AclEntry { number, direction, action, protocol: protocol.into(), cidr: "203.0.113.99/32".into(), ports }
}

#[tokio::test]
async fn a_protocol_is_a_number_and_tcp_and_udp_name_their_ports() {
    let (sandbox, _) = sandbox();
    let acl = AclId::new(DATA);
    for (protocol, ports, code) in [
        ("tcp", Some((22, 22)), Some("InvalidParameterValue")),
        ("256", None, Some("InvalidParameterValue")),
        ("-2", None, Some("InvalidParameterValue")),
        ("6", None, Some("MissingParameter")),
        ("17", None, Some("MissingParameter")),
        ("6", Some((22, 22)), None),
    ] {
        let before = sandbox.world();
        let answer = sandbox.create_acl_entry(&target(), &acl, &entry(20, protocol, ports)).await;
        assert_eq!(answer.as_ref().err().map(|e| e.code.as_str()), code, "{protocol}");
        assert_eq!(sandbox.world() == before, code.is_some(), "a refused call changes nothing");
    }
    let broken = AclEntry { cidr: "203.0.113.99/33".into(), ..entry(21, "-1", None) };
    let error = sandbox.create_acl_entry(&target(), &acl, &broken).await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Invalid, "InvalidParameterValue"));
    // Ports say nothing where every protocol is meant.
    sandbox.create_acl_entry(&target(), &acl, &entry(22, "-1", Some((1, 2)))).await.unwrap();
    let found = sandbox.network_acls(&payments(), &[acl]).await.unwrap();
    assert_eq!(found[0].at(AclDirection::Ingress, 22).unwrap().ports, None);
}

#[tokio::test]
async fn the_quota_can_be_raised_to_forty_and_no_further() {
    let (sandbox, _) = sandbox();
    let acl = AclId::new(DATA);
    let used = sandbox.network_acls(&payments(), std::slice::from_ref(&acl)).await.unwrap();
    let used = used[0].entries_of(AclDirection::Ingress, false).len();
    for (raised, quota) in [(None, 20), (Some(30), 30), (Some(100), 40)] {
        sandbox.edit(|w| w.scopes.get_mut(&payments()).unwrap().acl_entries = raised).unwrap();
        let mut n = 200;
        let error = loop {
            n += 1;
            if let Err(error) = sandbox.create_acl_entry(&target(), &acl, &entry(n, "-1", None)).await
                && error.code != "NetworkAclEntryAlreadyExists"
            {
                break error;
            }
        };
        assert_eq!(told(&error), (ErrorKind::Conflict, "NetworkAclEntryLimitExceeded"));
        assert_eq!(n, 201 + i32::try_from(quota - used).unwrap(), "{quota}");
    }
}

#[tokio::test]
async fn a_parameter_has_a_name_a_value_and_a_version_for_each_writing() {
    let (sandbox, clock) = sandbox();
    clock.advance(chrono::Duration::hours(1));
    let name = format!("/nacl/{DATA}");
    sandbox.put_parameter(&target(), &name, "14").await.unwrap();
    let found = sandbox.named_parameters(&payments(), std::slice::from_ref(&name)).await.unwrap();
    assert_eq!((found[0].value.as_str(), found[0].version), ("14", 2));
    assert_eq!(found[0].modified_at, Some(start() + chrono::Duration::hours(1)));
    for (name, value, code) in [
        ("/nacl/", "1", "ValidationException"),
        ("nacl/one", "1", "ValidationException"),
        ("/nacl/a b", "1", "ValidationException"),
        ("/SSM/one", "1", "ValidationException"),
        ("/aws/one", "1", "AccessDeniedException"),
        ("/nacl/one", "", "ValidationException"),
        ("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p", "1", "HierarchyLevelLimitExceededException"),
    ] {
        let error = sandbox.put_parameter(&target(), name, value).await.unwrap_err();
        assert_eq!(error.code, code, "{name}");
    }
    sandbox.deny("ssm:PutParameter");
    let error = sandbox.put_parameter(&target(), &name, "15").await.unwrap_err();
    assert_eq!(told(&error), (ErrorKind::Denied, "AccessDeniedException"));
}
