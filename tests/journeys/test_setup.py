"""`/flows setup`: an admin gives a channel its policy, and it is in force at once."""

import json
from datetime import timedelta
from typing import Any, Final

import pytest

from flowbot.domain.audit import AuditEvent
from flowbot.domain.ids import ChannelId, WebsiteId
from flowbot.domain.policy import BreakerRule, ChannelPolicy, DigestRule, WatchRule, WatchTell
from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.slack import Message, SandboxPerson, View, text_of
from flowbot.services.policy_fingerprint import policy_fingerprint
from flowbot.services.users import DECIDING_SECONDS
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.repositories.drafts import DraftRepository
from flowbot.storage.repositories.policies import PolicyRepository
from tests.journeys.form_steps import field_errors, is_form, open_form
from tests.journeys.request_steps import approval_policy
from tests.journeys.setup_steps import fill_steps, go_back, open_setup, press, show_more, submit_steps
from tests.journeys.world import (
    APPROVALS,
    MARKETING,
    RANDOM,
    World,
    in_both_modes,
    on_both_databases,
)

REQUIRED_FIELDS: Final[dict[str, Any]] = {
    "Websites": ["Lale Moda"],
    "Editors: user groups": ["Editors"],
    "Approvers: people": ["U0BURAK"],
}
"""What a new policy needs to work."""
STEPS: Final = [
    ["Websites", "All websites"],
    ["Viewers", "Viewers: people", "Viewers: user groups",
    "Editors", "Editors: people", "Editors: user groups",
    "Approvers", "Approvers: people", "Approvers: user groups"],
    ["Quorum", "What needs approval", "Approval channel"],
]  # fmt: skip
MORE: Final = [
    "Quorum for large audiences", "Stand-ins", "Reason required", "Self-approval", "Expiry in hours",
    "Escalate after (hours)", "Escalate to: people", "Escalate to: user groups",
    "How approvers are notified", "Skip approval", "Pushes in shared channels",
    "Language of messages", "Changes made outside flowbot", "Breaker: pushes sent", "Breaker: lowest click rate (%)",
    "Breaker: highest close rate (%)", "Weekly digest",
]  # fmt: skip
TURKISH_STEPS: Final = [
    ["Web siteleri", "Tüm web siteleri"],
    ["Görüntüleyenler", "Görüntüleyenler: kişiler", "Görüntüleyenler: kullanıcı grupları",
    "Düzenleyenler", "Düzenleyenler: kişiler", "Düzenleyenler: kullanıcı grupları",
    "Onaylayanlar", "Onaylayanlar: kişiler", "Onaylayanlar: kullanıcı grupları"],
    ["Onay sayısı", "Onay gerektirenler", "Onay kanalı"],
]  # fmt: skip
TURKISH_MORE: Final = [
    "Büyük kitleler için onay sayısı", "Vekiller", "Gerekçe zorunlu", "Kendi isteğini onaylama",
    "İsteğin süresi (saat)", "Üst onaya çıkma (saat)", "Üst onay: kişiler", "Üst onay: kullanıcı grupları",
    "Onaylayanlara haber", "Onayı atlayabilenler",
    "Ortak kanallarda bildirimler", "Mesajların dili", "flowbot dışında yapılan değişiklikler",
    "Sigorta: gönderilen bildirim", "Sigorta: en düşük tıklama oranı (%)", "Sigorta: en yüksek kapatma oranı (%)",
    "Haftalık özet",
]  # fmt: skip


async def save_setup(person: SandboxPerson, values: dict[str, Any]) -> str:
    """Fill in the form and save it; return the text in its place."""
    submitted = await submit_steps(person, values)
    assert submitted.delivered
    assert not submitted.errors
    assert person.view is not None
    return text_of(person.view)


async def save_refused_setup(person: SandboxPerson, values: dict[str, Any]) -> dict[str, str]:
    """Fill in the form and save it; return the errors by field. The form stays as it was filled in."""
    submitted = await submit_steps(person, values)
    assert submitted.delivered
    assert submitted.errors
    assert person.view is not None
    assert is_form(person.view)
    return field_errors(person, submitted.errors)


