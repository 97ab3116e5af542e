"""Channels, as Slack knows them."""

from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId
from flowbot.errors import SlackFaultError
from flowbot.services.ports.channels import ChannelDirectory
from flowbot.slack.api.errors import SLACK_ERRORS, error_code


class _Channel(BaseModel):
    is_ext_shared: bool


class _ChannelInfo(BaseModel):
    channel: _Channel


class SlackChannelDirectory(ChannelDirectory):
    """Channels by the Web API.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def is_shared(self, channel: ChannelId) -> bool:
        try:
            answer = await self._client.conversations_info(channel=channel)
            return _ChannelInfo.model_validate(answer.data).channel.is_ext_shared
        except (*SLACK_ERRORS, ValidationError) as error:
            raise SlackFaultError(error_code(error)) from error
