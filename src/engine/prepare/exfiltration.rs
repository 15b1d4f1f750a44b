//! What the containment of stolen instance credentials needs to know, and its plan; and the end of a role.

use super::super::observe::{observe, roles};
use super::super::{Engine, EngineError};
use super::block::Together;
use super::{BlockRequest, Prepared, Request};
use crate::domain::principal::ProfileAssociation;
use crate::domain::subject::RemoteAddress;
use crate::domain::{Instance, InstanceId, Principal, Region, Scope, Subject, text};
use crate::intake;
use crate::playbook::block::facts;
use crate::playbook::change::profile_name;
use crate::playbook::credentials::{Credential, behind};
use crate::playbook::exfiltration::{self, Address, Deny, Earlier, Moved, Swap, backup_name};
use crate::playbook::{Action, Change, FindingRef, Needs, Observed, PlanRefusal, delete_role};
use crate::policy::actions::iam_action;
use crate::policy::address::AwsRanges;
use crate::policy::{BlockPolicy, EXEMPT_TAG, EXEMPT_VALUE, Stands};
use futures::future::join_all;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Asks for the containment of the stolen credentials of an instance's role.
#[derive(Debug, Clone, PartialEq)]
pub struct ExfiltrationRequest {
    /// Where.
    pub scope: Scope,
    /// The finding that is answered, and what it is about.
    pub finding: Option<(FindingRef, crate::domain::Finding)>,
    /// The role; else the one that the finding or the instance names.
    pub role: Option<String>,
    /// An instance whose role is meant; else the finding's.
    pub instance: Option<InstanceId>,
    /// Whether the instances get another profile.
    pub swap: Swap,
    /// The other Regions of the account to look for the role's instances in.
    pub elsewhere: Vec<Scope>,
    /// How addresses are blocked.
    pub block: BlockPolicy,
    /// AWS's published ranges, where somebody keeps the file of them.
    pub aws: Option<Arc<AwsRanges>>,
    /// The topic to tell.
    pub topic_arn: Option<String>,
    /// Whether the finding is set to NOTIFIED with a note.
    pub update_finding: bool,
}

/// Asks for the end of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteRoleRequest {
    /// The account; the Region to look for instances in.
    pub scope: Scope,
    /// The role.
    pub role: String,
    /// The other Regions of the account to look for its instances in.
    pub elsewhere: Vec<Scope>,
}

/// The instances that have a role, here and elsewhere, and where that could not be read.
struct Users {
    here: Vec<InstanceId>,
    elsewhere: Vec<(Scope, InstanceId)>,
    /// Those that have the backup's profile already, and whether they are here.
    moved: Vec<(InstanceId, bool)>,
    looked_in: Vec<String>,
    unread: Vec<String>,
}