async def list_steps(person: SandboxPerson, values: dict[str, Any]) -> list[list[str]]:
    """Fill in fields by label, up to the last step; return the labels of each step."""
    steps = [person.list_fields()]
    for _ in range(2):
        assert not (await person.submit({k: v for k, v in values.items() if k in steps[-1]})).errors
        steps.append(person.list_fields())
    return steps


async def stored_policy(world: World, channel: str = RANDOM) -> ChannelPolicy | None:
    async with world.open_database() as database:
        return (await PolicyRepository(database, world.time.now).get_scope(ChannelId(channel))).policy


async def policy_events(world: World) -> list[AuditEvent]:
    async with world.open_database() as database:
        events = [event async for event in ChangeRepository(database, world.time.now).all_events()]
    return [event for event in events if event.action == "policy.changed"]


@in_both_modes
async def test_a_channel_without_a_policy_is_set_up_and_works_at_once(running: World) -> None:
    running.add_flows(3, website=1)
    running.add_flows(2, website=2)
    emma, deniz = running.emma, running.deniz
    await emma.send(RANDOM, "/flows list")
    await emma.wait_for_message(
        RANDOM, lambda message: "isn't set up in" in text_of(message) and "setup" in text_of(message)
    )
    await open_setup(deniz)
    steps = await list_steps(deniz, REQUIRED_FIELDS)
    assert steps == STEPS
    assert deniz.read_field("Approval channel") == RANDOM
    assert deniz.read_field("What needs approval") == ["Editing a live flow"]
    view = await show_more(deniz)
    assert deniz.list_fields() == [*STEPS[-1], *MORE]
    assert (deniz.read_field("Quorum"), deniz.read_field("Expiry in hours")) == ("1", "72")
    assert "Enabling and deleting always need approval" in text_of(view)
    assert deniz.list_buttons(view) == ["Add weekly hours", "Add dates", "Add public holidays", "Back"]
    assert "Saved. The new rules apply now" in await save_setup(deniz, {})
    told = await emma.wait_for_message(RANDOM, "flowbot is set up in this channel")
    assert not told.is_ephemeral
    await emma.send(RANDOM, "/flows list")
    await emma.wait_for_message(RANDOM, "3 flows")
    assert await stored_policy(running) == ChannelPolicy.model_validate(
        {
            "id": RANDOM,
            "websites": (1,),
            "viewers": ("*",),
            "editors": ("S0EDITORS",),
            "approvers": ("U0BURAK",),
        }
    )


async def test_only_admins_may(running: World) -> None:
    await running.emma.send(RANDOM, "/flows setup")
    await running.emma.wait_for_message(RANDOM, "Only workspace admins can do that")
    assert running.emma.view is None
    await running.ayse.send(MARKETING, "/flows ayarlar")
    await running.ayse.wait_for_message(MARKETING, "yalnızca çalışma alanı yöneticileri")


async def test_help_names_the_command_to_admins_alone(http: World) -> None:
    await http.deniz.send(RANDOM, "/flows help")
    await http.deniz.wait_for_message(
        RANDOM, lambda message: "set flowbot up in this channel with /flows setup" in text_of(message)
    )
    await http.emma.send(MARKETING, "/flows help")
    assert "/flows setup" not in text_of(await http.emma.wait_for_message(MARKETING, "/flows list"))


