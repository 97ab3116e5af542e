from typing import Any, cast

from slack_sdk.web.async_client import AsyncWebClient

from flowbot.domain.ids import ChannelId
from flowbot.slack.api.archive_links import ArchiveLinks
from tests.slack.test_request_views import request_details

POSTED: Any = {"message_channel": ChannelId("C0APPROVALS"), "message_ts": "1.25"}


class Client:
    """Slack, which knows its workspace's address; `failures` are what it answers before."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls = 0

    async def auth_test(self) -> dict[str, str]:
        """Return the workspace's address."""
        self.calls += 1
        if self.failures:
            raise self.failures.pop()
        return {"url": "https://team.slack.example/"}


async def test_slack_is_asked_once_for_the_links_of_any_number_of_messages() -> None:
    client = Client()
    links = ArchiveLinks(cast("AsyncWebClient", client))
    posted, draft = request_details(change=POSTED).change, request_details().change
    expected = "https://team.slack.example/archives/C0APPROVALS/p125"
    assert await links.find([draft]) == {}
    assert client.calls == 0
    assert [await links.find([posted]), await links.find_one(posted)] == [{posted.id: expected}, expected]
    assert client.calls == 1


async def test_a_message_has_no_link_while_slack_does_not_answer() -> None:
    links = ArchiveLinks(cast("AsyncWebClient", Client(TimeoutError())))
    posted = request_details(change=POSTED).change
    assert await links.find_one(posted) is None
    assert await links.find_one(posted)