impl Engine {
    /// Observes a role, its backup and every instance that has it, and plans the containment.
    ///
    /// # Errors
    /// When something can't be read, nobody knows whose credentials they are, or the playbook refuses.
    pub async fn prepare_exfiltration(&self, request: &ExfiltrationRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let (scope, reads) = (&request.scope, self.cloud().reads().as_ref());
        let (role, role_id) = self.role_behind(request).await?;
        let names = BTreeSet::from([role.clone(), backup_name(&role)]);
        let mut observed = observe(reads, scope, &Needs { roles: names, ..Needs::default() }, self.now()).await?;
        observed.caller = Principal::of_arn(&reads.caller_identity(Some(scope)).await?.arn);
        let profiles = profiles_of(observed.roles.get(&role));
        let backups = profiles_of(observed.roles.get(&backup_name(&role)));
        let mut users = self.users(scope, &request.elsewhere, &profiles, &backups).await?;
        let ids: BTreeSet<InstanceId> = users.here.iter().cloned().collect();
        let moved = users.moved.iter().filter(|(_, here)| *here).map(|(id, _)| id.clone());
        let needs = Needs { instances: moved.chain(ids.clone()).collect(), profiles_of: ids, ..Needs::default() };
        let arns: BTreeSet<String> = observed.roles.values().flat_map(|r| r.attached.iter().cloned()).collect();
        let (instances, managed) =
            futures::join!(observe(reads, scope, &needs, self.now()), roles::documents(reads, scope, &arns));
        let instances = instances?;
        (observed.instances, observed.profiles) = (instances.instances, instances.profiles);
        let moved = users.moved.iter().map(|(id, _)| {
            let instance = observed.instances.remove(id);
            Moved { instance: id.clone(), read: instance.is_some(), metadata: instance.and_then(|i| i.metadata) }
        });
        let moved = moved.collect();
        let regions = self.add_elsewhere(&mut observed, &mut users).await;
        // The guard looks at the one whose owner keeps automation away, if there is one.
        observed.instance = observed.instances.values().find(|i| is_exempt(i)).cloned();
        let addresses = self.addresses(request, &users.here).await?;
        let earlier = self.outstanding(scope, &Principal::Role(role.clone()).to_string()).await?;
        let json = request.finding.as_ref().and_then(|(finding, _)| finding.json.as_deref());
        let call = json.and_then(intake::api_call);
        let plan = exfiltration::plan(&exfiltration::Request {
            role: &role,
            role_id,
            finding: request.finding.as_ref().map(|(finding, _)| finding.clone()),
            observed: &observed,
            managed: &managed,
            swap: request.swap,
            stolen_for: call.and_then(|c| iam_action(&c.service, &c.call)).into_iter().collect(),
            addresses,
            regions,
            elsewhere: users.elsewhere,
            moved,
            looked_in: users.looked_in,
            unread: users.unread,
            earlier: earlier.last().map(|o| Earlier {
                run: o.run.run,
                by: text::safe(&o.run.actor.to_string()).into_owned(),
                since: o.run.begun_at,
            }),
            topic_arn: request.topic_arn.clone(),
            update_finding: request.update_finding,
            actor: &self.actor().name,
        })?;
        Ok(Prepared::new(head, plan, observed, Request::Exfiltration(Box::new(request.clone()))))
    }

    /// Reads the instances of other Regions into what was observed. Those that can't be read stay in `users`, and hold
    /// nothing up.
    async fn add_elsewhere(&self, observed: &mut Observed, users: &mut Users) -> BTreeMap<InstanceId, Region> {
        let mut needed: BTreeMap<Region, BTreeSet<InstanceId>> = BTreeMap::new();
        for (place, id) in &users.elsewhere {
            needed.entry(place.region.clone()).or_default().insert(id.clone());
        }
        let (reads, home) = (self.cloud().reads().as_ref(), observed.scope.clone());
        let each = needed.into_iter().map(|of_region| async {
            let region = of_region.0.clone();
            let needs = Needs { elsewhere: BTreeMap::from([of_region]), ..Needs::default() };
            (region, observe(reads, &home, &needs, self.now()).await)
        });
        let mut regions = BTreeMap::new();
        for (region, answer) in join_all(each).await {
            match answer {
                Ok(world) if world.unread_regions.is_empty() => {
                    regions.extend(world.profiles.keys().map(|id| (id.clone(), region.clone())));
                    observed.instances.extend(world.instances);
                    observed.profiles.extend(world.profiles);
                }
                Ok(_) => users.unread.push(format!("the instances in {region}: it is not permitted")),
                Err(error) => users.unread.push(error.to_string()),
            }
        }
        users.elsewhere.retain(|(_, id)| !regions.contains_key(id));
        regions
    }

