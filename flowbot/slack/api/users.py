"""Users, user groups and members of channels, as Slack knows them."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import structlog
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticUseDefault
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.errors import SlackFaultError
from flowbot.services.ports.slack import Organisation, UserDirectory, UserGroup, UserProfile
from flowbot.slack.api.client import MeteredWebClient
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.payloads.incoming import OptionalTeam, Payload

MEMBERS_A_PAGE: Final = 1000
CHANNELS_A_PAGE: Final = 999
MOST_PAGES: Final = 200
_CHANNEL_TYPES: Final = "public_channel,private_channel"
ANOTHER_PERSON: Final = "another_user"
"""For an answer about another person than was asked for, where Slack would name its error."""

log = structlog.get_logger(__name__)

A = TypeVar("A", bound=BaseModel)
P = TypeVar("P", bound="_Page")


def _note_odd(info: ValidationInfo) -> None:
    if isinstance(info.context, set):
        info.context.add(info.field_name)


def _skip_odd(kind: Any) -> WrapValidator:
    """Make a list leave its odd entries out: each costs itself, and no other."""
    adapter = TypeAdapter(kind)

    def is_readable(entry: object, info: ValidationInfo) -> bool:
        try:
            adapter.validate_python(entry, context=info.context)
        except ValidationError:
            return False
        return True

    def read(entries: Any, read_all: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            return read_all(entries)
        except ValidationError:
            if not isinstance(entries, list):
                raise
        _note_odd(info)
        return read_all([entry for entry in entries if is_readable(entry, info)])

    return WrapValidator(read)


def _ignore_odd(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """Take an odd value for a missing one, where no right depends on it."""
    try:
        return read(value)
    except ValidationError as error:
        if value is not None:
            _note_odd(info)
        raise PydanticUseDefault from error


def flatten_name(name: str) -> str:
    """Return a name in one line, with U+FFFD for half a surrogate pair."""
    return " ".join(name.encode("utf-16", "surrogatepass").decode("utf-16", "replace").split())


_Hint = Annotated[str | None, WrapValidator(_ignore_odd)]
_Name = Annotated[str, AfterValidator(flatten_name), WrapValidator(_ignore_odd)]
_People = Annotated[frozenset[UserId], _skip_odd(UserId)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _AuthTest(_Answer):
    team_id: TeamId
    user_id: UserId
    enterprise_id: OptionalTeam = None


class _EnterpriseUser(_Answer):
    enterprise_id: OptionalTeam = None


class _User(_Answer):
    id: UserId
    team_id: OptionalTeam = None
    enterprise_user: _EnterpriseUser = _EnterpriseUser()
    locale: _Hint = None
    tz: _Hint = None
    is_admin: bool = False
    is_owner: bool = False
    is_stranger: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    real_name: _Name = ""
    name: _Name = ""


class _UserInfo(_Answer):
    user: _User


class UserGroupRecord(_Answer):
    """A user group, as Slack's API has it."""

    id: GroupId
    name: _Name = ""
    handle: _Name = ""
    users: _People = frozenset()
    date_delete: int = 0


class _Groups(_Answer):
    usergroups: Annotated[tuple[UserGroupRecord, ...], _skip_odd(UserGroupRecord)]


class _Users(_Answer):
    users: _People


class _Cursor(Payload):
    next_cursor: str = ""


class _Page(Payload):
    response_metadata: _Cursor = _Cursor()


class _Members(_Page):
    members: _People


class _Channel(_Answer):
    id: ChannelId


class _Channels(_Page):
    channels: Annotated[tuple[_Channel, ...], _skip_odd(_Channel)]


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
        answer = await _ask(self._client, _AuthTest, self._identity or self._client.auth_test())
        return Organisation(answer.team_id, answer.user_id, answer.enterprise_id)

    async def get_profile(self, user: UserId) -> UserProfile:
        found = (await _ask(self._client, _UserInfo, self._client.users_info(user=user, include_locale=True))).user
        if found.id != user:
            _report_odd(self._client, "user")
            raise SlackFaultError(ANOTHER_PERSON)
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
            name=found.real_name or found.name,
            is_guest=found.is_restricted or found.is_ultra_restricted,
        )

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        try:
            found = await list_user_groups(self._client)
            return {group.id: UserGroup(group.name or group.handle, group.users) for group in found}
        except SlackFaultError as error:
            if error.code != "unknown_method":
                raise
        # Then the groups that policies name, in a call each.
        groups = {}
        for group in sorted(await self._named()):
            try:
                call = self._client.usergroups_users_list(usergroup=group)
                groups[group] = UserGroup(str(group), (await _ask(self._client, _Users, call)).users)
            except SlackFaultError as error:
                if error.code != "no_such_subteam":
                    raise
        return groups

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        async def fetch(cursor: str) -> _Members:
            call = self._client.conversations_members(channel=channel, cursor=cursor, limit=MEMBERS_A_PAGE)
            return await _ask(self._client, _Members, call)

        return frozenset([user async for page in self._read_pages(fetch) for user in page.members])

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        async def fetch(cursor: str) -> _Channels:
            call = self._client.users_conversations(
                user=user, types=_CHANNEL_TYPES, exclude_archived=True, cursor=cursor, limit=CHANNELS_A_PAGE
            )
            return await _ask(self._client, _Channels, call)

        return frozenset([channel.id async for page in self._read_pages(fetch) for channel in page.channels])

    async def _read_pages(self, fetch: Callable[[str], Awaitable[P]]) -> AsyncIterator[P]:
        cursors = [""]
        while len(cursors) <= MOST_PAGES:
            page = await fetch(cursors[-1])
            yield page
            if not (cursor := page.response_metadata.next_cursor):
                return
            if cursor in cursors:
                break
            cursors.append(cursor)
        # Whatever may come after the pages so far gives no rights.
        _report_odd(self._client, "next_cursor")


async def list_user_groups(client: AsyncWebClient) -> tuple[UserGroupRecord, ...]:
    """Return every user group in use with its members, in one call (`usergroups.list`).

    Raises:
        DependencyError: Slack did not answer, or not with that.
    """
    answer = await _ask(client, _Groups, client.usergroups_list(include_users=True))
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


async def _ask(client: AsyncWebClient, model: type[A], call: Awaitable[AsyncSlackResponse]) -> A:
    odd: set[str] = set()
    try:
        answer = model.model_validate((await call).data, context=odd)
    except (*SLACK_ERRORS, ValidationError) as error:
        raise SlackFaultError(error_code(error)) from error
    for part in sorted(odd):
        _report_odd(client, part)
    return answer


def _report_odd(client: AsyncWebClient, part: str) -> None:
    log.warning("people.odd_answer", part=part)
    if isinstance(client, MeteredWebClient) and client.counts is not None:
        client.counts.count_odd_part(part)
