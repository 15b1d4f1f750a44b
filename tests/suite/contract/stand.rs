//! What stands around the instance of a start world: an Auto Scaling group `web` (0 to 2 instances, one of them ours) with
//! the target group `web`, another target group `by-address`, a classic load balancer, and an Elastic IP address on the
//! primary interface.

use super::Fixture;
use super::sandbox::Simulated;
use async_trait::async_trait;
use lazaret::cloud::port::{Target, Writes};
use lazaret::cloud::sandbox::{ClassicLoadBalancer, Pool, Registered, ScalingState};
use lazaret::domain::{
    Association, Balancer, ElasticIp, GroupRule, Interface, RulePeer, ScalingGroup, TargetGroup, TargetKind,
};
use std::sync::Arc;

/// The names of what stands there.
pub(super) struct Standing {
    /// The Auto Scaling group.
    pub(super) group: String,
    /// Its target group, on port 443.
    pub(super) target_group: Balancer,
    /// The classic load balancer.
    pub(super) classic: Balancer,
    /// The Elastic IP address.
    pub(super) allocation: String,
}

/// A fixture that can put all that around its instance.
#[async_trait]
pub(super) trait Stand: Fixture {
    /// Puts it there.
    async fn stand(&self) -> Standing;
    /// Sets the group's minimum.
    async fn set_minimum(&self, standing: &Standing, min: i32);
}

impl dyn Stand + '_ {
    pub(super) fn writes(&self) -> Arc<dyn Writes> {
        self.cloud().writes(&lazaret::cloud::Permit::granted_by_guard()).unwrap().clone()
    }

    pub(super) fn target(&self) -> Target {
        Target::new(&self.world().scope)
    }

    pub(super) async fn interfaces(&self) -> Vec<Interface> {
        let query = lazaret::cloud::port::InterfaceQuery::AttachedTo(vec![self.world().instance.clone()]);
        self.cloud().reads().interfaces(&self.world().scope, &query).await.unwrap()
    }
}

#[async_trait]
impl Stand for Simulated {
    async fn stand(&self) -> Standing {
        let w = self.world();
        let arn = |name: &str| Balancer::new(w.scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/0001")));
        let (web, by_address, classic) = (arn("web"), arn("by-address"), Balancer::new("old-web"));
        let since = self.sandbox().now();
        let pool = |id: &Balancer, kind, targets: Vec<&str>| Pool {
            group: TargetGroup { id: id.clone(), vpc: Some(w.vpc.clone()), kind },
            port: 443,
            targets: targets
                .into_iter()
                .map(|id| Registered { id: id.into(), port: 443, zone: None, since, draining: false })
                .collect(),
        };
        let group = ScalingGroup {
            name: "web".into(),
            min: 0,
            max: 2,
            desired: 1,
            asks_load_balancers: true,
            target_groups: [web.clone()].into(),
        };
        let https = GroupRule {
            protocol: "tcp".into(),
            from_port: Some(443),
            to_port: Some(443),
            peer: RulePeer::Cidr("0.0.0.0/0".into()),
        };
        let (instance, interface) = (w.instance.clone(), w.interfaces[0].clone());
        self.sandbox()
            .edit(|world| {
                let place = world.scopes.get_mut(&w.scope).unwrap();
                place.groups.get_mut(&w.groups[0]).unwrap().group.ingress.push(https);
                let private_ip = place.interfaces[&interface].private_ips[0];
                let fleet = &mut place.fleet;
                fleet.target_groups.insert(web.clone(), pool(&web, TargetKind::Instance, vec![instance.as_str()]));
                fleet.target_groups.insert(by_address.clone(), pool(&by_address, TargetKind::Ip, vec![]));
                let members = [(instance.clone(), "InService".to_owned())].into();
                let state = ScalingState { group, load_balancers: [].into(), members };
                fleet.scaling_groups.insert("web".into(), state);
                let instances = [(instance.clone(), since)].into();
                let balancer = ClassicLoadBalancer { vpc: w.vpc.clone(), port: 443, instances };
                fleet.load_balancers.insert(classic.clone(), balancer);
                let association = Some(Association { id: "eipassoc-00000001".into(), interface, private_ip });
                let (allocation, public_ip) = ("eipalloc-00000001".to_owned(), "192.0.2.9".parse().unwrap());
                fleet.addresses.insert(allocation.clone(), ElasticIp { allocation, public_ip, association });
            })
            .unwrap();
        Standing { group: "web".into(), target_group: web, classic, allocation: "eipalloc-00000001".into() }
    }

    async fn set_minimum(&self, standing: &Standing, min: i32) {
        let scope = &self.world().scope;
        self.sandbox()
            .edit(|world| {
                let fleet = &mut world.scopes.get_mut(scope).unwrap().fleet;
                fleet.scaling_groups.get_mut(&standing.group).unwrap().group.min = min;
            })
            .unwrap();
    }
}

#[cfg(feature = "aws")]
mod on_moto {
    use super::{Stand, Standing};
    use crate::contract::Fixture;
    use crate::contract::moto::Moto;
    use async_trait::async_trait;
    use aws_config::SdkConfig;
    use aws_sdk_elasticloadbalancing::types as classic;
    use aws_sdk_elasticloadbalancingv2::types as v2;
    use lazaret::domain::Balancer;

