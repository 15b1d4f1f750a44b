//! The start world in the sandbox.

use super::{Fixture, OFFICES, PARAMETERS, RELEASE, TRUST, USER_DATA, World};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use lazaret::cloud::Cloud;
use lazaret::cloud::port::{Parameter, VpcEndpoint};
use lazaret::cloud::sandbox::{
    Account, AgentState, Bucket, BucketLock, Caller, Endpoint, Group, InstanceProfile, InstanceState, KeyState,
    PrefixListState, Role, Sandbox, ScopeWorld, StoredFinding, Subnet, Topic, UserState, Vpc, World as Simulation,
};
use lazaret::domain::{
    AclAction, AclDirection, AclEntry, AclId, GroupId, GroupRule, Instance, InstanceId, Interface, InterfaceId,
    LockMode, ManualClock, MetadataOptions, NetworkAcl, PrefixListId, Retention, Scope, SecurityGroup, SubnetId, Tags,
    Volume, VolumeId, VpcId,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A start world in the sandbox.
pub(crate) struct Simulated {
    sandbox: Arc<Sandbox>,
    world: World,
}

fn now() -> DateTime<Utc> {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

fn tags(pairs: &[(&str, &str)]) -> Tags {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

impl Simulated {
    /// The sandbox itself.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    /// A new start world.
    pub(crate) fn fresh() -> Self {
        let scope = Scope::parse("111122223333", "eu-central-1").unwrap();
        let id = |n: u32| format!("0000000{n:x}");
        let volumes = [1, 2].map(|n| VolumeId::new(format!("vol-{}", id(n))));
        let world = World {
            other: Scope::parse("444455556666", "eu-central-1").unwrap(),
            vpc: VpcId::new(format!("vpc-{}", id(1))),
            subnet: SubnetId::new(format!("subnet-{}", id(1))),
            groups: [1, 2, 3].map(|n| GroupId::new(format!("sg-{}", id(n)))),
            acl: AclId::new(format!("acl-{}", id(1))),
            instance: InstanceId::new(format!("i-{}", id(1))),
            interfaces: [1, 2, 3].map(|n| InterfaceId::new(format!("eni-{}", id(n)))),
            volumes: volumes.into(),
            topic: scope.arn("sns", "responders"),
            endpoint: format!("vpce-{}", id(1)),
            offices: PrefixListId::new(format!("pl-{}", id(9))),
            keys: [1, 2].map(|n| format!("AKIAEXAMPLE000000000{n}")),
            scope,
        };
        let sandbox = Sandbox::new(simulation(&world), Arc::new(ManualClock::new(now())), 1);
        Self { sandbox, world }
    }
}

fn simulation(w: &World) -> Simulation {
    let account = |name: &str| Account { name: name.into(), ..Account::default() };
    Simulation {
        scenario: "contract".into(),
        seed: 1,
        started_at: now(),
        home: w.scope.clone(),
        aggregator: w.scope.clone(),
        caller: Caller { role: "Responder".into(), remote_role: "lazaret-responder".into(), session: "ana".into() },
        accounts: [(w.scope.account.clone(), home(w)), (w.other.account.clone(), account("other"))].into(),
        scopes: [(w.scope.clone(), place(w)), (w.other.clone(), ScopeWorld::default())].into(),
        background: None,
        touched: BTreeMap::new(),
        made: 0,
        intruders: vec![],
    }
}

/// The account with its user and roles.
fn home(w: &World) -> Account {
    let keys = w.keys.iter().enumerate().map(|(n, id)| {
        (id.clone(), KeyState { active: true, created_at: now() - chrono::Duration::days(2 - n as i64) })
    });
    let release = || BTreeMap::from([("release".to_owned(), RELEASE.to_owned())]);
    let user = UserState {
        id: "AIDAEXAMPLE0DEPLOY01".into(),
        path: "/ci/".into(),
        created_at: now(),
        password_since: Some(now()),
        keys: keys.collect(),
        inline: release(),
        attached: ["arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()].into(),
        ..UserState::default()
    };
    let role = |path: &str| Role {
        id: "AROAEXAMPLE000000WEB".into(),
        path: path.into(),
        created_at: now(),
        trust: TRUST.into(),
        max_session: 3_600,
        ..Role::default()
    };
    let web = Role { description: Some("Web tier".into()), inline: release(), ..role("/") };
    let linked = role("/aws-service-role/autoscaling.amazonaws.com/");
    Account {
        name: "home".into(),
        users: [("deploy-bot".to_owned(), user)].into(),
        roles: [("web".to_owned(), web), ("AWSServiceRoleForAutoScaling".to_owned(), linked)].into(),
        profiles: [("web".to_owned(), InstanceProfile { path: "/".into(), role: "web".into() })].into(),
        ..Account::default()
    }
}

fn place(w: &World) -> ScopeWorld {
    let cidr = || "10.0.0.0/16".to_owned();
    let below_nacl = (0..PARAMETERS).map(|n| (format!("/nacl/acl-{n:08x}"), n.to_string()));
    let parameter = |(name, value): (String, String)| {
        (name.clone(), Parameter { name, value, version: 1, modified_at: Some(now()) })
    };
    let endpoint = VpcEndpoint {
        id: w.endpoint.clone(),
        service: format!("com.amazonaws.{}.ssm", w.scope.region),
        groups: vec![w.groups[1].clone()],
    };
    ScopeWorld {
        prefix_lists: prefix_lists(w),
        vpcs: [(w.vpc.clone(), Vpc { cidr: cidr(), ipv6_cidr: None, tags: Tags::new() })].into(),
        subnets: [(w.subnet.clone(), Subnet { vpc: w.vpc.clone(), cidr: cidr(), tags: Tags::new() })].into(),
        network_acls: [(w.acl.clone(), acl(w))].into(),
        groups: w.groups.iter().zip(["web", "app", "db"]).map(|(id, name)| (id.clone(), group(w, id, name))).collect(),
        instances: [(w.instance.clone(), instance(w))].into(),
        interfaces: (0..3).map(|n| (w.interfaces[n].clone(), interface(w, n))).collect(),
        volumes: w.volumes.iter().map(|v| (v.clone(), Tags::new())).collect(),
        parameters: below_nacl.chain([("/other/one".into(), "1".into())]).map(parameter).collect(),
        endpoints: [(w.endpoint.clone(), Endpoint { vpc: w.vpc.clone(), endpoint })].into(),
        topics: [(w.topic.clone(), Topic::default())].into(),
        ..ScopeWorld::default()
    }
}

fn acl(w: &World) -> NetworkAcl {
    let entry = |number, direction, action, protocol: &str, cidr: &str, ports| AclEntry {
        number,
        direction,
        action,
        protocol: protocol.into(),
        cidr: cidr.into(),
        ports,
    };
    let mut entries = vec![entry(50, AclDirection::Ingress, AclAction::Deny, "6", "198.51.100.7/32", Some((0, 65535)))];
    for direction in [AclDirection::Ingress, AclDirection::Egress] {
        entries.push(entry(100, direction, AclAction::Allow, "-1", "0.0.0.0/0", None));
        entries.push(entry(AclEntry::FINAL, direction, AclAction::Deny, "-1", "0.0.0.0/0", None));
    }
    NetworkAcl {
        id: w.acl.clone(),
        vpc: w.vpc.clone(),
        is_default: true,
        subnets: vec![w.subnet.clone()],
        entries,
        tags: Tags::new(),
    }
}

fn prefix_lists(w: &World) -> BTreeMap<PrefixListId, PrefixListState> {
    let awss = [
        ("com.amazonaws.eu-central-1.s3", "52.216.0.0/15"),
        ("com.amazonaws.global.cloudfront.origin-facing", "130.176.0.0/18"),
        ("com.amazonaws.eu-central-1.ipv6.vpc-lattice", "fd00:ec2:80::/64"),
    ];
    let list = |(n, (name, range)): (usize, (&str, &str))| {
        let state = PrefixListState { name: name.into(), of_aws: true, ranges: vec![range.parse().unwrap()] };
        (PrefixListId::new(format!("pl-0000000{n}")), state)
    };
    let ranges = (0..OFFICES).map(|n| format!("10.1.{n}.0/24").parse().unwrap()).collect();
    let own = PrefixListState { name: "offices".into(), of_aws: false, ranges };
    awss.into_iter().enumerate().map(list).chain([(w.offices.clone(), own)]).collect()
}

fn group(w: &World, id: &GroupId, name: &str) -> Group {
    let tags = if name == "db" { tags(&[("Tier", "data")]) } else { Tags::new() };
    let (ingress, egress) = (vec![], vec![GroupRule::all_egress()]);
    let group = SecurityGroup { id: id.clone(), name: name.into(), vpc: w.vpc.clone(), ingress, egress, tags };
    Group { group, description: name.into() }
}

fn instance(w: &World) -> InstanceState {
    let volume =
        |(id, device): (&VolumeId, &str)| Volume { id: id.clone(), device: device.into(), delete_on_termination: true };
    let instance = Instance {
        id: w.instance.clone(),
        state: "running".into(),
        vpc: Some(w.vpc.clone()),
        subnet: Some(w.subnet.clone()),
        instance_type: "t3.micro".into(),
        image: Some("ami-12c6146b".into()),
        launched_at: Some(now()),
        profile_arn: Some(format!("arn:aws:iam::{}:instance-profile/web", w.scope.account)),
        operator: None,
        lifecycle: None,
        metadata: Some(MetadataOptions {
            tokens_required: false,
            hop_limit: 1,
            endpoint: true,
            ipv6: false,
            tags: false,
            pending: false,
        }),
        volumes: w.volumes.iter().zip(["/dev/xvda", "/dev/sdf"]).map(volume).collect(),
        tags: tags(&[("Name", "web-1")]),
    };
    let user_data = Some(USER_DATA.to_owned());
    InstanceState { instance, termination_protection: false, stop_protection: false, user_data, association: None }
}

fn interface(w: &World, n: usize) -> Interface {
    let [web, app, db] = w.groups.clone();
    Interface {
        id: w.interfaces[n].clone(),
        device_index: n as i32,
        subnet: w.subnet.clone(),
        vpc: w.vpc.clone(),
        groups: [vec![web, app.clone()], vec![app], vec![db]][n].iter().cloned().collect(),
        private_ips: vec![format!("10.0.1.{}", n + 10).parse().unwrap()],
        public_ips: vec![],
        requester_managed: false,
        operator: None,
        instance: Some(w.instance.clone()),
        tags: Tags::new(),
    }
}

#[async_trait]
impl Fixture for Simulated {
    fn cloud(&self) -> Cloud {
        self.sandbox.cloud()
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn import(&self, findings: Vec<Value>) {
        let stored = findings.into_iter().map(|json| StoredFinding { arrives_at: now(), recurs_every: None, json });
        self.sandbox.edit(|world| world.scopes.get_mut(&self.world.scope).unwrap().findings.extend(stored)).unwrap();
    }

    async fn make_bucket(&self, name: &str, locked: bool) {
        let default = Some(Retention { mode: LockMode::Governance, days: 30 });
        let bucket = Bucket { lock: locked.then_some(BucketLock { default }), ..Bucket::default() };
        let place = |world: &mut Simulation| {
            world.scopes.get_mut(&self.world.scope).unwrap().inside.buckets.insert(name.to_owned(), bucket);
        };
        self.sandbox.edit(place).unwrap();
    }

    async fn start_agent(&self) {
        let place = |world: &mut Simulation| {
            let agents = &mut world.scopes.get_mut(&self.world.scope).unwrap().inside.agents;
            agents.insert(self.world.instance.clone(), AgentState::default());
        };
        self.sandbox.edit(place).unwrap();
    }

    async fn published(&self) -> Vec<(String, String, String)> {
        let world = self.sandbox.world();
        let messages = &world.scopes[&self.world.scope].topics[&self.world.topic].messages;
        messages.iter().map(|m| (m.id.clone(), m.subject.clone(), m.body.clone())).collect()
    }
}