async def test_the_form_shows_the_policy_that_there_is_and_changes_what_was_changed(running: World) -> None:
    deniz = running.deniz
    await open_setup(deniz, MARKETING)
    assert deniz.read_field("Websites") == ["Lale Moda", "Northbound Outdoor"]
    await deniz.submit()
    assert deniz.read_field("Viewers") == ["Everyone in this channel"]
    assert deniz.read_field("Editors: user groups") == ["Editors"]
    assert deniz.read_field("Approvers: user groups") == ["Leads"]
    before = await stored_policy(running, MARKETING)
    assert before is not None
    changes = {
        "All websites": True,
        "Editors: people": ["U0DENIZ"],
        "Approvers: people": ["U0AYSE"],
        "Quorum": "2",
        "What needs approval": ["Disabling"],
        "Quorum for large audiences": "10.000 = 2",
        "Stand-ins": False,
        "Reason required": True,
        "Expiry in hours": "24",
        "Escalate after (hours)": "12",
        "Escalate to: people": ["U0DENIZ"],
        "Escalate to: user groups": ["Leads"],
        "Approval channel": APPROVALS,
        "How approvers are notified": "Send each a direct message",
        "Skip approval": ["U0DENIZ"],
        "Pushes in shared channels": True,
        "Language of messages": "English",
        "Changes made outside flowbot": "Post those of live flows",
        "Breaker: pushes sent": "500",
        "Breaker: lowest click rate (%)": "0.2",
        "Weekly digest": "Pzt 9.00",
    }
    assert "Saved. The new rules apply now" in await save_setup(deniz, changes)
    after = await stored_policy(running, MARKETING)
    assert after is not None
    assert (after.websites, after.viewers) == ("all", ("*",))
    assert (after.editors, after.approvers) == (("U0DENIZ", "S0EDITORS"), ("U0AYSE", "S0LEADS"))
    assert after.approval.model_dump(mode="json") == {
        "required_for": ["enable", "delete", "disable"],
        "quorum": 2,
        "self_approval": False,
        "expires_after_hours": 24,
        "channel": APPROVALS,
        "break_glass": ["U0DENIZ"],
        "notify": "dm",
        "escalate_after_hours": 12,
        "escalate_to": ["U0DENIZ", "S0LEADS"],
        "stages": [],
        "quorum_over": {"10000": 2},
        "stand_ins": False,
        "reason_required": True,
        "outsiders_may_read": True,
    }
    assert after.language == "en"
    assert after.watch == WatchRule(tell=WatchTell.LIVE)
    assert after.breaker == BreakerRule(min_sent=500, min_click_rate=0.002)
    assert after.digest == DigestRule(at="mon 09:00")
    told = text_of(await running.emma.wait_for_message(MARKETING, "This channel's rules were changed"))
    assert "By U0DENIZ" in told
    for line in (
        "Websites: Lale Moda and Northbound Outdoor → All websites, including future ones",
        "Editors: Editors (user group) → Deniz Kaya and Editors (user group)",
        "Approvers: Leads (user group) → Ayşe Yılmaz and Leads (user group)",
        "Quorum: 1 → 2",
        "Quorum for large audiences: 2 approvals for 10,000 subscribers or more",
        "Stand-ins: Yes → No",
        "Reason required: No → Yes",
        "Escalate after (hours): 12",
        "Escalate to: Deniz Kaya and Leads (user group)",
        "Expiry in hours: 72 → 24",
        "What needs approval: Enabling, Deleting, and Editing a live flow → Enabling, Deleting, and Disabling",
        "How approvers are notified: Mention them in the request → Send each a direct message",
        "Skip approval: Deniz Kaya",
        "Pushes in shared channels: No → Yes",
        "Language of messages: English",
        "Changes made outside flowbot: Post all of them → Post those of live flows",
        "Breaker: 500 sent or more; click rate below 0.2%",
        "Weekly digest: Mon 09:00",
    ):
        assert line in told
    assert "Viewers" not in told
    assert "Self-approval" not in told
    (event,) = await policy_events(running)
    assert (event.actor, event.channel) == ("U0DENIZ", MARKETING)
    assert event.details == {"before": before.model_dump(mode="json"), "after": after.model_dump(mode="json")}