    #[async_trait]
    impl Stand for Moto {
        async fn stand(&self) -> Standing {
            let sdk = self.sdk().await;
            let target_group = Box::pin(target_groups(self, &sdk)).await;
            Box::pin(scaling_group(self, &sdk, &target_group)).await;
            Box::pin(load_balancer(self, &sdk)).await;
            let allocation = Box::pin(address(self, &sdk)).await;
            Standing { group: "web".into(), target_group, classic: Balancer::new("old-web"), allocation }
        }

        async fn set_minimum(&self, standing: &Standing, min: i32) {
            let client = aws_sdk_autoscaling::Client::new(&self.sdk().await);
            let update = client.update_auto_scaling_group().auto_scaling_group_name(&standing.group).min_size(min);
            Box::pin(update.send()).await.unwrap();
        }
    }

    async fn target_groups(fixture: &Moto, sdk: &SdkConfig) -> Balancer {
        let client = aws_sdk_elasticloadbalancingv2::Client::new(sdk);
        let make = |name: &str, kind| {
            let vpc = fixture.world().vpc.as_str();
            let group = client.create_target_group().name(name).port(443).vpc_id(vpc);
            group.protocol(v2::ProtocolEnum::Https).target_type(kind).send()
        };
        make("by-address", v2::TargetTypeEnum::Ip).await.unwrap();
        let made = make("web", v2::TargetTypeEnum::Instance).await.unwrap();
        Balancer::new(made.target_groups()[0].target_group_arn().unwrap())
    }

    /// The group begins empty, and takes the instance in: AWS registers it with the target group.
    async fn scaling_group(fixture: &Moto, sdk: &SdkConfig, target_group: &Balancer) {
        let (client, world) = (aws_sdk_autoscaling::Client::new(sdk), fixture.world());
        let template = client.create_launch_configuration().launch_configuration_name("web");
        template.image_id("ami-12c6146b").instance_type("t3.micro").send().await.unwrap();
        client
            .create_auto_scaling_group()
            .auto_scaling_group_name("web")
            .launch_configuration_name("web")
            .min_size(0)
            .max_size(2)
            .desired_capacity(0)
            .health_check_type("ELB")
            .health_check_grace_period(0)
            .vpc_zone_identifier(world.subnet.as_str())
            .target_group_arns(target_group.as_str())
            .send()
            .await
            .unwrap();
        let attach = client.attach_instances().auto_scaling_group_name("web").instance_ids(world.instance.as_str());
        attach.send().await.unwrap();
    }

    async fn load_balancer(fixture: &Moto, sdk: &SdkConfig) {
        let (client, world) = (aws_sdk_elasticloadbalancing::Client::new(sdk), fixture.world());
        let listener =
            classic::Listener::builder().protocol("TCP").load_balancer_port(443).instance_port(443).build().unwrap();
        let make = client.create_load_balancer().load_balancer_name("old-web").subnets(world.subnet.as_str());
        make.listeners(listener).send().await.unwrap();
        let instance = classic::Instance::builder().instance_id(world.instance.as_str()).build();
        let register = client.register_instances_with_load_balancer().load_balancer_name("old-web");
        register.instances(instance).send().await.unwrap();
    }

    async fn address(fixture: &Moto, sdk: &SdkConfig) -> String {
        let (client, world) = (aws_sdk_ec2::Client::new(sdk), fixture.world());
        let made = client.allocate_address().domain(aws_sdk_ec2::types::DomainType::Vpc).send().await.unwrap();
        let allocation = made.allocation_id.unwrap();
        let associate = client.associate_address().allocation_id(&allocation);
        associate.network_interface_id(world.interfaces[0].as_str()).send().await.unwrap();
        allocation
    }
}
