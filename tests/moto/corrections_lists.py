"""Corrections to moto 5.2.1 for managed prefix lists, each for one place where it lacks what AWS does.

See `corrections.py` for what a correction is.
"""

from moto.core.responses import ActionResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses.vpcs import VPCs

# ec2 `PrefixListMaxResults`: "max: 100".
_LARGEST = 100


def _in_pages(name, key):
    """Cuts an answer into pages, the way AWS does; the token is where the next one begins."""
    whole = getattr(VPCs, name)

    def corrected(self):
        answer = whole(self).result
        items = answer[key] or []
        start, size = int(self._get_param("NextToken") or 0), int(self._get_param("MaxResults") or _LARGEST)
        if not 1 <= size <= _LARGEST:
            raise EC2ClientError("InvalidParameterValue", f"Value ( {size} ) for parameter maxResults is invalid.")
        end = start + size
        page = {key: items[start:end]}
        if end < len(items):
            page["NextToken"] = str(end)
        return ActionResult(page)

    setattr(VPCs, name, corrected)


def prefix_lists_come_in_pages():
    """`DescribeManagedPrefixLists` and `GetManagedPrefixListEntries` answer at most 100 at once, and a token.

    ec2 `PrefixListMaxResults`: "max: 100, min: 1"; `GetManagedPrefixListEntriesResult.NextToken`. moto answers all at once
    and takes no notice of either.
    """
    _in_pages("describe_managed_prefix_lists", "PrefixLists")
    _in_pages("get_managed_prefix_list_entries", "Entries")


def unknown_prefix_lists_are_refused():
    """`GetManagedPrefixListEntries` of a list that does not exist is refused.

    ec2 error code `InvalidPrefixListID.NotFound`. moto answers with no entries.
    """
    entries = VPCs.get_managed_prefix_list_entries

    def corrected(self):
        prefix_list = self._get_param("PrefixListId")
        if prefix_list not in self.ec2_backend.managed_prefix_lists:
            raise EC2ClientError("InvalidPrefixListID.NotFound", f"The prefix list ({prefix_list}) does not exist.")
        return entries(self)

    VPCs.get_managed_prefix_list_entries = corrected


# The last one added is asked first.
ALL = [prefix_lists_come_in_pages, unknown_prefix_lists_are_refused]
