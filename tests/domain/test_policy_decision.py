"""Decisions of a policy: a table that can be read aloud, and properties for every policy and every person."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.policy import Actor, ChannelPolicy, Decision, Permission, Reason, decide

AYSE, BORA, LEADS, EDITORS = UserId("U0AYSE"), UserId("U0BORA"), GroupId("S0LEADS"), GroupId("S0EDITORS")


def new_policy(**keys: Any) -> ChannelPolicy:
    return ChannelPolicy.model_validate({"id": "C0MARKETING", "websites": [1], **keys})


MARKETING = new_policy(
    viewers=["*"], editors=["S0EDITORS", "U0AYSE"], approvers=["S0LEADS"], approval={"break_glass": ["U0BORA"]}
)
CLOSED = new_policy(viewers=["S0LEADS"], editors=["U0AYSE"], approvers=["S0LEADS"])

EDITOR = Actor(AYSE)
LEAD = Actor(BORA, groups=frozenset({LEADS}))
STRANGER = Actor(UserId("U0CEM"))
UNCERTAIN = Actor(UserId("U0CEM"), groups=None)
GUEST = Actor(UserId("U0GUEST"), is_guest=True)
ADMIN = Actor(UserId("U0ADMIN"), is_admin=True)


@dataclass(frozen=True)
class Row:
    """A decision, said in words first."""

    said: str
    policy: ChannelPolicy | None
    actor: Actor
    permission: Permission
    reason: Reason
    basis: str | None = None


TABLE = [
    Row("everyone views where * may", MARKETING, STRANGER, Permission.VIEW, Reason.GRANTED, "*"),
    Row("a person's own name comes before *", MARKETING, EDITOR, Permission.VIEW, Reason.GRANTED, "U0AYSE"),
    Row("* comes before a group", MARKETING, LEAD, Permission.VIEW, Reason.GRANTED, "*"),
    Row("everyone shares where everyone views", MARKETING, STRANGER, Permission.SHARE, Reason.GRANTED, "*"),
    Row("nobody shares where not everyone views", CLOSED, LEAD, Permission.SHARE, Reason.NOT_OPEN),
    Row("an editor edits by name", MARKETING, EDITOR, Permission.EDIT, Reason.GRANTED, "U0AYSE"),
    Row("an editor edits by group", MARKETING, replace(STRANGER, groups=frozenset({EDITORS})), Permission.EDIT,
        Reason.GRANTED, "S0EDITORS"),
    Row("who edits may view", CLOSED, EDITOR, Permission.VIEW, Reason.GRANTED, "U0AYSE"),
    Row("who approves may view", new_policy(approvers=["S0LEADS"]), LEAD, Permission.VIEW, Reason.GRANTED, "S0LEADS"),
    Row("who views may not edit", MARKETING, STRANGER, Permission.EDIT, Reason.NOT_LISTED),
    Row("who edits may not approve", MARKETING, EDITOR, Permission.APPROVE, Reason.NOT_LISTED),
    Row("who approves may not edit", MARKETING, LEAD, Permission.EDIT, Reason.NOT_LISTED),
    Row("a lead approves by group", MARKETING, LEAD, Permission.APPROVE, Reason.GRANTED, "S0LEADS"),
    Row("an admin approves nothing by being admin", MARKETING, ADMIN, Permission.APPROVE, Reason.NOT_LISTED),
    Row("an admin edits nothing by being admin", MARKETING, ADMIN, Permission.EDIT, Reason.NOT_LISTED),
    Row("glass is broken by those named", MARKETING, LEAD, Permission.BREAK_GLASS, Reason.GRANTED, "U0BORA"),
    Row("glass is not broken by admins", MARKETING, ADMIN, Permission.BREAK_GLASS, Reason.NOT_LISTED),
    Row("unknown groups grant nothing", MARKETING, UNCERTAIN, Permission.APPROVE, Reason.UNCERTAIN),
    Row("unknown groups take nothing away", MARKETING, UNCERTAIN, Permission.VIEW, Reason.GRANTED, "*"),
    Row("unknown groups do not matter where none is listed", new_policy(editors=["U0AYSE"]), UNCERTAIN, Permission.EDIT,
        Reason.NOT_LISTED),
    Row("an empty list grants nothing", new_policy(), EDITOR, Permission.VIEW, Reason.NOT_LISTED),
    Row("an admin sets up", MARKETING, ADMIN, Permission.SETUP, Reason.GRANTED, "admin"),
    Row("an admin sets up a channel without policy", None, ADMIN, Permission.SETUP, Reason.GRANTED, "admin"),
    Row("an editor does not set up", MARKETING, EDITOR, Permission.SETUP, Reason.NOT_ADMIN),
    Row("without policy nobody views", None, EDITOR, Permission.VIEW, Reason.NO_POLICY),
    Row("without policy an admin views nothing", None, ADMIN, Permission.VIEW, Reason.NO_POLICY),
    Row("another organisation's editor is external", MARKETING, replace(EDITOR, is_external=True), Permission.EDIT,
        Reason.EXTERNAL),
    Row("another organisation's admin is external", MARKETING, replace(ADMIN, is_external=True), Permission.SETUP,
        Reason.EXTERNAL),
    Row("a guest is not everyone", MARKETING, GUEST, Permission.VIEW, Reason.GUEST),
    Row("a guest shares nothing as everyone", MARKETING, GUEST, Permission.SHARE, Reason.GUEST),
    Row("a guest is not listed where everyone is not", CLOSED, GUEST, Permission.VIEW, Reason.NOT_LISTED),
    Row("a guest counts by name", MARKETING, replace(EDITOR, is_guest=True), Permission.EDIT, Reason.GRANTED, "U0AYSE"),
    Row("a guest counts by group", MARKETING, replace(LEAD, is_guest=True), Permission.VIEW, Reason.GRANTED, "S0LEADS"),
    Row("who has left is inactive", MARKETING, replace(EDITOR, is_active=False), Permission.EDIT, Reason.INACTIVE),
]  # fmt: skip


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.said)
def test_the_table_of_decisions(row: Row) -> None:
    expected = Decision(row.reason is Reason.GRANTED, row.reason, row.basis)
    assert decide(row.policy, row.actor, row.permission) == expected


def test_every_reason_stands_in_the_table() -> None:
    assert {row.reason for row in TABLE} == set(Reason)


# --- what holds for all --------------------------------------------------------------------------------------------

PEOPLE = st.sampled_from(["U1", "U2", "W3"])
GROUPS = st.sampled_from(["S1", "S2", "S3"])
ENTRIES = st.lists(st.one_of(st.just("*"), PEOPLE, GROUPS), max_size=3)
POLICIES = st.builds(
    lambda glass, **roles: new_policy(**roles, approval={"break_glass": glass}),
    glass=st.lists(PEOPLE, max_size=2),
    viewers=ENTRIES,
    editors=ENTRIES,
    approvers=ENTRIES,
)
ACTORS = st.builds(
    Actor,
    user=PEOPLE.map(UserId),
    groups=st.none() | st.frozensets(GROUPS.map(GroupId)),
    is_admin=st.booleans(),
    is_external=st.booleans(),
    is_active=st.booleans(),
    is_guest=st.booleans(),
)
PERMISSIONS = st.sampled_from(list(Permission))
ROLES = st.sampled_from(["viewers", "editors", "approvers"])


@given(st.none() | POLICIES, ACTORS, PERMISSIONS)
def test_people_of_another_organisation_and_people_who_left_may_do_nothing(
    rules: ChannelPolicy | None, actor: Actor, permission: Permission
) -> None:
    assert not decide(rules, replace(actor, is_external=True), permission).allowed
    assert not decide(rules, replace(actor, is_active=False), permission).allowed


@given(ACTORS, PERMISSIONS)
def test_without_a_policy_nothing_is_granted_but_setup_to_admins(actor: Actor, permission: Permission) -> None:
    decision = decide(None, actor, permission)
    assert not decision.allowed or (permission is Permission.SETUP and actor.is_admin)


@given(POLICIES, ACTORS, PERMISSIONS)
def test_unknown_groups_grant_no_more_than_no_groups(
    rules: ChannelPolicy, actor: Actor, permission: Permission
) -> None:
    unknown, none = (
        decide(rules, replace(actor, groups=groups), permission) for groups in (None, frozenset[GroupId]())
    )
    assert unknown.allowed == none.allowed
    assert unknown.basis == none.basis


@given(POLICIES, ACTORS, PERMISSIONS, GROUPS.map(GroupId))
def test_one_more_group_takes_nothing_away(
    rules: ChannelPolicy, actor: Actor, permission: Permission, group: GroupId
) -> None:
    more = replace(actor, groups=(actor.groups or frozenset()) | {group})
    assert decide(rules, actor, permission).allowed <= decide(rules, more, permission).allowed


@given(POLICIES, ACTORS, PERMISSIONS, ROLES, ENTRIES)
def test_one_more_entry_takes_nothing_away(
    rules: ChannelPolicy, actor: Actor, permission: Permission, role: str, more: list[str]
) -> None:
    wider = rules.model_copy(update={role: getattr(rules, role) + new_policy(viewers=more).viewers})
    assert decide(rules, actor, permission).allowed <= decide(wider, actor, permission).allowed


@given(POLICIES, ACTORS)
def test_who_may_edit_or_approve_or_share_may_view(rules: ChannelPolicy, actor: Actor) -> None:
    may = {permission: decide(rules, actor, permission).allowed for permission in Permission}
    assert may[Permission.VIEW] >= max(may[Permission.EDIT], may[Permission.APPROVE], may[Permission.SHARE])


@given(POLICIES, ACTORS, PERMISSIONS)
def test_a_decision_rests_on_an_entry_that_names_the_person_exactly_when_it_grants(
    rules: ChannelPolicy, actor: Actor, permission: Permission
) -> None:
    decision = decide(rules, actor, permission)
    mine = {"*", str(actor.user), *map(str, actor.groups or ()), *(["admin"] if actor.is_admin else [])}
    assert decision.allowed == (decision.reason is Reason.GRANTED) == (decision.basis in mine)


@given(POLICIES, ACTORS, PERMISSIONS)
def test_being_an_admin_matters_for_setup_alone(rules: ChannelPolicy, actor: Actor, permission: Permission) -> None:
    as_admin, as_other = (decide(rules, replace(actor, is_admin=admin), permission) for admin in (True, False))
    assert as_admin == as_other or permission is Permission.SETUP
