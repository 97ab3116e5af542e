"""A workspace of five thousand people, and a hundred channels with a policy."""

from collections import Counter

import pytest

from flowbot.sandbox.slack import Channel, Person, UserGroup
from flowbot.slack.api.client import MeteredWebClient
from tests.journeys.test_home import open_home
from tests.journeys.world import World

CHANNELS = [f"C0TEAM{number}" for number in range(100)]
PEOPLE = [f"U0P{number}" for number in range(5000)]
MEMBERS = PEOPLE[:3000]
POLICY = "\n".join(
    f"""
[[channels]]
id = "{channel}"
websites = "all"
viewers = ["*"]
editors = ["S0LARGE"]
approvers = ["S0LARGE"]
"""
    for channel in CHANNELS
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls of Slack, by method."""
    counted: Counter[str] = Counter()
    count = MeteredWebClient._count

    def note(self: MeteredWebClient, method: str, result: str, started: float) -> None:
        counted[method] += 1
        count(self, method, result, started)

    monkeypatch.setattr(MeteredWebClient, "_count", note)
    return counted


async def test_nobody_is_looked_up_by_person_member_or_channel(http: World, calls: Counter[str]) -> None:
    workspace = http.slack.workspace
    home = http.emma.person.team
    workspace.people |= {user: Person(user, user.lower(), user, home) for user in PEOPLE}
    workspace.groups["S0LARGE"] = UserGroup("S0LARGE", "large", "Large", MEMBERS)
    workspace.channels |= {
        channel: Channel(channel, channel.lower(), [*PEOPLE, http.emma.person.id]) for channel in CHANNELS
    }
    await http.import_policy(POLICY)
    calls.clear()
    view = await open_home(http.emma)
    assert CHANNELS[0] in str(view.blocks)
    await http.emma.send(CHANNELS[0], "/flows approvals")
    await http.emma.wait_for_message(CHANNELS[0], "Nothing needs approval")
    assert calls["users.conversations"] == 1
    assert calls["usergroups.list"] <= 1
    assert calls["users.info"] <= 1
    assert not calls["conversations.members"]
    # An admin is told of channels in which nobody could approve: of a group only as many are looked up as are needed.
    calls.clear()
    await open_home(http.deniz, "")
    assert calls["users.info"] <= 5
    assert calls.total() < 20
