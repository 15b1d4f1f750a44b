//! Instances, their protections, and how others end them.

use super::*;
use crate::cloud::port::InstanceQuery;
use crate::cloud::sandbox::SandboxError;
use crate::domain::Protection;

#[tokio::test]
async fn unknown_instances_are_left_out_and_tags_select() {
    let (sandbox, _) = sandbox();
    let ids = vec![InstanceId::new(WEB_1), InstanceId::new("i-0123456789abcdef0")];
    let found = sandbox.instances(&payments(), &InstanceQuery::Ids(ids)).await.unwrap();
    assert_eq!(found.iter().map(|i| i.name().unwrap()).collect::<Vec<_>>(), ["web-1"]);
    assert_eq!(found[0].volumes.len(), 2);
    let tagged = InstanceQuery::Tagged("AutoRemediation".into(), "disabled".into());
    assert_eq!(sandbox.instances(&payments(), &tagged).await.unwrap()[0].name(), Some("batch-9"));
    assert!(sandbox.instances(&payments(), &InstanceQuery::All).await.unwrap().len() > 8);
}

#[tokio::test]
async fn protections_are_set_one_by_one() {
    let (sandbox, _) = sandbox();
    let web_1 = InstanceId::new(WEB_1);
    let both = |sandbox: Arc<Sandbox>| async move {
        let (payments, web_1) = (payments(), InstanceId::new(WEB_1));
        let of = |protection| sandbox.protection(&payments, &web_1, protection);
        (of(Protection::Termination).await.unwrap(), of(Protection::Stop).await.unwrap())
    };
    assert_eq!(both(sandbox.clone()).await, (false, false));
    sandbox.set_protection(&target(), &web_1, Protection::Termination, true).await.unwrap();
    assert_eq!(both(sandbox.clone()).await, (true, false));
    sandbox.set_protection(&target(), &web_1, Protection::Stop, true).await.unwrap();
    sandbox.set_protection(&target(), &web_1, Protection::Termination, false).await.unwrap();
    assert_eq!(both(sandbox.clone()).await, (false, true));
    assert_eq!(
        sandbox.protection(&payments(), &instance(&sandbox.world(), "db-1").1, Protection::Termination).await,
        Ok(true)
    );
}

#[tokio::test]
async fn protections_are_refused_where_ec2_has_none() {
    let (sandbox, _) = sandbox();
    let (build, spot) = instance(&sandbox.world(), "runner-3");
    let refused = sandbox.set_protection(&Target::new(&build), &spot, Protection::Stop, true).await.unwrap_err();
    assert_eq!(told(&refused), (ErrorKind::Conflict, "UnsupportedOperation"));
    let (_, operated) = instance(&sandbox.world(), "auto-5");
    let refused = sandbox.set_protection(&target(), &operated, Protection::Termination, true).await.unwrap_err();
    assert_eq!(refused.code, "OperationNotPermitted");
    let unknown = InstanceId::new("i-0123456789abcdef0");
    let refused = sandbox.set_protection(&target(), &unknown, Protection::Stop, true).await.unwrap_err();
    assert_eq!(told(&refused), (ErrorKind::NotFound, "InvalidInstanceID.NotFound"));
    let refused = sandbox.protection(&payments(), &unknown, Protection::Stop).await.unwrap_err();
    assert_eq!(refused.code, "InvalidInstanceID.NotFound");
}

#[tokio::test]
async fn protection_keeps_others_from_ending_an_instance() {
    let (sandbox, _) = sandbox();
    let web_1 = InstanceId::new(WEB_1);
    for protection in [Protection::Termination, Protection::Stop] {
        sandbox.set_protection(&target(), &web_1, protection, true).await.unwrap();
        let refused = sandbox.terminate(&payments(), &web_1).unwrap_err();
        assert!(matches!(refused, SandboxError::Refused { code: "OperationNotPermitted", .. }), "{refused}");
        sandbox.set_protection(&target(), &web_1, protection, false).await.unwrap();
    }
    sandbox.terminate(&payments(), &web_1).unwrap();
    let ended = sandbox.instances(&payments(), &InstanceQuery::Ids(vec![web_1.clone()])).await.unwrap();
    assert_eq!((ended[0].state.as_str(), ended[0].exists()), ("terminated", false));
    assert!(interfaces(&sandbox, &payments(), &web_1).await.is_empty());
    let late = sandbox.set_interface_groups(&target(), &primary(), &[GroupId::new("sg-1")]).await.unwrap_err();
    assert_eq!(late.code, "InvalidNetworkInterfaceID.NotFound");
    let late = sandbox.set_protection(&target(), &web_1, Protection::Stop, true).await.unwrap_err();
    assert_eq!(told(&late), (ErrorKind::Conflict, "IncorrectInstanceState"));
}

#[tokio::test]
async fn the_caller_is_somebody_else_in_each_account() {
    let (sandbox, _) = sandbox();
    let home = sandbox.caller_identity(None).await.unwrap();
    assert_eq!(home.account, "555566667777");
    let there = sandbox.caller_identity(Some(&payments())).await.unwrap();
    assert_eq!(there.arn, "arn:aws:sts::111122223333:assumed-role/lazaret-responder/ana@example.com");
}
