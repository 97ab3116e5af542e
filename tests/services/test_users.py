"""The current user: every doubt means fewer rights, never more."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from flowbot.domain.ids import ChannelId, GroupId, TeamId, UserId
from flowbot.errors import DependencyError, SlackFaultError, UserError
from flowbot.services.ports.slack import Organisation, UserGroup, UserProfile
from flowbot.services.users import Caller, UserService

AYSE, DENIZ = UserId("U0AYSE"), UserId("U0DENIZ")
FLOWBOT = UserId("U0FLOWBOT")
HERE, SISTER, ELSEWHERE = TeamId("T0HERE"), TeamId("T0SISTER"), TeamId("T0ELSEWHERE")
ENTERPRISE, OTHER_ENTERPRISE = TeamId("E0OURS"), TeamId("E0THEIRS")
EDITORS: Final = GroupId("S0EDITORS")

PERSON: Final = UserProfile(
    user=AYSE, team=HERE, enterprise=None, locale="tr-TR", timezone="Europe/Istanbul",
    is_admin=False, is_stranger=False, is_bot=False, is_deactivated=False,
)  # fmt: skip


@dataclass
class FakeDirectory:
    """A directory that tests write, and whose look-ups they count."""

    home_: Organisation = field(default_factory=lambda: Organisation(HERE, FLOWBOT))
    person: UserProfile = PERSON
    groups_: Mapping[GroupId, UserGroup] = field(
        default_factory=lambda: {EDITORS: UserGroup("Editors", frozenset({AYSE}))}
    )
    failing: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def tick(self) -> float:
        return self.seconds

    async def get_organisation(self) -> Organisation:
        self._ask("home")
        return self.home_

    async def get_profile(self, user: UserId) -> UserProfile:
        self._ask("profile")
        return replace(self.person, user=user)

    async def list_groups(self) -> Mapping[GroupId, UserGroup]:
        self._ask("groups")
        return self.groups_

    async def list_members(self, channel: ChannelId) -> frozenset[UserId]:
        self._ask("members")
        return frozenset({AYSE})

    async def list_channels(self, user: UserId) -> frozenset[ChannelId]:
        self._ask("channels")
        return frozenset({ChannelId("C0MARKETING")} if user == AYSE else ())

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if what in self.failing:
            raise SlackFaultError("internal_error")


@pytest.fixture
def directory() -> FakeDirectory:
    return FakeDirectory()


@pytest.fixture
def users(directory: FakeDirectory) -> UserService:
    return UserService(directory, frozenset({DENIZ}), monotonic=directory.tick)


async def test_a_person_as_slack_knows_them(users: UserService) -> None:
    reader = await users.identify(Caller(AYSE, HERE))
    assert (reader.id, reader.locale, reader.timezone) == (AYSE, "tr-TR", "Europe/Istanbul")
    actor = reader.actor
    assert actor.groups == frozenset({EDITORS})
    assert (actor.is_admin, actor.is_external, actor.is_active) == (False, False, True)


async def test_a_person_is_looked_up_once_a_minute(users: UserService, directory: FakeDirectory) -> None:
    for directory.seconds in (0, 30, 59.9):
        await users.identify(Caller(AYSE, HERE))
    assert sorted(directory.asked) == ["groups", "home", "profile"]
    directory.seconds = 60
    await users.identify(Caller(AYSE, HERE))
    assert sorted(directory.asked) == ["groups", "groups", "home", "profile", "profile"]


async def test_a_change_is_seen_after_a_minute(users: UserService, directory: FakeDirectory) -> None:
    await users.identify(Caller(AYSE, HERE))
    directory.person, directory.groups_ = replace(PERSON, is_deactivated=True), {}
    directory.seconds = 60
    actor = (await users.identify(Caller(AYSE, HERE))).actor
    assert not actor.is_active
    assert actor.groups == frozenset()


async def test_people_who_come_together_are_looked_up_together(users: UserService, directory: FakeDirectory) -> None:
    await asyncio.gather(*(users.identify(Caller(AYSE, HERE)) for _ in range(10)))
    assert sorted(directory.asked) == ["groups", "home", "profile"]


BELONGING: Final = [
    # Slack's payload: team, enterprise; the profile; the installation's enterprise; an outsider?
    ("of this workspace", (HERE, None), {"team": HERE}, None, False),
    ("a payload without a team", (None, None), {"team": HERE}, None, False),
    ("a profile without a team", (HERE, None), {"team": None}, None, False),
    ("no sign at all", (None, None), {"team": None}, None, True),
    ("another team in the payload", (ELSEWHERE, None), {"team": HERE}, None, True),
    ("another team in the profile", (HERE, None), {"team": ELSEWHERE}, None, True),
    ("another team in both", (ELSEWHERE, None), {"team": ELSEWHERE}, None, True),
    ("a stranger, whatever the teams say", (HERE, None), {"team": HERE, "is_stranger": True}, None, True),
    ("a stranger with no team", (None, None), {"team": None, "is_stranger": True}, None, True),
    ("of a sister workspace", (SISTER, ENTERPRISE), {"team": SISTER, "enterprise": ENTERPRISE}, ENTERPRISE, False),
    ("sister by the payload alone", (SISTER, ENTERPRISE), {"team": HERE}, ENTERPRISE, False),
    ("sister by the profile alone", (HERE, None), {"team": SISTER, "enterprise": ENTERPRISE}, ENTERPRISE, False),
    ("the organisation itself for a team", (ENTERPRISE, ENTERPRISE), {"team": HERE}, ENTERPRISE, False),
    ("of another enterprise", (ELSEWHERE, OTHER_ENTERPRISE), {"team": HERE}, ENTERPRISE, True),
    ("of another one by the profile", (HERE, None), {"team": SISTER, "enterprise": OTHER_ENTERPRISE}, ENTERPRISE, True),
    ("sister by a payload without one", (SISTER, None), {"team": SISTER, "enterprise": ENTERPRISE}, ENTERPRISE, False),
    ("sister to another's payload", (SISTER, None), {"team": SISTER, "enterprise": OTHER_ENTERPRISE}, ENTERPRISE, True),
    ("of no enterprise that we know", (SISTER, None), {"team": HERE}, ENTERPRISE, True),
    ("an enterprise where we have none", (SISTER, ENTERPRISE), {"team": HERE}, None, True),
]


@pytest.mark.parametrize(
    ("payload", "profile", "enterprise", "is_external"),
    [row[1:] for row in BELONGING],
    ids=[row[0] for row in BELONGING],
)
async def test_every_sign_has_to_point_home(
    users: UserService,
    directory: FakeDirectory,
    payload: tuple[TeamId | None, TeamId | None],
    profile: dict[str, TeamId | bool | None],
    enterprise: TeamId | None,
    is_external: bool,
) -> None:
    directory.home_ = Organisation(HERE, FLOWBOT, enterprise)
    directory.person = replace(PERSON, **profile)  # type: ignore[arg-type] # a table of keywords
    assert (await users.identify(Caller(AYSE, *payload))).actor.is_external is is_external


PLACES: Final = [
    # Slack's payload: team, the place where it happened; the profile's team; an outsider?
    ("nothing but the place", (None, HERE), {"team": None}, False),
    ("a place elsewhere", (None, ELSEWHERE), {"team": None}, True),
    ("a place here of a payload from elsewhere", (ELSEWHERE, HERE), {"team": None}, True),
    ("a place here of somebody from elsewhere", (None, HERE), {"team": ELSEWHERE}, True),
    ("a place here of a stranger", (None, HERE), {"team": None, "is_stranger": True}, True),
    ("a place elsewhere of one of ours", (HERE, ELSEWHERE), {"team": HERE}, False),
]


@pytest.mark.parametrize(
    ("payload", "profile", "is_external"), [row[1:] for row in PLACES], ids=[row[0] for row in PLACES]
)
async def test_the_place_is_a_sign_where_there_is_no_other(
    users: UserService,
    directory: FakeDirectory,
    payload: tuple[TeamId | None, TeamId],
    profile: dict[str, TeamId | bool | None],
    is_external: bool,
) -> None:
    directory.person = replace(PERSON, **profile)  # type: ignore[arg-type] # a table of keywords
    team, place = payload
    assert (await users.identify(Caller(AYSE, team, workspace=place))).actor.is_external is is_external
    assert (await users.reload_user(await users.identify(Caller(AYSE, None)))).actor.is_external is is_external


async def test_a_place_never_takes_the_place_of_the_team_that_was_told(
    users: UserService, directory: FakeDirectory
) -> None:
    directory.person = replace(PERSON, team=None)
    await users.identify(Caller(AYSE, ELSEWHERE))
    assert (await users.identify(Caller(AYSE, None, workspace=HERE))).actor.is_external


@pytest.mark.parametrize(
    ("user", "is_admin_in_slack", "expected"), [(AYSE, False, False), (AYSE, True, True), (DENIZ, False, True)]
)
async def test_admins_are_slacks_and_the_settings(
    users: UserService, directory: FakeDirectory, user: UserId, is_admin_in_slack: bool, expected: bool
) -> None:
    directory.person = replace(PERSON, is_admin=is_admin_in_slack)
    assert (await users.identify(Caller(user, HERE))).actor.is_admin is expected


@pytest.mark.parametrize("what", ["is_bot", "is_deactivated"])
async def test_bots_and_those_who_left_are_not_active(users: UserService, directory: FakeDirectory, what: str) -> None:
    directory.person = replace(PERSON, **{what: True})  # type: ignore[arg-type] # a keyword from a table
    assert not (await users.identify(Caller(AYSE, HERE))).actor.is_active


@pytest.mark.parametrize("what", ["home", "profile"])
async def test_where_slack_cannot_tell_who_it_is_nobody_comes_in(
    users: UserService, directory: FakeDirectory, what: str
) -> None:
    directory.failing = {what}
    with pytest.raises(UserError, match=r"denied\.unknown_person"):
        await users.identify(Caller(DENIZ, HERE))
    directory.failing = set()
    assert (await users.identify(Caller(DENIZ, HERE))).actor.is_admin


async def test_groups_that_slack_does_not_tell_are_unknown_and_not_empty(
    users: UserService, directory: FakeDirectory
) -> None:
    directory.failing = {"groups"}
    assert (await users.identify(Caller(AYSE, HERE))).actor.groups is None
    directory.failing = set()
    assert (await users.identify(Caller(AYSE, HERE))).actor.groups == frozenset({EDITORS})


async def test_what_is_old_is_not_used_where_slack_fails(users: UserService, directory: FakeDirectory) -> None:
    await users.identify(Caller(AYSE, HERE))
    directory.seconds, directory.failing = 61, {"profile"}
    with pytest.raises(UserError):
        await users.identify(Caller(AYSE, HERE))


async def test_members_are_kept_a_minute_and_nobody_where_slack_does_not_say(
    users: UserService, directory: FakeDirectory
) -> None:
    channel = ChannelId("C0MARKETING")
    assert await users.find_members(channel) == {AYSE}
    assert await users.find_members(channel) == {AYSE}
    assert directory.asked.count("members") == 1
    directory.seconds += 61
    directory.failing.add("members")
    assert await users.find_members(channel) == frozenset()
    with pytest.raises(DependencyError):
        await users.load_members(channel)


async def test_the_channels_of_a_person_are_asked_for_once(users: UserService, directory: FakeDirectory) -> None:
    find_members = users.find_membership(AYSE)
    assert await find_members(ChannelId("C0MARKETING")) == {AYSE}
    assert await find_members(ChannelId("C0RANDOM")) == frozenset()
    assert directory.asked.count("channels") == 1
    directory.seconds += 61
    directory.failing.add("channels")
    assert await find_members(ChannelId("C0MARKETING")) == frozenset()


async def test_an_organisation_of_several_workspaces_is_asked_for_the_members_of_channels(
    users: UserService, directory: FakeDirectory
) -> None:
    directory.home_ = Organisation(HERE, FLOWBOT, enterprise=TeamId("E0ORG"))
    assert await users.find_membership(AYSE)(ChannelId("C0MARKETING")) == {AYSE}
    assert (directory.asked.count("members"), directory.asked.count("channels")) == (1, 0)
