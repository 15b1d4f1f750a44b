"""Corrections to moto 5.2.1's IAM, each for one place where it lacks what AWS does.

As in `corrections.py`: each follows botocore's service model (`botocore/data/iam/2010-05-08/service-2.json`) and the
IAM user guide, "IAM and AWS STS quotas".
"""

import json

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.exceptions import IAMException, LimitExceededException
from moto.iam.models import AWSManagedPolicy, IAMBackend

# How many characters the inline policies of one user or role may have in all; "IAM does not count white space".
_LIMITS = {"user": 2048, "role": 10240}


class UnmodifiableEntityException(IAMException):
    code = "UnmodifiableEntity"


def _size(document):
    size, quoted, escaped = 0, False, False
    for c in document:
        if quoted:
            size += 1
            quoted = c != '"' or escaped
            escaped = c == "\\" and not escaped
        elif not c.isspace():
            size += 1
            quoted = c == '"'
    return size


def _check_size(kind, name, policies, put, document):
    total = sum(_size(d) for n, d in policies.items() if n != put) + _size(document)
    if total > _LIMITS[kind]:
        raise LimitExceededException(f"Maximum policy size of {_LIMITS[kind]} bytes exceeded for {kind} {name}")


def inline_policies_have_quotas():
    """`PutUserPolicy` and `PutRolePolicy` beyond the quota are refused.

    iam error `LimitExceeded` of both operations. moto stores policies of any length.
    """
    put_user, put_role = IAMBackend.put_user_policy, IAMBackend.put_role_policy

    def on_user(self, user_name, policy_name, policy_json):
        _check_size("user", user_name, self.get_user(user_name).policies, policy_name, policy_json)
        return put_user(self, user_name, policy_name, policy_json)

    def on_role(self, role_name, policy_name, policy_json):
        _check_size("role", role_name, self.get_role(role_name).policies, policy_name, policy_json)
        return put_role(self, role_name, policy_name, policy_json)

    IAMBackend.put_user_policy, IAMBackend.put_role_policy = on_user, on_role


def service_linked_roles_are_protected():
    """A service-linked role takes no policies from its account.

    iam `UnmodifiableEntityException` of `PutRolePolicy` and `DeleteRolePolicy`: "only the service that depends on the
    service-linked role can modify or delete the role on your behalf". moto changes it.
    """

    def protected(call):
        def corrected(self, role_name, *args, **kwargs):
            if self.get_role(role_name).path.startswith("/aws-service-role/"):
                raise UnmodifiableEntityException(
                    f"Cannot perform the operation on the protected role '{role_name}' - this role is only modifiable by AWS"
                )
            return call(self, role_name, *args, **kwargs)

        return corrected

    IAMBackend.put_role_policy = protected(IAMBackend.put_role_policy)
    IAMBackend.delete_role_policy = protected(IAMBackend.delete_role_policy)


# AWS's own policies that the tests use.
_AWS_POLICIES = ("AWSDenyAll", "ReadOnlyAccess")


def aws_has_policies_of_its_own():
    """AWS's own policies are there, as far as the tests use them.

    moto has all 1,485 of them behind `MOTO_IAM_LOAD_MANAGED_POLICIES`, anew for each account, which grows to gigabytes over
    a run of the tests. These few are the same data.
    """
    data = {name: d for name, d in json.loads(aws_managed_policies_data).items() if name in _AWS_POLICIES}
    assert data.keys() == set(_AWS_POLICIES)

    def corrected(self):
        return [AWSManagedPolicy.from_data(name, self.account_id, self.region_name, d) for name, d in data.items()]

    IAMBackend._init_aws_policies = corrected


def instance_profiles_are_of_a_role():
    """`ListInstanceProfilesForRole` of a role that does not exist is refused.

    iam error `NoSuchEntity` of the operation. moto answers an empty list.
    """
    listed = IAMBackend.get_instance_profiles_for_role

    def corrected(self, role_name, *args, **kwargs):
        self.get_role(role_name)
        return listed(self, role_name, *args, **kwargs)

    IAMBackend.get_instance_profiles_for_role = corrected


ALL = [aws_has_policies_of_its_own, instance_profiles_are_of_a_role, inline_policies_have_quotas, service_linked_roles_are_protected]
