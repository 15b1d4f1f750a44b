//! What can be done about a finding, best first, and what can't with the reason. Pure: the finding and what is known of
//! its subjects in, offers out.

use super::contained::Status;
use crate::config::Command;
use crate::domain::subject::{AccessKeySubject, PrincipalType};
use crate::domain::{Direction, Finding, InstanceId, Subject, text};
use crate::playbook::Playbook;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// One thing that a key does about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Act {
    /// Put an instance back.
    Restore,
    /// Answer stolen instance credentials as a whole.
    Exfiltration,
    /// Isolate an instance.
    Quarantine,
    /// Cut a key, a user or a role.
    Revoke,
    /// Deny an address.
    Block,
    /// Take evidence of an instance.
    Forensics,
}

impl Act {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Restore, Self::Exfiltration, Self::Quarantine, Self::Revoke, Self::Block, Self::Forensics];

    /// The command that does it.
    pub fn command(self) -> Command {
        match self {
            Self::Restore => Command::Restore,
            Self::Exfiltration => Command::Exfiltration,
            Self::Quarantine => Command::Quarantine,
            Self::Revoke => Command::Revoke,
            Self::Block => Command::Block,
            Self::Forensics => Command::Forensics,
        }
    }

    /// The playbook that plans it.
    pub fn playbook(self) -> Playbook {
        match self {
            Self::Restore => Playbook::Restore,
            Self::Exfiltration => Playbook::ContainExfiltration,
            Self::Quarantine => Playbook::QuarantineInstance,
            Self::Revoke => Playbook::ContainCredentials,
            Self::Block => Playbook::BlockAddress,
            Self::Forensics => Playbook::CollectForensics,
        }
    }

    /// What it is called in a line of keys.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restore => "restore",
            Self::Exfiltration => "exfiltration plan",
            Self::Quarantine => "quarantine",
            Self::Revoke => "revoke",
            Self::Block => "block",
            Self::Forensics => "forensics",
        }
    }

    /// What has to be named for it to be possible at all.
    fn wants(self) -> &'static str {
        match self {
            Self::Restore | Self::Quarantine | Self::Forensics => "instance",
            Self::Exfiltration | Self::Revoke => "key, user or role",
            Self::Block => "remote address",
        }
    }
}

/// What an act is about. Texts are raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// An instance.
    Instance(InstanceId),
    /// An access key with its principal.
    Key(AccessKeySubject),
    /// A role.
    Role(String),
    /// A user.
    User(String),
    /// An address on the other side, and who opened the connection.
    Address(IpAddr, Direction),
    /// The finding as a whole.
    Finding,
}

impl Target {
    /// What it is, for people. Safe.
    pub fn words(&self) -> String {
        match self {
            Self::Instance(id) => text::fit(id.as_str(), 24),
            Self::Key(key) => match &key.principal_name {
                Some(name) => format!("{} of {}", text::fit_middle(&key.id, 24), text::fit(name, 40)),
                None => text::fit_middle(&key.id, 24),
            },
            Self::Role(name) => format!("role {}", text::fit(name, 48)),
            Self::User(name) => format!("user {}", text::fit(name, 48)),
            Self::Address(ip, _) => ip.to_string(),
            Self::Finding => String::new(),
        }
    }
}

/// One thing that can be done, or can't.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What.
    pub act: Act,
    /// About which subjects; of several a person chooses.
    pub targets: Vec<Target>,
    /// Why it can't be done, where it can't.
    pub why_not: Option<String>,
}

impl Offer {
    /// Whether its plan can be asked for.
    pub fn fits(&self) -> bool {
        self.why_not.is_none()
    }

    /// What it is about, in a few words. Safe.
    pub fn about(&self) -> String {
        match self.targets.as_slice() {
            [] => String::new(),
            [one] => one.words(),
            [one, rest @ ..] => format!("{} or {} more", one.words(), rest.len()),
        }
    }
}

/// How the finding's instances stand; those that are in no quarantine are left out.
pub type Live = BTreeMap<InstanceId, Status>;