async def test_everything_in_turkish_for_who_reads_turkish(http: World) -> None:
    http.slack.workspace.people["U0BURAK"].is_admin = True
    await open_form(http.burak, "/flows ayarlar", RANDOM)
    assert await save_refused_setup(http.burak, {}) == {"Web siteleri": "En az bir web sitesi ya da tümünü seçin."}
    refused = await save_refused_setup(http.burak, {"Tüm web siteleri": True})
    assert refused == {"Onaylayanlar: kişiler": "En az bir onaylayan seçin."}
    await go_back(http.burak)
    steps = await list_steps(http.burak, {"Görüntüleyenler": True, "Onaylayanlar": True})
    assert steps == TURKISH_STEPS
    await press(http.burak, "Diğer ayarlar", '"more":true')
    assert http.burak.list_fields() == [*TURKISH_STEPS[-1], *TURKISH_MORE]
    assert "Kaydedildi" in await save_setup(http.burak, {})
    await http.emma.wait_for_message(RANDOM, "flowbot bu kanalda kuruldu")


REFUSALS: Final = [
    pytest.param({"Websites": []}, {"Websites": "at least one website"}, id="no website"),
    pytest.param({"Approvers: people": []}, {"Approvers: people": "at least one approver"}, id="no approver"),
    pytest.param({"Quorum": "2"}, {"Quorum": "only 1 active person"}, id="more approvals than people"),
    pytest.param(
        {"Approvers: people": [], "Approvers: user groups": ["Editors"], "Quorum": "3"},
        {"Quorum": "only 2 active people"},
        id="more approvals than the group has people",
    ),
    pytest.param({"Viewers: people": ["U0JONAS"]}, {"Viewers: people": "Remove: Jonas Weber"}, id="a stranger"),
    pytest.param(
        {"Editors: people": ["U0JONAS"]}, {"Editors: people": "Remove: Jonas Weber"}, id="a stranger who edits"
    ),
    pytest.param({"Approvers: people": ["U0FLOWBOT"]}, {"Approvers: people": "Bots can't be chosen"}, id="a bot"),
    pytest.param(
        {"Skip approval": ["U0JONAS"]}, {"Skip approval": "Remove: Jonas Weber"}, id="a stranger who skips approval"
    ),
    pytest.param({"Viewers: people": ["U0NOBODY"]}, {"Viewers: people": "isn't showing"}, id="nobody at all"),
]


@pytest.mark.parametrize(("values", "expected"), REFUSALS)
async def test_what_could_not_work_is_refused_at_its_field_and_nothing_is_lost(
    http: World, values: dict[str, Any], expected: dict[str, str]
) -> None:
    await open_setup(http.deniz)
    refused = await save_refused_setup(http.deniz, REQUIRED_FIELDS | values)
    assert refused.keys() == expected.keys()
    assert all(part in refused[label] for label, part in expected.items())
    assert await stored_policy(http) is None
    # What a later step asks for was not chosen yet.
    later = REQUIRED_FIELDS if "Websites" in values else {}
    mended = {label: REQUIRED_FIELDS.get(label) for label in values} | {"Quorum": "1"}
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, later | mended)
    policy = await stored_policy(http)
    assert policy is not None
    assert (policy.websites, policy.viewers, policy.approvers) == ((1,), ("*",), ("U0BURAK",))


async def test_a_problem_of_a_field_that_is_not_shown_shows_it(http: World) -> None:
    deniz = http.deniz
    await open_setup(deniz)
    alone = {"Editors: user groups": [], "Editors: people": ["U0BURAK"]}
    shown = await save_setup(deniz, REQUIRED_FIELDS | alone)
    assert "Nobody else could approve the editors' requests" in shown
    assert deniz.list_fields() == [*STEPS[-1], *MORE]
    assert "Nobody else" in (await save_refused_setup(deniz, {}))["Self-approval"]
    # By the last step the approver's account is gone: that is seen at the step that has them.
    http.slack.workspace.people["U0BURAK"].deleted = True
    http.time.ahead += 120
    shown = await save_setup(deniz, {"Self-approval": True})
    assert "Deactivated accounts can't be chosen: Burak Demir" in shown
    assert deniz.list_fields() == STEPS[1]
    assert deniz.read_field("Editors: people") == ["U0BURAK"]
    assert "Saved." in await save_setup(deniz, {"Approvers: people": ["U0AYSE"], "Editors: people": ["U0EMMA"]})
    policy = await stored_policy(http)
    assert policy is not None
    assert policy.approval.self_approval


