"""Users, user groups and members of channels, as Slack knows them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import structlog
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.errors import SlackFaultError
from flowbot.services.policy_checks import UserGroup
from flowbot.services.ports.slack import Organisation, UserDirectory, UserProfile
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.payloads.incoming import OptionalTeam

MEMBERS_A_PAGE: Final = 1000
log = structlog.get_logger(__name__)

A = TypeVar("A", bound="_Answer")


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _AuthTest(_Answer):
    team_id: TeamId
    enterprise_id: OptionalTeam = None


class _EnterpriseUser(_Answer):
    enterprise_id: OptionalTeam = None


class _User(_Answer):
    id: UserId
    team_id: OptionalTeam = None
    enterprise_user: _EnterpriseUser = _EnterpriseUser()
    locale: str | None = None
    tz: str | None = None
    is_admin: bool = False
    is_owner: bool = False
    is_stranger: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    real_name: str | None = None
    name: str | None = None


class _UserInfo(_Answer):
    user: _User


def _skip_unreadable(records: Any) -> Any:
    """Return the groups that can be read: one that cannot names nobody, and costs no other."""
    if not isinstance(records, list):
        return records
    return [group for record in records if (group := _read_group(record)) is not None]


def _read_group(record: Any) -> "UserGroupRecord | None":
    try:
        return UserGroupRecord.model_validate(record)
    except ValidationError as error:
        log.warning("people.group_unreadable", problems=error.error_count())
        return None


class UserGroupRecord(_Answer):
    """A user group, as Slack's API has it."""

    id: GroupId
    name: str = ""
    handle: str = ""
    users: frozenset[UserId] = frozenset()
    date_delete: int = 0


class _Groups(_Answer):
    usergroups: Annotated[tuple[UserGroupRecord, ...], BeforeValidator(_skip_unreadable)]


class _Users(_Answer):
    users: frozenset[UserId]


class _Cursor(_Answer):
    next_cursor: Annotated[str, BeforeValidator(lambda value: value or "")] = ""


class _Members(_Answer):
    members: frozenset[UserId]
    response_metadata: _Cursor = _Cursor()


class SlackUserDirectory(UserDirectory):
    """Users, groups and members by the Web API.

    Args:
        client: the Web API, as the bot.
        named: returns the user groups that policies name, for a Slack that does not list them all.
        identity: the answer of `auth.test`, where it was asked for before.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        named: Callable[[], Awaitable[frozenset[GroupId]]],
        identity: Awaitable[AsyncSlackResponse] | None = None,
    ) -> None:
        self._client = client
        self._named = named
        self._identity = identity

    async def get_organisation(self) -> Organisation:
        answer = await _ask(_AuthTest, self._identity or self._client.auth_test())
        return Organisation(answer.team_id, answer.enterprise_id)

    async def get_profile(self, user: UserId) -> UserProfile:
        found = (await _ask(_UserInfo, self._client.users_info(user=user, include_locale=True))).user
        return UserProfile(
            user=found.id,
            team=found.team_id,
            enterprise=found.enterprise_user.enterprise_id,
            locale=found.locale,
            timezone=found.tz,
            is_admin=found.is_admin or found.is_owner,
            is_stranger=found.is_stranger,
            is_bot=found.is_bot,
            is_deactivated=found.deleted,
            name=found.real_name or found.name or "",
            is_guest=found.is_restricted or found.is_ultra_restricted,
        )

    async def list_groups(self) -> Mapping[GroupId, frozenset[UserId]]:
        try:
            return {group.id: group.users for group in await list_user_groups(self._client)}
        except SlackFaultError as error:
            if error.code != "unknown_method":
                raise
        # Then the groups that policies name, in a call each.
        groups = {}
        for group in sorted(await self._named()):
            try:
                groups[group] = (await _ask(_Users, self._client.usergroups_users_list(usergroup=group))).users
            except SlackFaultError as error:
                if error.code != "no_such_subteam":
                    raise
        return groups

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        found: set[UserId] = set()
        cursor = ""
        while True:
            call = self._client.conversations_members(channel=channel, cursor=cursor, limit=MEMBERS_A_PAGE)
            answer = await _ask(_Members, call)
            found |= answer.members
            cursor = answer.response_metadata.next_cursor
            if not cursor:
                return frozenset(found)


async def list_user_groups(client: AsyncWebClient) -> tuple[UserGroupRecord, ...]:
    """Return every user group in use with its members, in one call (`usergroups.list`).

    Raises:
        DependencyError: Slack did not answer, or not with that.
    """
    answer = await _ask(_Groups, client.usergroups_list(include_users=True))
    return tuple(group for group in answer.usergroups if not group.date_delete)


async def find_installation_problem(client: AsyncWebClient, identity: AsyncSlackResponse) -> str | None:
    """Say why flowbot cannot serve an organisation-wide installation; None where it can, or where it is none.

    Args:
        client: the Web API, as the bot.
        identity: the answer of `auth.test`.

    Raises:
        Any of SLACK_ERRORS but SlackApiError: Slack did not answer.
    """
    if not identity.get("is_enterprise_install"):
        return None
    try:
        await client.usergroups_list()
    except SlackApiError as error:
        return (
            f"SLACK_BOT_TOKEN: it belongs to an organisation-wide installation, for which Slack does not list the user "
            f"groups ({error_code(error)}); install flowbot in one workspace"
        )
    return None


async def _ask(model: type[A], call: Awaitable[AsyncSlackResponse]) -> A:
    try:
        return model.model_validate((await call).data)
    except (*SLACK_ERRORS, ValidationError) as error:
        raise SlackFaultError(error_code(error)) from error


class SlackUserGroupRoster:
    """User groups with their names, by the Web API.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        """Return every user group in use (`usergroups.list`).

        Raises:
            DependencyError: Slack did not answer, or not with that.
        """
        return {
            each.id: UserGroup(each.name or each.handle, each.users) for each in await list_user_groups(self._client)
        }
