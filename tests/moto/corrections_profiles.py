"""Corrections to moto 5.2.1's instance profiles, each for one place where it lacks or distorts what AWS does.

As in `corrections.py`: each follows botocore's service models (`botocore/data/ec2/2016-11-15/service-2.json`,
`botocore/data/iam/2010-05-08/service-2.json`) and AWS's API reference.
"""

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.iam_instance_profile import IamInstanceProfileAssociation, IamInstanceProfileAssociationBackend
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.utils import random_iam_instance_profile_association_id
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend


def _arn_is_known(backend, arn):
    from moto.iam.models import iam_backends

    known = iam_backends[backend.account_id][backend.partition].instance_profiles.values()
    if arn and not any(p.arn == arn for p in known):
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN",
        )


def a_replaced_profile_has_a_new_association():
    """`ReplaceIamInstanceProfileAssociation` answers a new association, and the instance shows the new profile.

    ec2 `ReplaceIamInstanceProfileAssociationResult`: "Information about the IAM instance profile association"; in the API
    reference's example it has another id than the one that was replaced. `Instance.IamInstanceProfile`: "The IAM instance
    profile associated with the instance". Only a running instance's can be replaced ("for the specified running
    instance"): EC2 answers `IncorrectState`. moto keeps the id, and `DescribeInstances` goes on showing the old profile.
    """
    replace = IamInstanceProfileAssociationBackend.replace_iam_instance_profile_association

    def corrected(self, association_id, iam_instance_profile_name=None, iam_instance_profile_arn=None):
        _arn_is_known(self, iam_instance_profile_arn)
        for association in self.iam_instance_profile_associations.values():
            if association.association_id == association_id and association.instance.state != "running":
                raise EC2ClientError("IncorrectState", f"The association {association_id} is not the active association")
        replaced = replace(self, association_id, iam_instance_profile_name, iam_instance_profile_arn)
        made = IamInstanceProfileAssociation(
            self, random_iam_instance_profile_association_id(), replaced.instance, replaced.iam_instance_profile
        )
        self.iam_instance_profile_associations[replaced.instance.id] = made
        return made

    IamInstanceProfileAssociationBackend.replace_iam_instance_profile_association = corrected


def unknown_profiles_are_refused():
    """`AssociateIamInstanceProfile` with a profile that does not exist is refused by EC2's own code.

    ec2 error code `InvalidParameterValue`. moto answers IAM's `NoSuchEntity`.
    """
    associate = IamInstanceProfileAssociationBackend.associate_iam_instance_profile

    def corrected(self, instance_id, iam_instance_profile_name=None, iam_instance_profile_arn=None):
        self.get_instance(instance_id)
        _arn_is_known(self, iam_instance_profile_arn)
        return associate(self, instance_id, iam_instance_profile_name, iam_instance_profile_arn)

    IamInstanceProfileAssociationBackend.associate_iam_instance_profile = corrected


def metadata_options_can_be_rehearsed():
    """`ModifyInstanceMetadataOptions` knows `DryRun`.

    ec2 `ModifyInstanceMetadataOptionsRequest.DryRun`: "Checks whether you have the required permissions for the action,
    without actually making the request". moto makes the change.
    """
    modify = InstanceResponse.modify_instance_metadata_options

    def corrected(self):
        self.error_on_dryrun()
        return modify(self)

    InstanceResponse.modify_instance_metadata_options = corrected


def a_role_that_is_not_in_a_profile_can_not_be_taken_out():
    """`RemoveRoleFromInstanceProfile` of a role that isn't in it is refused.

    iam `NoSuchEntityException` of the operation. moto answers 500.
    """
    remove = IAMBackend.remove_role_from_instance_profile

    def corrected(self, profile_name, role_name):
        if self.get_role(role_name) not in self.get_instance_profile(profile_name).roles:
            raise NotFoundException(f"Role {role_name} is not in instance profile {profile_name}.")
        return remove(self, profile_name, role_name)

    IAMBackend.remove_role_from_instance_profile = corrected


ALL = [
    a_replaced_profile_has_a_new_association,
    unknown_profiles_are_refused,
    metadata_options_can_be_rehearsed,
    a_role_that_is_not_in_a_profile_can_not_be_taken_out,
]
