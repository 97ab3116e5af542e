"""The user groups as Slack knows them: `services.setup.Roster` by one call of the Web API."""

from collections.abc import Mapping

import aiohttp
from pydantic import BaseModel, ConfigDict, ValidationError
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.types import GroupId, UserId
from flowbot.errors import Fault
from flowbot.services.setup_check import Group
from flowbot.slack.errors import word_for


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: GroupId
    name: str = ""
    handle: str = ""
    users: frozenset[UserId] = frozenset()
    date_delete: int = 0


class _Groups(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    usergroups: tuple[_Group, ...]


class SlackRoster:
    """Asks Slack's Web API.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def groups(self) -> Mapping[GroupId, Group]:
        """Every user group in use (`usergroups.list`).

        Raises:
            Fault: Slack did not answer, or not with that.
        """
        try:
            answer = _Groups.model_validate((await self._client.usergroups_list(include_users=True)).data)
        except (TimeoutError, SlackClientError, aiohttp.ClientError, ValidationError) as error:
            raise Fault("fault.slack", error=word_for(error)) from error
        return {
            each.id: Group(each.name or each.handle, each.users) for each in answer.usergroups if not each.date_delete
        }