/// What the finding is a sign of: decides the order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// Credentials of an instance are used elsewhere.
    StolenFromInstance,
    /// A principal does what it should not.
    Principal,
    /// Somebody outside tries to get in.
    AtTheDoor,
    /// An instance does what it should not.
    Inside,
}

fn sign(finding: &Finding) -> Sign {
    let kind = finding.finding_type.to_ascii_lowercase();
    if kind.contains("instancecredentialexfiltration") {
        return Sign::StolenFromInstance;
    }
    let names_instance = finding.instances().any(|i| i.id.is_some());
    if !names_instance || kind.contains(":iamuser") || kind.starts_with("attacksequence:iam") {
        return Sign::Principal;
    }
    // Who mines or calls home is inside already, whoever opened the connection.
    let inside = ["cryptocurrency:", "trojan:", "backdoor:", "execution:", "impact:", "defenseevasion:"];
    let inbound = finding
        .subjects
        .iter()
        .any(|s| matches!(s, Subject::RemoteAddress(r) if !r.api_caller && r.direction == Direction::Inbound));
    if inbound && !inside.iter().any(|family| kind.starts_with(family)) { Sign::AtTheDoor } else { Sign::Inside }
}

fn order(sign: Sign) -> [Act; 6] {
    use Act as A;
    match sign {
        Sign::StolenFromInstance => [A::Exfiltration, A::Revoke, A::Restore, A::Quarantine, A::Forensics, A::Block],
        Sign::Principal => [A::Revoke, A::Restore, A::Quarantine, A::Forensics, A::Block, A::Exfiltration],
        Sign::AtTheDoor => [A::Restore, A::Block, A::Quarantine, A::Forensics, A::Revoke, A::Exfiltration],
        Sign::Inside => [A::Restore, A::Quarantine, A::Forensics, A::Revoke, A::Block, A::Exfiltration],
    }
}

/// What can be done about a finding, best first: what was not `done` about it before what was and stands; after it what was
/// thought of and can't be done, with why.
pub fn offers(finding: &Finding, live: &Live, done: &[Playbook]) -> Vec<Offer> {
    let sign = sign(finding);
    let mut list: Vec<Offer> = order(sign).into_iter().filter_map(|act| offer(act, sign, finding, live)).collect();
    if let Some(why) = never(finding) {
        for offer in list.iter_mut().filter(|o| o.act != Act::Restore) {
            offer.why_not = Some(why.to_owned());
        }
    }
    list.sort_by_key(|o| (!o.fits(), done.contains(&o.act.playbook())));
    list
}

/// Why nothing at all is done about a finding.
fn never(finding: &Finding) -> Option<&'static str> {
    if finding.sample {
        return Some("a sample finding is never acted on");
    }
    finding.scope().is_none().then_some("it names no legal account and Region: nothing to act on")
}

/// Why an act that no offer speaks of is not possible.
pub fn missing(act: Act, finding: &Finding) -> String {
    if let Some(why) = never(finding) {
        return format!("{why}: there is nothing to {}", act.word());
    }
    match act {
        Act::Restore => "no instance of it is in quarantine: there is nothing to restore".to_owned(),
        Act::Exfiltration => {
            "it speaks of no stolen instance credentials: there is no exfiltration to answer".to_owned()
        }
        _ => format!("the finding names no {}: there is nothing to {}", act.wants(), act.word()),
    }
}

fn offer(act: Act, sign: Sign, finding: &Finding, live: &Live) -> Option<Offer> {
    let instances = || {
        let mut seen: Vec<InstanceId> = Vec::new();
        for id in finding.instances().filter_map(|i| i.id.clone()) {
            if !seen.contains(&id) {
                seen.push(id);
            }
        }
        seen
    };
    // What a run is at work on is that run's: another would only be told so.
    let at_work = |id: &InstanceId| matches!(live.get(id), Some(Status::Running | Status::Restoring));
    let held = |id: &InstanceId| !at_work(id) && !matches!(live.get(id), None | Some(Status::Gone | Status::Restored));
    let whole = |id: &InstanceId| at_work(id) || live.get(id) == Some(&Status::Isolated);
    let mut why_not = None;
    let targets: Vec<Target> = match act {
        Act::Restore => instances().into_iter().filter(held).map(Target::Instance).collect(),
        Act::Quarantine => instances().into_iter().filter(|id| !whole(id)).map(Target::Instance).collect(),
        Act::Forensics => instances().into_iter().map(Target::Instance).collect(),
        Act::Exfiltration if sign == Sign::StolenFromInstance => vec![Target::Finding],
        Act::Exfiltration => vec![],
        Act::Revoke => {
            let (targets, why) = principals(finding);
            why_not = why;
            targets
        }
        Act::Block => {
            let (targets, why) = addresses(finding);
            why_not = why;
            targets
        }
    };
    (!targets.is_empty() || why_not.is_some()).then_some(Offer { act, targets, why_not })
}

