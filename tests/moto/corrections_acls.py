"""Corrections to moto 5.2.1 for the entries of network ACLs, each for one place where it lacks what AWS does.

See `corrections.py` for what a correction is. The checks stand at the door, where a request comes in: moto makes the
entries that each network ACL begins with, the final denies among them, by the same inner function.
"""

import ipaddress

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.network_acls import NetworkAclBackend
from moto.ec2.responses.network_acls import NetworkACLs

# VPC user guide, "Amazon VPC quotas": rules per network ACL, one way and one address family, the final deny included.
_QUOTA = 20


def _before(name, check):
    """Runs `check` before a request is carried out."""
    carry_out = getattr(NetworkACLs, name)

    def corrected(self):
        check(self)
        return carry_out(self)

    setattr(NetworkACLs, name, corrected)


def acl_entries_have_legal_numbers():
    """`CreateNetworkAclEntry` and `DeleteNetworkAclEntry` take rule numbers from 1 to 32766.

    ec2 `CreateNetworkAclEntryRequest.RuleNumber`: "Constraints: Positive integer from 1 to 32766. The range 32767 to 65535
    is reserved for internal use." moto makes and removes any.
    """

    def check(self):
        number = self._get_param("RuleNumber")
        if not 1 <= int(number) <= 32766:
            raise EC2ClientError("InvalidParameterValue", f"Value ({number}) for parameter ruleNumber is invalid.")

    _before("create_network_acl_entry", check)
    _before("delete_network_acl_entry", check)


def acl_entries_have_a_quota():
    """A network ACL holds 20 entries in each direction and address family.

    ec2 error code `NetworkAclEntryLimitExceeded`: "You've reached the limit on the number of rules that you can add to the
    network ACL." moto adds any number. A number that is taken is refused as that first.
    """

    def check(self):
        acl = self.ec2_backend.get_network_acl(self._get_param("NetworkAclId"))
        egress, v6 = self._get_param("Egress"), bool(self._get_param("Ipv6CidrBlock"))
        there = [e for e in acl.network_acl_entries if e.egress == egress]
        if any(e.rule_number == self._get_param("RuleNumber") for e in there):
            return
        if sum(bool(e.ipv6_cidr_block) == v6 for e in there) >= _QUOTA:
            raise EC2ClientError("NetworkAclEntryLimitExceeded", f"{acl.id} has {_QUOTA} rules, and can have no more.")

    _before("create_network_acl_entry", check)


def acl_entries_are_removed_once():
    """`DeleteNetworkAclEntry` of an entry that isn't there is refused.

    ec2 error code `InvalidNetworkAclEntry.NotFound`. moto answers 500.
    """
    delete = NetworkAclBackend.delete_network_acl_entry

    def corrected(self, network_acl_id, rule_number, egress):
        try:
            return delete(self, network_acl_id, rule_number, egress)
        except StopIteration:
            message = f"The network acl entry identified by {rule_number} does not exist."
            raise EC2ClientError("InvalidNetworkAclEntry.NotFound", message) from None

    NetworkAclBackend.delete_network_acl_entry = corrected


def acl_entries_keep_the_network_of_a_range():
    """`CreateNetworkAclEntry` drops the bits after the network.

    ec2 `CreateNetworkAclEntryRequest.CidrBlock`: "We modify the specified CIDR block to its canonical form; for example,
    if you specify 100.68.0.18/18, we modify it to 100.68.0.0/18." moto keeps it as it came.
    """
    create = NetworkAclBackend.create_network_acl_entry

    def corrected(self, *args, **kwargs):
        entry = create(self, *args, **kwargs)
        for field in ("cidr_block", "ipv6_cidr_block"):
            if block := getattr(entry, field):
                setattr(entry, field, str(ipaddress.ip_network(block, strict=False)))
        return entry

    NetworkAclBackend.create_network_acl_entry = corrected


def acl_entries_can_be_rehearsed():
    """`CreateNetworkAclEntry` and `DeleteNetworkAclEntry` know `DryRun`.

    ec2 `CreateNetworkAclEntryRequest.DryRun`: "Checks whether you have the required permissions for the action, without
    actually making the request". moto makes the request.
    """
    _before("create_network_acl_entry", NetworkACLs.error_on_dryrun)
    _before("delete_network_acl_entry", NetworkACLs.error_on_dryrun)


# The last one added is asked first.
ALL = [
    acl_entries_can_be_rehearsed,
    acl_entries_have_a_quota,
    acl_entries_have_legal_numbers,
    acl_entries_are_removed_once,
    acl_entries_keep_the_network_of_a_range,
]
