"""The user groups as Slack knows them: `services.setup.Roster` by one call of the Web API."""

from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import GroupId
from flowbot.services.policy_checks import UserGroup
from flowbot.slack.directory import user_groups


class SlackRoster:
    """Asks Slack's Web API.

    Args:
        client: the Web API, as the bot.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def groups(self) -> Mapping[GroupId, UserGroup]:
        """Every user group in use (`usergroups.list`).

        Raises:
            Fault: Slack did not answer, or not with that.
        """
        return {each.id: UserGroup(each.name or each.handle, each.users) for each in await user_groups(self._client)}
