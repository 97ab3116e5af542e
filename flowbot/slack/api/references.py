"""Names of the people, user groups and channels that a typed text refers to."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId, GroupId, SlackId, UserId
from flowbot.errors import SlackFaultError
from flowbot.services.users import UserService
from flowbot.slack.api.errors import SLACK_ERRORS
from flowbot.slack.api.users import flatten_name, list_user_groups

ANSWER_SECONDS: Final = 2.0
"""The time to wait for Slack; what it does not tell in time goes by its id."""


@dataclass(frozen=True, slots=True)
class ReferenceNames:
    """Looks names up; what Slack does not tell has none."""

    client: AsyncWebClient
    users: UserService

    async def find(self, ids: Iterable[SlackId]) -> Mapping[SlackId, str]:
        """Find the names of people, of user groups and of public channels."""
        found: dict[SlackId, str] = {}
        wanted = set(ids)
        people = [each for each in wanted if isinstance(each, UserId)]
        channels = [each for each in wanted if isinstance(each, ChannelId)]
        look_ups = [self._find_people(people, found), *(self._find_channel(each, found) for each in channels)]
        if any(isinstance(each, GroupId) for each in wanted):
            look_ups.append(self._find_groups(found))
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_SECONDS):
                await asyncio.gather(*look_ups)
        return found

    async def _find_people(self, people: Iterable[UserId], found: dict[SlackId, str]) -> None:
        found |= {user: name for user, name in (await self.users.find_names(people)).items() if name != user}

    async def _find_groups(self, found: dict[SlackId, str]) -> None:
        with suppress(SlackFaultError):
            found |= {group.id: group.handle or group.name for group in await list_user_groups(self.client)}

    async def _find_channel(self, channel: ChannelId, found: dict[SlackId, str]) -> None:
        with suppress(*SLACK_ERRORS):
            match (await self.client.conversations_info(channel=channel)).data:
                case {"channel": {"name": str(name), "is_private": False}}:
                    found[channel] = flatten_name(name)