async def test_one_person_may_do_both_where_self_approval_is_allowed(http: World) -> None:
    await open_setup(http.deniz)
    values = REQUIRED_FIELDS | {"Editors: user groups": [], "Editors: people": ["U0BURAK"], "Self-approval": True}
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, values)


async def test_deactivated_people_are_refused_and_do_not_count(http: World) -> None:
    http.slack.workspace.people["U0BURAK"].deleted = True
    await open_setup(http.deniz)
    assert "Burak Demir" in (await save_refused_setup(http.deniz, REQUIRED_FIELDS))["Approvers: people"]
    refused = await save_refused_setup(http.deniz, {"Approvers: people": [], "Approvers: user groups": ["Leads"]})
    assert "only 0 active people" in refused["Quorum"]


async def test_a_group_that_is_gone_is_seen_and_refused(http: World) -> None:
    http.slack.workspace.groups["S0LEADS"].enabled = False
    await open_setup(http.deniz, MARKETING)
    await http.deniz.submit()
    view = http.deniz.view
    assert view is not None
    assert "S0LEADS (deleted user group)" in json.dumps(view.blocks, ensure_ascii=False)
    assert "S0LEADS" in (await save_refused_setup(http.deniz, {}))["Approvers: user groups"]
    assert "Saved. The new rules apply now" in await save_setup(
        http.deniz, {"Approvers: user groups": [], "Approvers: people": ["U0BURAK"]}
    )


async def test_where_slack_does_not_tell_the_groups_none_is_taken_on_trust(http: World) -> None:
    http.slack.faults.add("usergroups.list", error="internal_error", times=None)
    await open_setup(http.deniz, MARKETING)
    await http.deniz.submit()
    assert http.deniz.view is not None
    assert "Slack isn't showing user groups" in text_of(http.deniz.view)
    refused = await save_refused_setup(http.deniz, {})
    assert {"Editors: user groups", "Approvers: user groups"} == refused.keys()
    people = {
        "Editors: user groups": [],
        "Editors: people": ["U0EMMA"],
        "Approvers: user groups": [],
        "Approvers: people": ["U0BURAK"],
    }
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, people)


async def test_where_slack_does_not_tell_who_somebody_is_the_form_stays(http: World) -> None:
    await open_setup(http.deniz)
    http.slack.faults.add("users.info", error="internal_error", times=None)
    http.time.ahead += 120
    refused = await save_refused_setup(http.deniz, {"Websites": ["Lale Moda"]})
    assert "isn't showing your profile" in refused["Websites"]
    http.slack.faults.clear()
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, REQUIRED_FIELDS)


async def test_who_is_no_admin_any_more_gets_no_further_at_any_step(http: World) -> None:
    deniz, person = http.deniz, http.slack.workspace.people["U0DENIZ"]
    before = await stored_policy(http, MARKETING)
    await open_setup(deniz, MARKETING)
    for step, first in ((1, "Websites"), (2, "Viewers"), (3, "Quorum")):
        here = {label: value for label, value in REQUIRED_FIELDS.items() if label in STEPS[step - 1]}
        person.is_admin = False
        http.time.ahead += DECIDING_SECONDS
        submitted = await deniz.submit(here)
        assert "Only workspace admins" in field_errors(deniz, submitted.errors)[first]
        if step == 3:
            assert deniz.view is not None
            await deniz.click(deniz.view, "Back")
            await deniz.wait_for_message(MARKETING, "Only workspace admins")
            assert deniz.list_fields() == STEPS[2]
        person.is_admin = True
        http.time.ahead += DECIDING_SECONDS
        if step < 3:
            assert not (await deniz.submit()).errors
    assert await stored_policy(http, MARKETING) == before


