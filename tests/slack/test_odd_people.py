"""Odd parts of Slack's answers about people: each costs itself alone, is logged and is counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from structlog.testing import capture_logs

from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.errors import SlackFaultError
from flowbot.observability.metrics import Metrics
from flowbot.sandbox.slack import BOT_TOKEN, SlackSandbox
from flowbot.services.ports.slack import UserGroup
from flowbot.slack.api import users
from flowbot.slack.api.client import create_web_client, open_session
from flowbot.slack.api.users import SlackUserDirectory

MARKETING, EMMA, BURAK, LEADS = ChannelId("C0MARKETING"), UserId("U0EMMA"), UserId("U0BURAK"), GroupId("S0LEADS")
BOTH: Final = frozenset({EMMA, BURAK})
ODD_IDS: Final = (None, 5, "", "emma", "U0 \ud800", "\ud800", {"id": "U0AYSE"}, ["U0AYSE"], "C0MARKETING")
ODD_HINTS: Final[tuple[object, ...]] = (5, [], {}, True)


class Asked:
    """The stand-in Slack, what asks it for people, and what was found odd."""

    def __init__(self, slack: SlackSandbox, api: str, session: Any) -> None:
        async def find_named() -> frozenset[GroupId]:
            return frozenset({LEADS})

        self.slack, self.metrics = slack, Metrics()
        client = create_web_client(api, BOT_TOKEN, session, self.metrics)
        self.people = SlackUserDirectory(client, find_named)

    def answer(self, method: str, **fields: object) -> None:
        self.slack.faults.clear()
        self.slack.faults.add(method, body=json.dumps({"ok": True, **fields}), times=None)

    def count_odd(self, part: str) -> float | None:
        return self.metrics.registry.get_sample_value("flowbot_slack_odd_parts_total", {"part": part})


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    slack = SlackSandbox()
    async with slack.serve() as origin, open_session() as session:
        yield Asked(slack, f"{origin}/api", session)


async def test_an_odd_id_among_members_costs_itself(asked: Asked) -> None:
    for number, odd in enumerate(ODD_IDS, start=1):
        asked.answer("conversations.members", members=[EMMA, odd, BURAK])
        with capture_logs() as logged:
            assert await asked.people.list_members(MARKETING) == BOTH, odd
        assert [line["part"] for line in logged if line["event"] == "people.odd_answer"] == ["members"]
        assert asked.count_odd("members") == number


async def test_an_odd_id_in_a_group_and_an_odd_group_cost_themselves(asked: Asked) -> None:
    for odd in ODD_IDS:
        group = {"id": LEADS, "name": "Team\nleads", "handle": 5, "users": [odd, EMMA, BURAK]}
        asked.answer("usergroups.list", usergroups=[group, {**group, "id": odd}, odd])
        assert await asked.people.list_groups() == {LEADS: UserGroup("Team leads", BOTH)}, odd
        asked.answer("usergroups.users.list", users=[odd, EMMA, BURAK])
        asked.slack.faults.add("usergroups.list", error="unknown_method")
        assert await asked.people.list_groups() == {LEADS: UserGroup(LEADS, BOTH)}, odd
    assert {part: bool(asked.count_odd(part)) for part in ("users", "usergroups", "handle")} == {
        "users": True, "usergroups": True, "handle": True,
    }  # fmt: skip


async def test_pages_end_where_their_cursors_do(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    for metadata in (None, {}, {"next_cursor": None}, {"next_cursor": ""}):
        asked.answer("conversations.members", members=[EMMA, BURAK], response_metadata=metadata)
        assert await asked.people.list_members(MARKETING) == BOTH, metadata
    assert asked.count_odd("next_cursor") is None
    asked.answer("conversations.members", members=[EMMA, BURAK], response_metadata={"next_cursor": "same"})
    async with asyncio.timeout(5):
        assert await asked.people.list_members(MARKETING) == BOTH
    assert asked.count_odd("next_cursor") == 1
    asked.slack.faults.clear()
    everybody = await asked.people.list_members(MARKETING)
    monkeypatch.setattr(users, "MEMBERS_A_PAGE", 1)
    assert await asked.people.list_members(MARKETING) == everybody
    monkeypatch.setattr(users, "MOST_PAGES", 2)
    assert len(await asked.people.list_members(MARKETING)) == 2 < len(everybody)
    assert asked.count_odd("next_cursor") == 2


async def test_what_gives_no_rights_costs_a_person_none(asked: Asked) -> None:
    for part in ("tz", "locale", "real_name", "name"):
        for odd in ODD_HINTS:
            person = {"tz": "Europe/Istanbul", "locale": "tr-TR", "real_name": "Emma", "name": "emma", part: odd}
            asked.answer("users.info", user={"id": EMMA, "team_id": "T0TEAM", "is_admin": True, **person})
            found = await asked.people.get_profile(EMMA)
            assert found.is_admin
            assert found.timezone == (None if part == "tz" else "Europe/Istanbul")
            assert found.locale == (None if part == "locale" else "tr-TR")
            assert found.name == ("emma" if part == "real_name" else "Emma")
        assert asked.count_odd(part) == 4
    for right in ("is_admin", "is_stranger", "is_restricted", "deleted", "team_id"):
        asked.answer("users.info", user={"id": EMMA, "team_id": "T0TEAM", right: ["?"]})
        with pytest.raises(SlackFaultError):
            await asked.people.get_profile(EMMA)


async def test_an_answer_about_another_person_gives_nobody_rights(asked: Asked) -> None:
    asked.answer("users.info", user={"id": "U0DENIZ", "team_id": "T0TEAM", "is_admin": True})
    with pytest.raises(SlackFaultError, match="another_user"):
        await asked.people.get_profile(EMMA)
    assert asked.count_odd("user") == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Emma\r\nStone", "Emma Stone"),
        (" Emma\n\n✅ Approved\u2028\x85Applied\x0b ", "Emma ✅ Approved Applied"),
        ("Emma \ud83d", "Emma \ufffd"),
        ("Emma 😀", "Emma 😀"),
        ("\n", "emma"),
    ],
)
async def test_a_name_is_one_line(asked: Asked, name: str, shown: str) -> None:
    asked.answer("users.info", user={"id": EMMA, "team_id": "T0TEAM", "real_name": name, "name": "emma"})
    assert (await asked.people.get_profile(EMMA)).name == shown
