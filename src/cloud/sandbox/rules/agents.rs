//! Agents of Systems Manager and the commands that they run; consoles.
//!
//! An agent that was cut off by other groups tells nothing any more: what a script had said before can still be fetched, as
//! Systems Manager keeps it, and what it says later is lost.

use super::super::inside::{AgentState, CommandState};
use super::super::refusal::{Refusal, Ruling};
use super::super::world::{ScopeWorld, World};
use super::instances;
use crate::cloud::port::{Agent, CommandResult, ConsoleOutput, Invocation, ShellCommand};
use crate::domain::{GroupRule, InstanceId, InterfaceId, RulePeer, Scope};
use chrono::{DateTime, Duration, Utc};

/// The picture on every console: a login prompt, as a real screenshot a JPEG.
const SCREEN: &[u8] = include_bytes!("../../../../assets/scenarios/console.jpg");

/// The longest comment of a command (SSM API reference, `SendCommand`).
const COMMENT: usize = 100;

/// The types that are not built on Nitro, as far as scenarios have them.
const BEFORE_NITRO: [&str; 5] = ["t2.", "m4.", "c4.", "r4.", "i3."];

/// What the agent on an instance is to Systems Manager now.
pub(in super::super) fn agent(place: &ScopeWorld, instance: &InstanceId, now: DateTime<Utc>) -> Option<Agent> {
    let state = place.inside.agents.get(instance)?;
    let online = is_online(place, instance, state);
    Some(Agent {
        ping: if online { "Online" } else { "ConnectionLost" }.to_owned(),
        platform: if state.platform.is_empty() { "Linux".to_owned() } else { state.platform.clone() },
        version: "3.3.3050.0".to_owned(),
        last_ping: Some(if online { now } else { now - Duration::minutes(12) }),
    })
}

fn is_online(place: &ScopeWorld, instance: &InstanceId, agent: &AgentState) -> bool {
    let Some(state) = place.instances.get(instance) else { return false };
    let profile = state.instance.profile_arn.as_deref().and_then(|arn| arn.rsplit('/').next());
    let fits = agent.profile.as_deref().is_none_or(|wanted| profile == Some(wanted));
    !agent.lost && fits && state.instance.state == "running" && reaches_systems_manager(place, instance)
}

/// Whether some interface lets TCP 443 out to the world, or to the groups of an endpoint that Systems Manager has in the
/// VPC.
fn reaches_systems_manager(place: &ScopeWorld, instance: &InstanceId) -> bool {
    let endpoints: Vec<_> = place.endpoints.values().filter(|e| e.endpoint.service.contains(".ssm")).collect();
    let out = |rule: &GroupRule| {
        let https = match (rule.protocol.as_str(), rule.from_port, rule.to_port) {
            ("-1", ..) => true,
            ("tcp" | "6", from, to) => from.is_none_or(|p| p <= 443) && to.is_none_or(|p| p >= 443),
            _ => false,
        };
        https
            && match &rule.peer {
                RulePeer::Group(group) => endpoints.iter().any(|e| e.endpoint.groups.contains(group)),
                RulePeer::Cidr(_) | RulePeer::PrefixList(_) => true,
                RulePeer::Other(_) => false,
            }
    };
    place
        .interfaces_of(instance)
        .iter()
        .flat_map(|i| &i.groups)
        .any(|g| place.groups.get(g).is_some_and(|g| g.group.egress.iter().any(out)))
}

pub(in super::super) fn send(
    world: &mut World,
    scope: &Scope,
    command: &ShellCommand,
    now: DateTime<Utc>,
    takes: std::time::Duration,
) -> Ruling<String> {
    let place = world.place(scope)?;
    if command.comment.chars().count() > COMMENT {
        return Err(Refusal::new("ValidationException", "Member must have length less than or equal to 100"));
    }
    let agent = place.inside.agents.get(&command.instance);
    if !agent.is_some_and(|agent| is_online(place, &command.instance, agent)) {
        let message = format!("Instances [[{}]] not in a valid state for account {}", command.instance, scope.account);
        return Err(Refusal::new("InvalidInstanceId", message));
    }
    let id = world.new_id("");
    // The form of a UUID: 8-4-4-4-12.
    let hex = format!("{id}{:014x}", world.made);
    let id = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| hex.get(part).unwrap_or_default()).join("-");
    let state = CommandState {
        instance: command.instance.clone(),
        comment: command.comment.clone(),
        script: command.script.clone(),
        sent_at: now,
        ends_at: now + Duration::from_std(takes).unwrap_or_default(),
        told: false,
    };
    world.place_mut(scope)?.inside.commands.insert(id.clone(), state);
    Ok(id)
}