@on_both_databases
async def test_the_later_of_two_admins_is_told_and_may_save_again(http: World) -> None:
    http.slack.workspace.people["U0EMMA"].is_admin = True
    deniz, emma = http.deniz, http.emma
    await open_setup(deniz)
    await open_setup(emma)
    assert "Saved. The new rules apply now" in await save_setup(emma, REQUIRED_FIELDS)
    first = await stored_policy(http)
    shown = await save_setup(deniz, REQUIRED_FIELDS | {"Websites": ["Kitap Durağı"], "Expiry in hours": "5"})
    assert "Somebody else changed these rules meanwhile" in shown
    assert "replace theirs in: Websites and Expiry in hours" in shown
    assert deniz.read_field("Expiry in hours") == "5"
    assert await stored_policy(http) == first
    assert "Saved. The new rules apply now" in await save_setup(deniz, {})
    second = await stored_policy(http)
    assert second is not None
    assert second.websites == (3,)


async def test_saving_twice_tells_the_channel_once(http: World) -> None:
    await open_setup(http.deniz)
    await save_setup(http.deniz, REQUIRED_FIELDS)
    await http.emma.wait_for_message(RANDOM, "flowbot is set up in this channel")
    await open_setup(http.deniz)
    assert "didn't change any rules" in await save_setup(http.deniz, {})
    assert len(await http.emma.list_messages(RANDOM)) == 1
    assert len(await policy_events(http)) == 1


async def test_what_another_channel_sets_up_is_not_in_the_history(http: World) -> None:
    await open_setup(http.deniz)
    await save_setup(http.deniz, REQUIRED_FIELDS)
    await http.import_policy('[[channels]]\nid = "C0MARKETING"\nwebsites = "all"\nviewers = ["*"]\n')
    await http.emma.send(MARKETING, "/flows history")
    answer = text_of(await http.emma.wait_for_message(MARKETING, "Nothing was changed"))
    assert "policy" not in answer
    assert "DENIZ" not in answer


HOSTILE: Final = "<!channel> *bold* <@U0EMMA> `x` https://evil.example \u202eesrever"


async def test_names_are_shown_as_they_are_and_call_nobody(http: World) -> None:
    http.slack.workspace.groups["S0EDITORS"].name = HOSTILE
    http.slack.workspace.people["U0BURAK"].real_name = f"Burak {HOSTILE}"
    site = json.dumps(HOSTILE[:40], ensure_ascii=False)
    await http.import_policy(f"[websites]\n1 = {site}\n")
    view = await open_setup(http.deniz)
    sites = [list_options(view, "Websites")[0]["value"]]
    await http.deniz.submit({"Websites": sites})
    assert http.deniz.view is not None
    groups = [each["text"] for each in list_options(http.deniz.view, "Editors: user groups")]
    assert {key: groups[0][key] for key in ("type", "emoji")} == {"type": "plain_text", "emoji": False}
    values = REQUIRED_FIELDS | {"Websites": sites, "Editors: user groups": ["S0EDITORS"]}
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, values)
    told = await http.emma.wait_for_message(RANDOM, "flowbot is set up in this channel")
    assert "<!channel> *bold* <@U0EMMA>" in text_of(told)
    assert list_calling_elements(told) == [{"type": "user", "user_id": "U0DENIZ"}]
    assert "evil" not in told.text


def list_options(view: View, label: str) -> list[dict[str, Any]]:
    block = next(each for each in view.blocks if each.get("label", {}).get("text") == label)
    return list(block["element"]["options"])


def list_calling_elements(message: Message) -> list[dict[str, Any]]:
    """List the elements that call somebody: all that are neither text nor the name of a channel."""
    assert message.blocks
    found: list[dict[str, Any]] = []

    def walk(part: Any) -> None:
        if isinstance(part, list):
            for each in part:
                walk(each)
        elif isinstance(part, dict):
            assert part["type"] != "mrkdwn"
            if part["type"] in {"user", "usergroup", "broadcast", "link"}:
                found.append(part)
            walk(part.get("elements"))

    walk(message.blocks)
    return found


async def test_where_the_channel_cannot_be_told_the_admin_is(http: World) -> None:
    http.slack.faults.add("chat.postMessage", error="is_archived", times=1)
    await open_setup(http.deniz, MARKETING)
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, {"Expiry in hours": "5"})
    await http.deniz.wait_for_message(MARKETING, "not posted in the channel. C0MARKETING is archived")


