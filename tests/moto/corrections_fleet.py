"""Where moto differs from Auto Scaling, Elastic Load Balancing and Elastic IP addresses, as far as lazaret meets it.

Each follows the service model that botocore ships (named in each docstring) and AWS's API reference.
"""

from moto.autoscaling.exceptions import ValidationError
from moto.autoscaling.models import AutoScalingBackend
from moto.ec2.exceptions import DependencyViolationError
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.elb.exceptions import ELBClientError
from moto.elb.models import ELBBackend
from moto.elbv2.models import FakeTargetGroup


def _group(backend, name):
    group = backend.autoscaling_groups.get(name)
    if group is None:
        raise ValidationError(f"AutoScalingGroup name not found - AutoScalingGroup {name} not found")
    return group


def _member(group, instance_id, lifecycle):
    """The state of an instance in the group, which has to be this one."""
    for state in group.instance_states:
        if state.instance.id == instance_id:
            if lifecycle and state.lifecycle_state != lifecycle:
                raise ValidationError(f"The instance {instance_id} is not in {lifecycle}.")
            return state
    raise ValidationError(f"The instance {instance_id} is not part of Auto Scaling group {group.name}.")


def _sizes(group, what):
    return ValidationError(
        f"AutoScalingGroup {group.name} has min-size={group.min_size}, max-size={group.max_size}, and "
        f"desired-size={group.desired_capacity}. To {what}, please update the AutoScalingGroup sizes appropriately."
    )


def _leave_target_groups(backend, group, instance_ids):
    for arn in group.target_group_arns:
        pool = backend.elbv2_backend.target_groups[arn]
        pool.deregister([{"Id": i} for i in instance_ids if i in pool.targets])


def standby_is_checked_and_takes_targets_out():
    """`EnterStandby` and `ExitStandby` keep to the group's sizes, its members, and its target groups.

    autoscaling `EnterStandby`: "the instances can enter standby as long as the desired capacity of the Auto Scaling
    group after the instances are placed into standby is equal to or greater than the minimum capacity of the group".
    moto checks nothing, and leaves targets registered.
    """
    enter, leave = AutoScalingBackend.enter_standby_instances, AutoScalingBackend.exit_standby_instances

    def enter_standby(self, group_name, instance_ids, should_decrement):
        group = _group(self, group_name)
        for instance_id in instance_ids:
            _member(group, instance_id, "InService")
        if should_decrement and group.desired_capacity - len(instance_ids) < group.min_size:
            raise _sizes(group, f"place into standby {len(instance_ids)} instance")
        activities = enter(self, group_name, instance_ids, should_decrement)
        _leave_target_groups(self, group, instance_ids)
        return activities

    def exit_standby(self, group_name, instance_ids):
        group = _group(self, group_name)
        for instance_id in instance_ids:
            _member(group, instance_id, "Standby")
        if group.desired_capacity + len(instance_ids) > group.max_size:
            raise _sizes(group, f"exit standby {len(instance_ids)} instance")
        activities = leave(self, group_name, instance_ids)
        self.update_attached_target_groups(group_name)
        return activities

    AutoScalingBackend.enter_standby_instances = enter_standby
    AutoScalingBackend.exit_standby_instances = exit_standby


def members_are_checked():
    """`DetachInstances` wants a member, `AttachInstances` an instance that is none and room in the group.

    autoscaling `AttachInstances`: "If the number of instances being attached plus the desired capacity of the group
    exceeds the maximum size of the group, the operation fails"; `DetachInstances`: "the instances are deregistered from
    the target groups". Both refuse with `ValidationError`; moto answers 500 or `ResourceContention`.
    """
    detach, attach = AutoScalingBackend.detach_instances, AutoScalingBackend.attach_instances

    def detach_instances(self, group_name, instance_ids, should_decrement):
        group = _group(self, group_name)
        for instance_id in instance_ids:
            _member(group, instance_id, None)
        activities = detach(self, group_name, instance_ids, should_decrement)
        _leave_target_groups(self, group, instance_ids)
        return activities

    def attach_instances(self, group_name, instance_ids):
        group = _group(self, group_name)
        for other in self.autoscaling_groups.values():
            if any(state.instance.id in instance_ids for state in other.instance_states):
                raise ValidationError(f"Instances are already part of group {other.name}: {instance_ids}")
        if group.desired_capacity + len(instance_ids) > group.max_size:
            raise _sizes(group, f"attach {len(instance_ids)} new instance")
        return attach(self, group_name, instance_ids)

    AutoScalingBackend.detach_instances = detach_instances
    AutoScalingBackend.attach_instances = attach_instances