/// What the agent behind an interface has said by now is told, right before the interface's groups may cut it off.
pub(in super::super) fn told_by_now(place: &mut ScopeWorld, interface: &InterfaceId, now: DateTime<Utc>) {
    let Some(instance) = place.interfaces.get(interface).and_then(|i| i.instance.clone()) else { return };
    let online = place.inside.agents.get(&instance).is_some_and(|agent| is_online(place, &instance, agent));
    let ended = place.inside.commands.values_mut().filter(|c| c.instance == instance && c.ends_at <= now);
    ended.for_each(|command| command.told |= online);
}

pub(in super::super) fn commands(place: &ScopeWorld, instance: &InstanceId, since: DateTime<Utc>) -> Vec<Invocation> {
    let mine = place.inside.commands.iter().filter(|(_, c)| c.instance == *instance && c.sent_at >= since);
    mine.map(|(id, c)| Invocation { command: id.clone(), comment: c.comment.clone(), at: Some(c.sent_at) }).collect()
}

pub(in super::super) fn result(
    place: &ScopeWorld,
    command: &str,
    instance: &InstanceId,
    now: DateTime<Utc>,
) -> Option<CommandResult> {
    let state = place.inside.commands.get(command).filter(|c| c.instance == *instance)?;
    let said =
        |status: &str, code, stdout| CommandResult { status: status.into(), code, stdout, stderr: String::new() };
    let agent = place.inside.agents.get(instance);
    match agent.filter(|agent| state.told || is_online(place, instance, agent)) {
        Some(agent) if now >= state.ends_at => Some(said("Success", 0, output(agent, state, instance))),
        _ => Some(said("InProgress", -1, String::new())),
    }
}

/// What a script says: what the scenario gives it to say, else what it says on a machine where nothing is wrong.
fn output(agent: &AgentState, command: &CommandState, instance: &InstanceId) -> String {
    let name = command.script.lines().find_map(|line| line.strip_prefix("# lazaret: ")).unwrap_or_default();
    let taken = command.ends_at.format("taken %Y-%m-%dT%H:%M:%SZ");
    let said = agent.outputs.get(name).map_or_else(|| healthy(name, instance), Clone::clone);
    format!("{taken}\n{said}")
}

fn healthy(script: &str, instance: &InstanceId) -> String {
    match script {
        "processes" => "\n== executables outside /usr, /bin, /sbin, /lib and /opt/aws\n\n== ps\n  PID  PPID USER COMMAND\n    \
                        1     0 root /usr/lib/systemd/systemd\n  611     1 root /usr/bin/amazon-ssm-agent\n  702     1 root \
                        sshd: /usr/sbin/sshd -D\n"
            .into(),
        "sockets" => "\n== ss -H -tunap\ntcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((\"sshd\",pid=702,fd=3))\n".into(),
        "deleted-executables" => "0 executables without a file\n".into(),
        "logins" => "\n== who -a\n\n== last -F -n 60\nec2-user pts/0 10.20.1.4 Mon 08:12 - 08:20\n".into(),
        "persistence" => "\n== cron\n    17 * * * * root run-parts /etc/cron.hourly\n".into(),
        "kernel" => format!("\n== uname -a\nLinux {instance} 6.1.119-129.201.amzn2023 x86_64\n"),
        other => format!("{other}: not found\n"),
    }
}

pub(in super::super) fn screenshot(place: &ScopeWorld, instance: &InstanceId) -> Ruling<Vec<u8>> {
    let state = place.instances.get(instance).ok_or_else(|| instances::unknown(instance))?;
    if state.instance.state == "running" {
        return Ok(SCREEN.to_vec());
    }
    let message = format!("The instance '{instance}' is not in the 'running' state.");
    Err(Refusal::new("IncorrectInstanceState", message))
}

pub(in super::super) fn console(
    place: &ScopeWorld,
    instance: &InstanceId,
    latest: bool,
    now: DateTime<Utc>,
) -> Ruling<ConsoleOutput> {
    let state = place.instances.get(instance).ok_or_else(|| instances::unknown(instance))?;
    if latest && BEFORE_NITRO.iter().any(|old| state.instance.instance_type.starts_with(old)) {
        let message = "This operation is not supported for the instance type: latest output needs a Nitro instance";
        return Err(Refusal::new("UnsupportedOperation", message));
    }
    let plain = format!("[    0.000000] Linux version 6.1.119\n[    4.211020] cloud-init: {instance}\n\nlogin: ");
    let text = place.inside.consoles.get(instance).cloned().unwrap_or(plain);
    Ok(ConsoleOutput { bytes: text.into_bytes(), at: Some(if latest { now } else { now - Duration::hours(2) }) })
}
