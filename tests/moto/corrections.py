"""Corrections to moto 5.2.1, each for one place where it lacks or distorts what AWS does.

The contract tests run lazaret's adapters against moto over HTTP. Where moto is wrong, a correction here, and not a
gentler test. Each follows the service model that botocore ships (`botocore/data/<service>/…/service-2.json`, named in
each docstring) and AWS's API reference.
"""

import datetime
import json

import corrections_acls
from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError, InvalidVPCIdError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface, NetworkInterfaceBackend
from moto.ec2.models.network_acls import NetworkAcl
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.tags import TagBackend
from moto.securityhub import urls as securityhub_urls
from moto.securityhub.exceptions import InvalidInputException
from moto.securityhub.models import SecurityHubBackend
from moto.securityhub.responses import SecurityHubResponse
from moto.utilities.paginator import paginate


def interfaces_hold_their_own_groups():
    """An interface shows the groups that stand on it, and no others.

    ec2 `NetworkInterface.Groups`: "Any security groups for the network interface". moto joins them with the groups
    of the instance, so that a swapped interface never reads as swapped.
    """
    NetworkInterface.group_set = property(lambda self: self._group_set)


def unknown_groups_are_refused():
    """`ModifyNetworkInterfaceAttribute` with a group that does not exist changes nothing.

    ec2 error code `InvalidGroup.NotFound`. moto stores an empty entry for the unknown group and answers success.
    """
    modify = NetworkInterfaceBackend.modify_network_interface_attribute

    def corrected(self, eni_id, group_ids, *args, **kwargs):
        self.get_network_interface(eni_id)
        for group_id in group_ids:
            if self.get_security_group_from_id(group_id) is None:
                raise InvalidSecurityGroupNotFoundError(group_id)
        return modify(self, eni_id, group_ids, *args, **kwargs)

    NetworkInterfaceBackend.modify_network_interface_attribute = corrected


def groups_stand_in_a_vpc():
    """`CreateSecurityGroup` in a VPC that does not exist is refused.

    ec2 error code `InvalidVpcID.NotFound`. moto makes the group.
    """
    create = SecurityGroupBackend.create_security_group

    def corrected(self, name, description, vpc_id=None, *args, **kwargs):
        made_with_its_vpc = kwargs.get("is_default") or kwargs.get("force")
        if vpc_id and not made_with_its_vpc and vpc_id not in self.vpcs:
            raise InvalidVPCIdError(vpc_id)
        return create(self, name, description, vpc_id, *args, **kwargs)

    SecurityGroupBackend.create_security_group = corrected


def network_acls_are_found_by_id():
    """`DescribeNetworkAcls` knows the filter `network-acl-id`.

    ec2 `DescribeNetworkAclsRequest.Filters`: "network-acl-id - The ID of the network ACL." moto answers 500.
    """
    value = NetworkAcl.get_filter_value

    def corrected(self, filter_name, method_name=None):
        return self.id if filter_name == "network-acl-id" else value(self, filter_name, method_name)

    NetworkAcl.get_filter_value = corrected


def tags_stand_on_something():
    """`CreateTags` and `DeleteTags` on an instance or interface that does not exist are refused.

    ec2 error codes `InvalidInstanceID.NotFound`, `InvalidNetworkInterfaceID.NotFound`. moto looks and then goes on.
    """
    exist = EC2Backend.do_resources_exist

    def corrected(self, resource_ids):
        for resource_id in resource_ids:
            if resource_id.startswith("i-"):
                self.get_instance(resource_id)
            elif resource_id.startswith("eni-"):
                self.get_network_interface(resource_id)
        return exist(self, resource_ids)

    EC2Backend.do_resources_exist = corrected