def absent_targets_may_be_deregistered():
    """`DeregisterTargets` of a target that isn't there succeeds.

    elbv2 `DeregisterTargets`: "Note: If the specified target does not exist, the action returns successfully." moto
    answers `InvalidTarget`.
    """
    deregister = FakeTargetGroup.deregister

    def corrected(self, targets):
        deregister(self, [t for t in targets if t["Id"] in self.targets])

    FakeTargetGroup.deregister = corrected


def classic_load_balancers_are_checked():
    """Registering with and deregistering from a classic load balancer look at both sides.

    elb `AccessPointNotFoundException` (`LoadBalancerNotFound`) and `InvalidEndPointException` (`InvalidInstance`: "The
    specified endpoint is not valid"). moto answers 500 for the first, and takes anything for an instance; registered
    twice, an instance stands there twice.
    """
    register, deregister = ELBBackend.register_instances, ELBBackend.deregister_instances

    def balancer(self, name):
        found = self.get_load_balancer(name)
        if found is None:
            raise ELBClientError("LoadBalancerNotFound", f"There is no ACTIVE Load Balancer named '{name}'")
        return found

    def invalid(instance_id):
        return ELBClientError("InvalidInstance", f"Could not find EC2 instance {instance_id}.")

    def registered(self, load_balancer_name, instance_ids, from_autoscaling=False):
        found = balancer(self, load_balancer_name)
        from moto.ec2.models import ec2_backends

        for instance_id in instance_ids:
            if ec2_backends[self.account_id][self.region_name].get_instance_by_id(instance_id) is None:
                raise invalid(instance_id)
        new = [i for i in instance_ids if i not in found.instance_ids]
        return register(self, load_balancer_name, new, from_autoscaling)

    def deregistered(self, load_balancer_name, instance_ids, from_autoscaling=False):
        found = balancer(self, load_balancer_name)
        for instance_id in instance_ids:
            if not from_autoscaling and instance_id not in found.instance_ids:
                raise invalid(instance_id)
        return deregister(self, load_balancer_name, instance_ids, from_autoscaling)

    ELBBackend.register_instances = registered
    ELBBackend.deregister_instances = deregistered


def addresses_know_the_instance_behind_their_interface():
    """An address that was associated with an interface shows the instance that the interface is attached to.

    ec2 `Address.InstanceId`: "The ID of the instance that the address is associated with (if any)", and the filter
    `instance-id` of `DescribeAddresses`. moto knows it only where the call named the instance.
    """
    value = ElasticAddress.get_filter_value

    def instance_id(self):
        instance = self.instance or (self.eni and self.eni.instance)
        return instance.id if instance else ""

    def corrected(self, filter_name, method_name=None):
        if filter_name == "instance-id":
            return instance_id(self) or None
        return value(self, filter_name, method_name)

    ElasticAddress.instance_id = property(instance_id)
    ElasticAddress.get_filter_value = corrected


def groups_in_use_stay():
    """`DeleteSecurityGroup` is refused while an interface holds the group.

    ec2 `DeleteSecurityGroup`: "If you attempt to delete a security group that is associated with an instance or network
    interface, … the operation fails with DependencyViolation." moto removes it all the same.
    """
    delete = SecurityGroupBackend.delete_security_group

    def corrected(self, name=None, group_id=None):
        for interface in self.enis.values():
            if group_id in [group.id for group in interface.group_set]:
                raise DependencyViolationError(f"resource {group_id} has a dependent object")
        return delete(self, name, group_id)

    SecurityGroupBackend.delete_security_group = corrected


ALL = [
    groups_in_use_stay,
    addresses_know_the_instance_behind_their_interface,
    standby_is_checked_and_takes_targets_out,
    members_are_checked,
    absent_targets_may_be_deregistered,
    classic_load_balancers_are_checked,
]
