//! `lazaret show`: an instance as it is now, a finding, or whoever is behind credentials.

use super::args::{Global, RevokeKind, ShowArgs};
use super::decode;
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::Session;
use crate::domain::{FindingId, InstanceId, text};
use crate::playbook::change::group_list;
use crate::playbook::{GroupChoice, Observed, tags};
use serde_json::json;

pub(super) async fn run(global: &Global, args: &ShowArgs, out: &Out) -> Result<Exit, Failure> {
    if let Some(name) = &args.name {
        return super::principal::run(global, args, name, out).await;
    }
    if <RevokeKind as clap::ValueEnum>::from_str(&args.what, true).is_ok() {
        return Err(Failure::new(Exit::Usage, format!("which {}?", args.what)).hint("lazaret show key|user|role NAME"));
    }
    if args.finding.is_some() {
        return Err(Failure::new(Exit::Usage, "--finding says whose a key is: lazaret show key NAME --finding ID"));
    }
    let session = Session::open(global).await?;
    if let Ok(instance) = args.what.parse::<InstanceId>() {
        let scope = session.scope_of(&instance).await?;
        let world = session.engine.observe_instance(&scope, &instance, &session.settings.quarantine).await?;
        if world.instance.is_none() {
            return Err(Failure::new(Exit::Failed, format!("{instance} does not exist in {scope}"))
                .hint("--account and --region say where to look"));
        }
        show_instance(&session, &world, out);
        return Ok(Exit::Done);
    }
    let id = FindingId(args.what.clone());
    let Some((_, seen)) = session.finding(&id).await? else {
        return Err(Failure::new(Exit::Failed, format!("no finding has the id {}", text::safe(&args.what))));
    };
    if out.json {
        out.json(&decode::line(&seen.finding));
    } else {
        decode::print(&seen.finding, out);
    }
    Ok(Exit::Done)
}

fn show_instance(session: &Session, world: &Observed, out: &Out) {
    let Some(instance) = &world.instance else { return };
    let status = match &world.quarantine_group {
        GroupChoice::Found(group) if world.is_isolated_by(&group.id) => "isolated",
        _ if instance.tags.get(tags::STATUS).map(String::as_str) == Some(tags::QUARANTINED) => {
            "tagged Quarantined, NOT isolated"
        }
        _ => "not in quarantine",
    };
    if out.json {
        out.json(&json!({
            "scope": world.scope, "status": status, "instance": instance,
            "interfaces": world.interfaces_in_order(), "protections": world.protections,
            "quarantine_group": world.quarantine_group, "observed_at": world.at,
        }));
        return;
    }
    let name = instance.name().map(|n| text::fit(n, 60)).unwrap_or_default();
    out.line(format!(
        "{} {name}  {}  {} ({})",
        instance.id,
        instance.state,
        world.scope,
        session.account_name(&world.scope.account)
    ));
    out.line(format!("  status      {status}"));
    out.line(format!("  profile     {}", instance.profile_arn.as_deref().map_or("none".into(), |p| text::fit(p, 120))));
    for (protection, on) in &world.protections {
        out.line(format!("  {protection}  {}", if *on { "on" } else { "off" }));
    }
    for interface in world.interfaces_in_order() {
        let originals = tags::read_originals(&interface.tags).map(|g| format!("  (written down: {})", group_list(&g)));
        out.line(format!("  {}  {}{}", interface.id, group_list(&interface.groups), originals.unwrap_or_default()));
    }
    for volume in &instance.volumes {
        out.line(format!("  {}  {}", volume.id, text::safe(&volume.device)));
    }
    for (key, value) in &instance.tags {
        out.line(format!("  tag {}={}", text::safe(key), text::fit(value, 200)));
    }
}