def tags_have_limits():
    """A tag's key holds 128 characters, its value 256, and `aws:` is reserved.

    ec2 `Tag.Key`: "May not begin with aws:. … Accepts a maximum of 127 Unicode characters", `Tag.Value`: "a maximum of
    256 Unicode characters" (the user guide and the service say 128 for keys). moto keeps only the limit of 50 tags.
    """
    create = TagBackend.create_tags

    def corrected(self, resource_ids, tags):
        for key, value in tags.items():
            if key.startswith("aws:"):
                raise EC2ClientError("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
            if len(key) > 128:
                raise EC2ClientError("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
            if len(value or "") > 256:
                raise EC2ClientError("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
        return create(self, resource_ids, tags)

    TagBackend.create_tags = corrected


# Where a filter of GetFindings looks (securityhub `AwsSecurityFindingFilters`).
_STRING_FILTERS = {
    "Id": ("Id",),
    "ProductArn": ("ProductArn",),
    "AwsAccountId": ("AwsAccountId",),
    "RecordState": ("RecordState",),
    "WorkflowStatus": ("Workflow", "Status"),
    "SeverityLabel": ("Severity", "Label"),
    "Title": ("Title",),
    "ResourceId": ("Resources", "Id"),
}
_DATE_FILTERS = {"UpdatedAt": ("UpdatedAt",), "CreatedAt": ("CreatedAt",)}
# securityhub `StringFilterComparison`.
_POSITIVE = {"EQUALS": str.__eq__, "PREFIX": str.startswith, "CONTAINS": str.__contains__}
_NEGATIVE = {"NOT_EQUALS": str.__eq__, "PREFIX_NOT_EQUALS": str.startswith, "NOT_CONTAINS": str.__contains__}


def _at(finding, path):
    for name in path:
        finding = finding.get(name) if isinstance(finding, dict) else None
    return finding if isinstance(finding, str) else ""


def _values(finding, path):
    """All strings at a path that may lead through a list."""
    values = [finding]
    for name in path:
        values = [v[name] for v in values if isinstance(v, dict) and name in v]
        values = [e for v in values for e in (v if isinstance(v, list) else [v])]
    return [v for v in values if isinstance(v, str)] or [""]


def _time(text, field):
    try:
        at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidInputException(op="GetFindings", msg=f"{field} is not a timestamp: {text}")
    return at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)


def _matches_string(value, conditions):
    """Positive comparisons on one field are joined by OR, negative ones by AND (securityhub `StringFilter`)."""
    positive = [c for c in conditions if c["Comparison"] in _POSITIVE]
    negative = [c for c in conditions if c["Comparison"] in _NEGATIVE]
    hit = not positive or any(_POSITIVE[c["Comparison"]](value, c["Value"]) for c in positive)
    return hit and not any(_NEGATIVE[c["Comparison"]](value, c["Value"]) for c in negative)


def _matches_date(value, conditions):
    at = _time(value, "UpdatedAt")
    return any(_time(c["Start"], "Start") <= at <= _time(c["End"], "End") for c in conditions)


def _check(filters, sort_criteria):
    for name, conditions in filters.items():
        if name not in _STRING_FILTERS and name not in _DATE_FILTERS:
            raise InvalidInputException(op="GetFindings", msg=f"the filter {name} is not corrected in tests/moto")
        if len(conditions) > 20:  # "For each attribute, you can provide up to 20 filter values."
            raise InvalidInputException(op="GetFindings", msg=f"more than 20 values for {name}")
        for condition in conditions:
            if name in _DATE_FILTERS and not {"Start", "End"} <= condition.keys():
                raise InvalidInputException(op="GetFindings", msg=f"{name} wants Start and End")
            if name in _STRING_FILTERS and condition.get("Comparison") not in {*_POSITIVE, *_NEGATIVE}:
                raise InvalidInputException(op="GetFindings", msg=f"no such comparison for {name}")
    for criterion in sort_criteria:
        if criterion.get("SortOrder") not in ("asc", "desc"):
            raise InvalidInputException(op="GetFindings", msg="SortOrder is asc or desc")


def get_findings_filters_and_sorts():
    """`GetFindings` keeps to its filters and its order, and to 100 findings a page.

    securityhub `GetFindingsRequest`: `Filters` (`AwsSecurityFindingFilters`: each attribute's values joined as
    `StringFilter` says, attributes by AND), `SortCriteria`, `MaxResults` 1 to 100. moto answers all findings in the
    order in which they came.
    """

    @paginate(pagination_model=SecurityHubBackend.PAGINATION_MODEL)
    def get_findings(self, filters=None, sort_criteria=None, max_results=None):
        if max_results is not None and not 1 <= int(max_results) <= 100:
            raise InvalidInputException(op="GetFindings", msg="MaxResults must be a number between 1 and 100")
        filters, sort_criteria = filters or {}, sort_criteria or []
        _check(filters, sort_criteria)
        found = [f.as_dict() for f in self.findings]
        for name, conditions in filters.items():
            if name in _STRING_FILTERS:
                path = _STRING_FILTERS[name]
                found = [f for f in found if any(_matches_string(v, conditions) for v in _values(f, path))]
            else:
                found = [f for f in found if _matches_date(_at(f, _DATE_FILTERS[name]), conditions)]
        for criterion in reversed(sort_criteria):
            path = {**_STRING_FILTERS, **_DATE_FILTERS}[criterion["Field"]]
            found.sort(key=lambda f: _at(f, path), reverse=criterion["SortOrder"] == "desc")
        return found

    SecurityHubBackend.get_findings = get_findings


def _update(backend, identifier, seen, changes):
    """Updates one finding; answers None, or why not as (ErrorCode, ErrorMessage)."""
    key = (identifier["Id"], identifier["ProductArn"])
    if key in seen:
        return "DuplicatedFindingIdentifier", "Duplicated finding identifier"
    seen.add(key)
    found = [f for f in backend.findings if (f.data.get("Id"), f.data.get("ProductArn")) == key]
    if not found:
        return "FindingNotFound", "Finding Not Found"
    if len(changes.get("Note", {}).get("Text", "")) > 512:
        return "InvalidInput", "Note.Text must not be longer than 512 characters"
    found[0].data.update(json.loads(json.dumps(changes)))
    return None


def batch_update_findings_exists():
    """`BatchUpdateFindings`, which moto lacks: PATCH /findings/batchupdate.

    securityhub `BatchUpdateFindingsRequest`/`Response`: at most 100 identifiers; `Note` and `Workflow` are replaced;
    findings that were not updated come back in `UnprocessedFindings` with the model's error codes; `UpdatedAt` does
    not change. The other fields of the request are refused here, since lazaret never sends them.
    """

    def batch_update_findings(self):
        request = json.loads(self.body)
        identifiers = request["FindingIdentifiers"]
        if not 1 <= len(identifiers) <= 100:
            raise InvalidInputException(op="BatchUpdateFindings", msg="1 to 100 finding identifiers are wanted")
        if unknown := request.keys() - {"FindingIdentifiers", "Note", "Workflow"}:
            raise InvalidInputException(op="BatchUpdateFindings", msg=f"not corrected in tests/moto: {unknown}")
        changes = {}
        if workflow := request.get("Workflow"):
            if workflow["Status"] not in ("NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"):
                raise InvalidInputException(op="BatchUpdateFindings", msg="no such workflow status")
            changes["Workflow"] = {"Status": workflow["Status"]}
        if note := request.get("Note"):
            now = datetime.datetime.now(datetime.timezone.utc).isoformat()
            changes["Note"] = {"Text": note["Text"], "UpdatedBy": note["UpdatedBy"], "UpdatedAt": now}
        processed, unprocessed, seen = [], [], set()
        for identifier in identifiers:
            refused = _update(self.securityhub_backend, identifier, seen, changes)
            if refused is None:
                processed.append(identifier)
            else:
                code, message = refused
                unprocessed.append({"FindingIdentifier": identifier, "ErrorCode": code, "ErrorMessage": message})
        return json.dumps({"ProcessedFindings": processed, "UnprocessedFindings": unprocessed})

    SecurityHubResponse.batch_update_findings = batch_update_findings
    securityhub_urls.url_paths["{0}/findings/batchupdate$"] = SecurityHubResponse.dispatch


ALL = [
    interfaces_hold_their_own_groups,
    unknown_groups_are_refused,
    groups_stand_in_a_vpc,
    network_acls_are_found_by_id,
    tags_stand_on_something,
    tags_have_limits,
    get_findings_filters_and_sorts,
    batch_update_findings_exists,
    *corrections_acls.ALL,
]