async def test_websites_that_flows_are_on_can_be_chosen_by_their_number(http: World) -> None:
    http.add_flows(1, website=4)
    view = await open_setup(http.deniz)
    assert [each["text"]["text"] for each in list_options(view, "Websites")] == [
        "4", "Kitap Durağı", "Lale Moda", "Northbound Outdoor",
    ]  # fmt: skip


async def test_more_websites_than_a_menu_holds_are_found_by_their_name(running: World) -> None:
    names = "".join(f'{number} = "Site {number}"\n' for number in range(1, 151))
    await running.import_policy(f"[websites]\n{names}")
    view = await open_setup(running.deniz)
    found = await running.deniz.search_options(view, "Websites", "site 149")
    assert [each["value"] for each in found["options"]] == ["149"]
    assert "Saved. The new rules apply now" in await save_setup(
        running.deniz, REQUIRED_FIELDS | {"Websites": found["options"]}
    )
    policy = await stored_policy(running)
    assert policy is not None
    assert policy.websites == (149,)


async def test_websites_that_enkapush_does_not_tell_may_be_missing(http: World) -> None:
    http.enkapush.faults.add(Fault.status(500, times=None))
    await http.import_policy('[websites]\n1 = "Lale Moda"\n')
    text = text_of(await open_setup(http.deniz))
    assert "websites may be missing" in text
    assert "No websites to choose from yet" not in text


async def test_without_any_known_website_all_can_be_chosen(http: World) -> None:
    await http.import_policy("")
    view = await open_setup(http.deniz)
    assert "No websites to choose from yet" in text_of(view)
    assert "at least one website" in (await save_refused_setup(http.deniz, {}))["All websites"]
    values = {"All websites": True, "Approvers": True}
    assert "Saved. The new rules apply now" in await save_setup(http.deniz, values)


@on_both_databases
async def test_what_was_chosen_survives_going_back_and_a_restart(http: World) -> None:
    deniz = http.deniz
    await open_setup(deniz)
    chosen = REQUIRED_FIELDS | {"Quorum": "2", "Approvers: people": ["U0BURAK", "U0AYSE"], "Expiry in hours": "5"}
    assert await fill_steps(deniz, chosen) is None
    await go_back(deniz)
    # Another process takes it from here.
    await http.start_http()
    await go_back(deniz)
    assert deniz.read_field("Websites") == ["Lale Moda"]
    await deniz.submit()
    assert deniz.read_field("Viewers") == ["Everyone in this channel"]
    assert deniz.read_field("Approvers: people") == ["U0BURAK", "U0AYSE"]
    await deniz.submit()
    assert (deniz.read_field("Quorum"), deniz.read_field("Expiry in hours")) == ("2", "5")
    assert "Saved." in await save_setup(deniz, {})
    policy = await stored_policy(http)
    assert policy is not None
    assert (policy.websites, policy.approval.quorum, policy.approval.expires_after_hours) == ((1,), 2, 5)


async def test_what_differs_from_its_default_is_shown_at_once(http: World) -> None:
    await http.import_policy(approval_policy('notify = "none"\nexpires_after_hours = 5'))
    await open_setup(http.deniz, MARKETING)
    assert await fill_steps(http.deniz, {}) is None
    assert http.deniz.list_fields() == [*STEPS[-1], "Expiry in hours", "How approvers are notified"]
    assert "didn't change any rules" in await save_setup(http.deniz, {})


@on_both_databases
async def test_a_channel_starts_with_the_rules_of_another(http: World) -> None:
    deniz = http.deniz
    await http.import_policy(approval_policy('notify = "dm"'))
    view = await open_setup(deniz)
    deniz.fill("Websites", ["Lale Moda"])
    assert f"Same as <#{MARKETING}>" in str(view.blocks)
    await press(deniz, "Copy rules", '"turn":1')
    assert deniz.read_field("Websites") == ["Lale Moda", "Northbound Outdoor"]
    assert "Saved." in await save_setup(deniz, {})
    theirs, ours = await stored_policy(http, MARKETING), await stored_policy(http)
    assert theirs is not None
    assert ours is not None
    assert policy_fingerprint(ours) == policy_fingerprint(theirs.model_copy(update={"id": RANDOM}))
    # Where there are rules already, they are no start.
    view = await open_setup(deniz)
    assert "Same as" not in str(view.blocks)