    /// The role behind the credentials, and its unique id where the finding tells: the one that is named, else the one
    /// behind the finding's key, else the one in the profile of the instance.
    async fn role_behind(&self, request: &ExfiltrationRequest) -> Result<(String, Option<String>), EngineError> {
        if let Some(role) = &request.role {
            return Ok((role.clone(), None));
        }
        let subjects = request.finding.iter().flat_map(|(_, finding)| &finding.subjects);
        let key = subjects.clone().find_map(|s| match s {
            Subject::AccessKey(key) => Some(key.clone()),
            _ => None,
        });
        if let (Some(key), None) = (key, &request.instance) {
            let behind = behind(&Credential::Key(key), None, &request.scope)?;
            return match behind.principal {
                Principal::Role(role) => Ok((role, behind.id)),
                Principal::User(user) => Err(PlanRefusal::Unfit(format!(
                    "these are the credentials of user {}, not of an instance's role: `lazaret revoke user` cuts them",
                    text::fit(&user, 80)
                ))
                .into()),
            };
        }
        let named = subjects.clone().find_map(|s| match s {
            Subject::Role { name } => Some(name.clone()),
            _ => None,
        });
        let of_finding =
            || request.finding.iter().find_map(|(_, finding)| finding.instances().find_map(|i| i.id.clone()));
        match (request.instance.clone().or_else(of_finding), named) {
            (None, Some(role)) => Ok((role, None)),
            (Some(instance), _) => Ok((self.role_of_instance(&request.scope, &instance).await?, None)),
            (None, None) => Err(PlanRefusal::Unfit(
                "the finding names neither an access key nor an instance: say whose role it is with --role or --instance".into(),
            )
            .into()),
        }
    }

    async fn role_of_instance(&self, scope: &Scope, instance: &InstanceId) -> Result<String, EngineError> {
        let reads = self.cloud().reads().as_ref();
        let associations = reads.profile_associations(scope, std::slice::from_ref(instance)).await?;
        let Some(association) = associations.iter().find(|a| a.is_live()) else {
            return Err(PlanRefusal::Unfit(format!(
                "{instance} has no instance profile in {scope}: no role to contain"
            ))
            .into());
        };
        let name = profile_name(&association.profile_arn);
        let profile = reads.instance_profile(scope, name).await?;
        profile.role.ok_or_else(|| {
            PlanRefusal::Unfit(format!("instance profile {} of {instance} holds no role", text::fit(name, 80))).into()
        })
    }

    /// Every instance with one of these profiles, and every one with a backup's. What can't be read in another Region is
    /// said, and holds nothing up.
    async fn users(
        &self,
        scope: &Scope,
        elsewhere: &[Scope],
        profiles: &BTreeSet<String>,
        backups: &BTreeSet<String>,
    ) -> Result<Users, EngineError> {
        let reads = self.cloud().reads().as_ref();
        let here = reads.profile_associations(scope, &[]).await?;
        let others: Vec<&Scope> = elsewhere.iter().filter(|s| s.account == scope.account && *s != scope).collect();
        let answers = join_all(others.iter().map(|s| reads.profile_associations(s, &[]))).await;
        let has = |a: &ProfileAssociation| a.is_live() && profiles.contains(&a.profile_arn);
        let is_moved = |a: &ProfileAssociation| a.is_live() && backups.contains(&a.profile_arn);
        let mut users = Users {
            here: here.iter().filter(|a| has(a)).map(|a| a.instance.clone()).collect(),
            elsewhere: Vec::new(),
            moved: here.iter().filter(|a| is_moved(a)).map(|a| (a.instance.clone(), true)).collect(),
            looked_in: vec![scope.region.to_string()],
            unread: Vec::new(),
        };
        for (place, answer) in others.into_iter().zip(answers) {
            match answer {
                Ok(found) => {
                    users.looked_in.push(place.region.to_string());
                    users.moved.extend(found.iter().filter(|a| is_moved(a)).map(|a| (a.instance.clone(), false)));
                    users
                        .elsewhere
                        .extend(found.iter().filter(|a| has(a)).map(|a| (place.clone(), a.instance.clone())));
                }
                Err(error) => users.unread.push(error.to_string()),
            }
        }
        Ok(users)
    }

