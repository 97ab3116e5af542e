"""The approvers of one request who hear of it by direct message, and the right by which each may approve."""

from collections.abc import Collection
from dataclasses import replace

import structlog

from flowbot.domain.absences import list_represented, may_stand_in, replace_absent
from flowbot.domain.approval import may_decide, stage_policy
from flowbot.domain.approval_rule import EVERYONE, Principal
from flowbot.domain.ids import UserId
from flowbot.domain.policy import decide_among
from flowbot.errors import DependencyError
from flowbot.services.listed_rights import ListedRight
from flowbot.services.quorum import load_people
from flowbot.services.request_details import RequestDetails
from flowbot.services.users import Caller, CurrentUser, UserService

log = structlog.get_logger(__name__)


async def list_called(users: UserService, details: RequestDetails) -> tuple[UserId, ...]:
    """List the people whom the policy names, and then the members of its groups, but for who asked.

    In the place of who is away stands their stand-in, or nobody.

    Raises:
        DependencyError: Slack did not tell the groups.
    """
    named, requester = await load_people(users, details.approvers), details.change.request.requester
    return replace_absent(named, details.absences, requester, has_stand_ins=details.terms.stand_ins)


async def add_groups(users: UserService, details: RequestDetails) -> RequestDetails:
    """Add the members of user groups where somebody is away, so that their stand-in is mentioned beside their group."""
    if not details.absences:
        return details
    try:
        return replace(details, groups=await users.load_groups())
    except DependencyError as error:
        log.warning("telling.groups_unknown", change=details.change.id, error=str(error))
        return details


async def find_right(users: UserService, details: RequestDetails, person: UserId) -> ListedRight | None:
    """Find the right by which a person may approve in the stage that waits: their own, else as a stand-in.

    What names them, or a group of theirs, comes before "everyone", of which it is not known who is in the channel.

    Raises:
        DependencyError: Slack does not tell who somebody is.
    """
    requester, named = details.change.request.requester, [each for each in details.approvers if each != EVERYONE]
    user = await _load(users, person)
    own = _find_basis(named, user) or _find_basis(details.approvers, user)
    if own is not None and may_decide(person, requester, details.change.rule):
        policy = details.policy
        is_approver = policy is None or own in stage_policy(policy, details.stage, is_escalated=False).all_approvers
        return ListedRight(own, is_escalated=not is_approver)
    if not details.terms.stand_ins or not may_stand_in(user.actor):
        return None
    for absent in list_represented(details.absences, person, requester):
        if (basis := _find_basis(named, await _load(users, absent))) is not None:
            return ListedRight(basis, absent)
    return None


async def _load(users: UserService, person: UserId) -> CurrentUser:
    return await users.load_user(Caller(person, None))


def _find_basis(entries: Collection[Principal], user: CurrentUser) -> str | None:
    return decide_among(entries, user.actor).basis