@on_both_databases
async def test_websites_are_named_in_the_form(http: World) -> None:
    http.slack.workspace.people["U0EMMA"].is_admin = True
    http.add_flows(1, website=4)
    deniz, emma = http.deniz, http.emma
    await open_setup(deniz, MARKETING)
    deniz.fill("Websites", ["Lale Moda", "4"])
    await press(deniz, "Edit names", "Name of website 4")
    assert deniz.list_fields() == [*STEPS[0], "Name of website 1", "Name of website 4"]
    assert deniz.read_field("Name of website 1") == "Lale Moda"
    long = await deniz.submit({"Name of website 4": "x" * 76})
    assert field_errors(deniz, long.errors) == {"Name of website 4": "Must be 75 characters or less."}
    for name in ("lale MODA", "2"):
        taken = await deniz.submit({"Name of website 4": name})
        assert name in str(field_errors(deniz, taken.errors))
    await open_setup(emma)
    await press(emma, "Edit names", "Name of website 4")
    values = {"Name of website 1": "Lale  Moda <!channel>", "Name of website 4": "Çarşı"}
    assert "Saved." in await save_setup(deniz, values)
    told = text_of(await http.ayse.wait_for_message(MARKETING, "This channel's rules were changed"))
    assert "Name of website 1: Lale Moda → Lale Moda <!channel>" in told
    assert "Name of website 4: Çarşı" in told
    (event,) = await policy_events(http)
    assert event.details["websites"] == {
        "1": {"before": "Lale Moda", "after": "Lale Moda <!channel>"},
        "4": {"before": None, "after": "Çarşı"},
    }
    await http.ayse.send(MARKETING, "/flows list website:Çarşı")
    await http.ayse.wait_for_message(MARKETING, "1 akış")
    # Whoever renames over that is told first; an untouched name changes nothing.
    shown = await save_setup(emma, REQUIRED_FIELDS | {"Name of website 4": "Bazaar", "Websites": ["4"]})
    assert "Somebody else changed these rules meanwhile" in shown
    assert "Name of website 4" in shown
    assert "Saved." in await save_setup(emma, {})
    async with http.open_database() as database:
        names = (await PolicyRepository(database, http.time.now).get_book()).websites
    assert (names[WebsiteId(1)], names[WebsiteId(4)]) == ("Lale Moda <!channel>", "Bazaar")


async def test_a_name_alone_can_be_taken_away(http: World) -> None:
    await open_setup(http.deniz, MARKETING)
    await press(http.deniz, "Edit names", "Name of website 2")
    assert "Saved." in await save_setup(http.deniz, {"Name of website 2": ""})
    told = text_of(await http.ayse.wait_for_message(MARKETING, "This channel's rules were changed"))
    assert told.count("→") == 1
    async with http.open_database() as database:
        names = (await PolicyRepository(database, http.time.now).get_book()).websites
    assert 2 not in names


async def test_a_form_whose_choices_are_gone_says_so(http: World) -> None:
    await open_setup(http.deniz)
    async with http.open_database() as database:
        await DraftRepository(database).delete_older_than(http.time.now() + timedelta(days=1))
    refused = await save_refused_setup(http.deniz, {"Websites": ["Lale Moda"]})
    assert "no longer saved" in refused["Websites"]


async def test_a_form_that_slack_does_not_update_loses_nothing(http: World) -> None:
    await open_setup(http.deniz, MARKETING)
    assert await fill_steps(http.deniz, {"Expiry in hours": "5"}) is None
    http.slack.faults.add("views.update", error="internal_error", times=1)
    assert http.deniz.view is not None
    await http.deniz.click(http.deniz.view, "Back")
    await http.deniz.wait_for_message(MARKETING, "didn't let flowbot update the form")
    assert "Saved." in await save_setup(http.deniz, {})