    /// What can be done about each address that the finding names.
    async fn addresses(
        &self,
        request: &ExfiltrationRequest,
        users: &[InstanceId],
    ) -> Result<Vec<Address>, EngineError> {
        let Some((_, finding)) = &request.finding else { return Ok(vec![]) };
        let ips: BTreeSet<_> = finding
            .subjects
            .iter()
            .filter_map(|s| match s {
                Subject::RemoteAddress(RemoteAddress { ip, .. }) => Some(*ip),
                _ => None,
            })
            .collect();
        let (mut addresses, mut together) = (Vec::new(), Together::default());
        for ip in ips {
            let range = IpNet::from(ip);
            let remote = facts(finding, &range);
            if remote.api_caller {
                addresses.push(Address::Left(format!(
                    "{ip} called AWS's API: such traffic crosses no network ACL of ours, and is not denied there"
                )));
                continue;
            }
            let block = BlockRequest {
                scope: request.scope.clone(),
                range,
                instances: users.to_vec(),
                acls: vec![],
                directions: None,
                stands: Stands::UntilTakenBack,
                otherwise: BTreeMap::new(),
                typed_again: None,
                policy: request.block.clone(),
                aws: request.aws.clone(),
                finding: None,
                remote: Some(remote),
                topic_arn: None,
                update_finding: false,
            };
            addresses.push(match self.prepare_block_with(&block, &mut together).await {
                Ok(prepared) => {
                    let counter = |wanted: &crate::domain::AclId| {
                        prepared.plan.steps.iter().find_map(|s| match &s.action {
                            Action::WriteCounter { acl, before, .. } if acl == wanted => Some(before.clone()),
                            _ => None,
                        })
                    };
                    let denies = prepared.plan.steps.iter().filter_map(|s| match &s.action {
                        Action::Change(Change::DenyAddress(edit)) => {
                            Some(Deny { edit: edit.clone(), counter: counter(&edit.acl) })
                        }
                        _ => None,
                    });
                    Address::Denied(denies.collect(), prepared.plan.warnings.clone())
                }
                // Cutting the credentials waits for no address.
                Err(EngineError::Plan(refusal)) => Address::Left(format!("{ip} is not denied: {refusal}")),
                Err(error) => return Err(error),
            });
        }
        Ok(addresses)
    }

    /// Reads a role whole, looks for instances that have it, and plans its end.
    ///
    /// # Errors
    /// When something can't be read, or the playbook refuses.
    pub async fn prepare_delete_role(&self, request: &DeleteRoleRequest) -> Result<Prepared, EngineError> {
        let head = self.head().await?;
        let (scope, reads) = (&request.scope, self.cloud().reads().as_ref());
        let needs = Needs { roles: BTreeSet::from([request.role.clone()]), ..Needs::default() };
        let mut observed = observe(reads, scope, &needs, self.now()).await?;
        observed.caller = Principal::of_arn(&reads.caller_identity(Some(scope)).await?.arn);
        let record = observed.roles.get(&request.role);
        let users = self.users(scope, &request.elsewhere, &profiles_of(record), &BTreeSet::new()).await?;
        let arns = record.map(|r| r.attached.clone()).unwrap_or_default();
        let managed = roles::documents(reads, scope, &arns).await;
        let standing = self.outstanding(scope, &Principal::Role(request.role.clone()).to_string()).await?;
        let here = users.here.into_iter().map(|id| (scope.clone(), id));
        let plan = delete_role::plan(&delete_role::Request {
            role: &request.role,
            observed: &observed,
            managed,
            users: here.chain(users.elsewhere).collect(),
            looked_in: users.looked_in,
            unread: users.unread,
            incident: standing.last().map(|o| o.run.plan.incident.clone()),
        })?;
        Ok(Prepared::new(head, plan, observed, Request::DeleteRole(Box::new(request.clone()))))
    }
}

fn profiles_of(record: Option<&crate::domain::principal::RoleRecord>) -> BTreeSet<String> {
    record.into_iter().flat_map(|r| &r.profiles).map(|p| p.arn.clone()).collect()
}

fn is_exempt(instance: &Instance) -> bool {
    instance.tags.get(EXEMPT_TAG).is_some_and(|value| value.trim().eq_ignore_ascii_case(EXEMPT_VALUE))
}