/// Who can be cut; why not, where somebody is named and nobody can.
fn principals(finding: &Finding) -> (Vec<Target>, Option<String>) {
    let mut targets: Vec<Target> = Vec::new();
    let mut root = false;
    for subject in &finding.subjects {
        let target = match subject {
            Subject::AccessKey(key) if key.principal_type == Some(PrincipalType::Root) => {
                root = true;
                continue;
            }
            Subject::AccessKey(key) if !key.id.is_empty() => Target::Key(key.clone()),
            Subject::Role { name } => Target::Role(name.clone()),
            Subject::User { name } => Target::User(name.clone()),
            _ => continue,
        };
        // A key speaks for its principal: the same principal again is no second choice.
        let named = |t: &Target| match (t, &target) {
            (Target::Key(key), Target::Role(name) | Target::User(name)) => key.principal_name.as_ref() == Some(name),
            _ => *t == target,
        };
        if !targets.iter().any(named) {
            targets.push(target);
        }
    }
    let why = "these are the account's root credentials, which no policy can deny: sign in as root, delete its access \
               keys and change its password";
    let why = (root && targets.is_empty()).then(|| why.to_owned());
    (targets, why)
}

/// What can be denied in a network ACL; why not, where an address is named and none can.
fn addresses(finding: &Finding) -> (Vec<Target>, Option<String>) {
    let mut targets = Vec::new();
    let mut caller = None;
    for subject in &finding.subjects {
        let Subject::RemoteAddress(remote) = subject else { continue };
        let target = Target::Address(remote.ip, remote.direction);
        if remote.api_caller {
            caller.get_or_insert(remote.ip);
        } else if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let why = caller.filter(|_| targets.is_empty());
    let why = why.map(|ip| format!("{ip} called an API: its traffic never crosses a network ACL of yours"));
    (targets, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::subject::{InstanceSubject, RemoteAddress};

    fn instance(id: &str) -> Subject {
        Subject::Instance(InstanceSubject { id: Some(InstanceId::new(id)), ..Default::default() })
    }

    fn remote(ip: &str, direction: Direction, api_caller: bool) -> Subject {
        let ip = ip.parse().unwrap();
        Subject::RemoteAddress(RemoteAddress { ip, direction, country: None, asn_org: None, api_caller })
    }

    fn key(id: &str, of: PrincipalType, name: &str) -> Subject {
        Subject::AccessKey(AccessKeySubject {
            id: id.into(),
            principal_type: Some(of),
            principal_name: Some(name.into()),
            principal_id: None,
        })
    }

    fn finding(kind: &str, subjects: Vec<Subject>) -> Finding {
        Finding {
            finding_type: kind.into(),
            account: Some("111122223333".into()),
            region: Some("eu-central-1".into()),
            subjects,
            ..Finding::default()
        }
    }

    /// The acts that fit, then those that don't behind a bar.
    fn acts(finding: &Finding, live: &Live) -> String {
        acts_after(finding, live, &[])
    }

    fn acts_after(finding: &Finding, live: &Live, done: &[Playbook]) -> String {
        let offers = offers(finding, live, done);
        let words = |fits: bool| -> Vec<&str> {
            offers.iter().filter(|o| o.fits() == fits).map(|o| o.act.command().name()).collect()
        };
        format!("{} | {}", words(true).join(" "), words(false).join(" ")).trim().to_owned()
    }

    #[test]
    fn each_kind_of_finding_has_its_best_answer_first() {
        let none = Live::new();
        for (kind, subjects, expected) in [
            (
                "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS",
                vec![
                    key("ASIAEXAMPLE", PrincipalType::Role, "web"),
                    instance("i-1"),
                    remote("198.51.100.7", Direction::Unknown, true),
                ],
                "exfiltration revoke quarantine forensics | block",
            ),
            (
                "UnauthorizedAccess:EC2/SSHBruteForce",
                vec![instance("i-1"), remote("198.51.100.7", Direction::Inbound, false)],
                "block quarantine forensics |",
            ),
            (
                "UnauthorizedAccess:EC2/SSHBruteForce",
                vec![instance("i-1"), remote("198.51.100.7", Direction::Outbound, false)],
                "quarantine forensics block |",
            ),
            ("CryptoCurrency:EC2/BitcoinTool.B!DNS", vec![instance("i-1")], "quarantine forensics |"),
            (
                "CryptoCurrency:EC2/BitcoinTool.B",
                vec![instance("i-1"), remote("198.51.100.7", Direction::Inbound, false)],
                "quarantine forensics block |",
            ),
            (
                "Discovery:IAMUser/AnomalousBehavior",
                vec![
                    key("AKIAEXAMPLE", PrincipalType::User, "ci"),
                    Subject::User { name: "ci".into() },
                    remote("198.51.100.7", Direction::Unknown, true),
                ],
                "revoke | block",
            ),
            ("Policy:IAMUser/RootCredentialUsage", vec![key("ASIAROOT", PrincipalType::Root, "Root")], "| revoke"),
            ("Software and Configuration Checks/AWS", vec![], "|"),
        ] {
            assert_eq!(acts(&finding(kind, subjects), &none), expected, "{kind}");
        }
    }

    #[test]
    fn a_principal_is_one_choice_and_instances_are_many() {
        let found = finding(
            "AttackSequence:EC2/CompromisedInstanceGroup",
            vec![
                instance("i-1"),
                instance("i-2"),
                instance("i-1"),
                key("AKIAEXAMPLE", PrincipalType::User, "ci"),
                Subject::User { name: "ci".into() },
                Subject::Role { name: "web".into() },
            ],
        );
        let offers = offers(&found, &Live::new(), &[]);
        let of = |act: Act| offers.iter().find(|o| o.act == act).map_or(0, |o| o.targets.len());
        assert_eq!((of(Act::Quarantine), of(Act::Revoke)), (2, 2));
        assert_eq!(offers.first().map(Offer::about).as_deref(), Some("i-1 or 1 more"));
    }

    #[test]
    fn what_is_isolated_is_offered_back_and_not_again() {
        let found = finding("CryptoCurrency:EC2/BitcoinTool.B!DNS", vec![instance("i-1")]);
        let live = |status| Live::from([(InstanceId::new("i-1"), status)]);
        assert_eq!(acts(&found, &live(Status::Isolated)), "restore forensics |");
        assert_eq!(acts(&found, &live(Status::Partial)), "restore quarantine forensics |");
        assert_eq!(acts(&found, &live(Status::Restored)), "quarantine forensics |");
        assert_eq!(acts(&found, &live(Status::Restoring)), "forensics |");
    }

    #[test]
    fn what_was_done_and_stands_is_offered_last() {
        let kind = "UnauthorizedAccess:EC2/SSHBruteForce";
        let found = finding(kind, vec![instance("i-1"), remote("203.0.113.9", Direction::Inbound, false)]);
        assert_eq!(acts(&found, &Live::new()), "block quarantine forensics |");
        let blocked = acts_after(&found, &Live::new(), &[Playbook::BlockAddress]);
        assert_eq!(blocked, "quarantine forensics block |");
    }

    #[test]
    fn a_sample_or_a_finding_from_nowhere_is_never_acted_on() {
        let real = finding("CryptoCurrency:EC2/BitcoinTool.B!DNS", vec![instance("i-1")]);
        let sample = Finding { sample: true, ..real.clone() };
        let nowhere = Finding { account: Some("x".into()), ..real };
        for finding in [sample, nowhere] {
            assert_eq!(acts(&finding, &Live::new()), "| quarantine forensics");
        }
    }
}
