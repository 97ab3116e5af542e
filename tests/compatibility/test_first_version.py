"""Check that everything the first version stored and posted still works: rows, buttons, open forms.

Modules, classes and functions may be renamed. Names that rows, buttons and open forms hold may not, unless the old ones
are still read. The files in `first_version/` were recorded by `record.py`; never edit them to make a test pass.
"""

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from flowbot.domain.policy import ChannelPolicy
from flowbot.i18n.translator import Translators
from flowbot.sandbox.slack import SandboxPerson, text_of
from flowbot.services.policy_fingerprint import policy_fingerprint
from tests.compatibility.moments import FOLDER, Control, Json, Moment
from tests.compatibility.restored_world import Restored, copy_database, fill_database, restore_world, run_in_thread
from tests.compatibility.row_round_trip import REWRITERS, audit_words, rewrite_row
from tests.journeys.request_steps import read_audit_trail, wait_for_change_form
from tests.journeys.world import APPROVALS, MARKETING

MOMENTS: Final = tuple(Moment(file.stem) for file in sorted(FOLDER.glob("*.json")))
WAITING, FORMS, INTERRUPTED = Moment("waiting"), Moment("forms"), Moment("interrupted")
BURAK, DENIZ, EMMA = "U0BURAK", "U0DENIZ", "U0EMMA"

# --- rows ----------------------------------------------------------------------------------------------------------


def recorded_rows() -> list[Any]:
    """Return the rows of the tables with documents, and every version of each change, grouped by what they say."""
    found: dict[str, list[tuple[str, Json]]] = {}
    for moment in MOMENTS:
        rows = [("changes", row) for row in moment.data["versions"]]
        rows += [(table, row) for table in REWRITERS for row in moment.rows(table)]
        for table, row in rows:
            outcome = (row.get("outcome") or {}).get("key")
            words = (table, row.get("action"), row.get("kind"), row.get("state"), outcome)
            found.setdefault("-".join(filter(None, words)), []).append((table, row))
    return [pytest.param(rows, id=name) for name, rows in sorted(found.items())]


def find_losses(recorded: Any, now: Any, path: str = "") -> list[str]:
    """List where a value differs from the recorded one. New keys are fine: a later version may store more."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        missing = [f"{path}.{key} is gone" for key in recorded.keys() - now.keys()]
        return missing + [
            each
            for key in recorded.keys() & now.keys()
            for each in find_losses(recorded[key], now[key], f"{path}.{key}")
        ]
    if isinstance(recorded, list) and isinstance(now, list) and len(recorded) == len(now):
        pairs = enumerate(zip(recorded, now, strict=True))
        return [each for number, (before, after) in pairs for each in find_losses(before, after, f"{path}[{number}]")]
    if isinstance(now, datetime) and isinstance(recorded, datetime):
        recorded, now = (value.replace(tzinfo=value.tzinfo or UTC) for value in (recorded, now))
    return [] if recorded == now else [f"{path}: {recorded!r} became {now!r}"]


@pytest.mark.parametrize("rows", recorded_rows())
def test_a_row_is_read_and_written_as_it_was(rows: list[tuple[str, Json]]) -> None:
    for table, row in rows:
        restored = rewrite_row(table, row)
        assert find_losses(row, restored) == []


def recorded_outcomes() -> list[str]:
    rows = [row for moment in MOMENTS for row in [*moment.data["versions"], *moment.rows("changes")]]
    return sorted({row["outcome"]["key"] for row in rows if row["outcome"]})


@pytest.mark.parametrize("key", recorded_outcomes())
def test_a_stored_outcome_still_has_its_sentence(key: str) -> None:
    translators = Translators(fixed=None, zone=ZoneInfo("UTC"))
    assert translators.for_reader("en").has_message(key)
    assert translators.for_reader("tr").has_message(key)


# --- a world -------------------------------------------------------------------------------------------------------

Restore = Callable[..., AbstractAsyncContextManager[Restored]]


@pytest.fixture
def restore(database_of: Callable[[Moment], str], monkeypatch: pytest.MonkeyPatch) -> Restore:
    """Return a function that restores a moment, in a database of this test's own."""
    return lambda moment, **more: restore_world(moment, database_of(moment), monkeypatch, **more)


# --- messages ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Redrawn:
    """The messages of a moment after the bot had to show every change again."""

    messages: dict[tuple[str, str], list[Json]]
    edited: frozenset[tuple[str, str]]
    settled: frozenset[str]
    """Unknown changes whose effect was seen meanwhile."""


@pytest.fixture(scope="session")
def redrawn(
    old_databases: Callable[[Moment], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Moment], Redrawn]:
    """Return a function that lets the bot show every change of a moment again, once for all tests."""
    known: dict[str, Redrawn] = {}

    async def draw(moment: Moment) -> Redrawn:
        url = copy_database(old_databases(moment), tmp_path_factory.mktemp("redrawn"))
        with pytest.MonkeyPatch.context() as patch:
            async with restore_world(moment, url, patch, later=60) as restored:
                restored.write("UPDATE changes SET shown_version = 0")
                await restored.start()
                untold = "SELECT id FROM changes WHERE shown_version < version"
                applied = "SELECT id FROM changes WHERE state = 'applied'"
                unknown = {row["id"] for row in moment.rows("changes") if row["state"] == "unknown"}
                await restored.wait_until(lambda: not restored.rows(untold), lambda: restored.rows(untold))
                posted = [each for channel in restored.world.slack.workspace.messages.values() for each in channel]
                return Redrawn(
                    messages={(each.channel, each.ts): each.blocks or [] for each in posted},
                    edited=frozenset((each.channel, each.ts) for each in posted if each.edited_ts),
                    settled=frozenset(row["id"] for row in restored.rows(applied)) & unknown,
                )

    def redrawn(moment: Moment) -> Redrawn:
        if moment.name not in known:
            known[moment.name] = run_in_thread(draw(moment))
        return known[moment.name]

    return redrawn


def posted_changes() -> list[Any]:
    return [
        pytest.param(moment, row, id=f"{moment.name}-{row['kind']}-{row['state']}-{row['id']}")
        for moment in MOMENTS
        for row in moment.rows("changes")
        if row["message_ts"] and moment.name != INTERRUPTED.name
    ]


def pressable(blocks: list[Json]) -> set[tuple[str, str]]:
    """Return the action ids and values of a message's buttons."""
    elements = [element for block in blocks for element in block.get("elements", [])]
    return {(each["action_id"], each.get("value", "")) for each in elements if each.get("type") == "button"}


@pytest.mark.parametrize(("moment", "row"), posted_changes())
def test_a_message_is_drawn_anew_from_its_row_with_its_buttons(
    redrawn: Callable[[Moment], Redrawn], moment: Moment, row: Json
) -> None:
    place = (row["message_channel"], row["message_ts"])
    before = next(each for each in moment.data["slack"]["messages"] if (each["channel"], each["ts"]) == place)
    now = redrawn(moment)
    assert place in now.edited
    is_restored = any(other["token"].startswith(f"restore.{row['id']}") for other in moment.rows("changes"))
    used = {"changes.restore": is_restored, "changes.check_again": row["id"] in now.settled}
    kept = {button for button in pressable(before["blocks"]) if not used.get(button[0])}
    assert pressable(now.messages[place]) >= kept
    flow = row["asked"]["before"] or row["asked"]["wanted"]["content"]
    assert flow["name"] in text_of(now.messages[place])
    for person in recorded_people(before["blocks"]):
        assert person in str(now.messages[place])
    if "uncounted" in ((row["outcome"] or {}).get("params") or {}):
        assert str(now.messages[place]).count("rich_text_section") >= str(before["blocks"]).count("rich_text_section")


def recorded_people(blocks: list[Json]) -> set[str]:
    """Return the people that a message names."""
    text = str(blocks)
    return {person for person in ("U0AYSE", BURAK, DENIZ, EMMA) if person in text}


# --- buttons -------------------------------------------------------------------------------------------------------

PRESSED_BY: Final = {
    "changes.approve": BURAK,
    "changes.reject": BURAK,
    "changes.break_glass": DENIZ,
    "changes.restore": EMMA,
    "changes.ask_again": EMMA,
    "changes.check_again": EMMA,
    "changes.open": EMMA,
}
"""Somebody who may press a button that a whole channel sees."""
Effect = Callable[[Restored, Control, SandboxPerson], Awaitable[None]]


def presser(moment: Moment, control: Control) -> str:
    """Return who presses a button: the one who sees it, or somebody who may."""
    if control.person is not None:
        return control.person
    if control.action_id == "changes.withdraw":
        return str(moment.row(control.change or "")["requester"])
    has_voted = {row["person"] for row in moment.rows("votes") if row["change_id"] == control.change}
    by = PRESSED_BY[control.action_id]
    return DENIZ if control.action_id == "changes.approve" and by in has_voted else by


def read_name(control: Control) -> str:
    return control.change or ""


async def wait_until_done(restored: Restored, row: Json) -> None:
    """Wait until Enkapush has what a change asks for."""
    await restored.wait_for_state(row["id"], "applied")
    flows, flow = restored.world.enkapush.store.flows, row["flow_id"]
    match row["kind"]:
        case "delete":
            assert flow not in flows
        case "enable" | "disable":
            assert flows[flow].is_enabled is (row["kind"] == "enable")
        case "edit":
            wanted = row["asked"]["wanted"]
            assert (flows[flow].name, flows[flow].title) == (wanted["content"]["name"], wanted["content"]["title"])
            assert flows[flow].utm_source == (wanted["unread"]["utm_source"] or "old")
            assert (flows[flow].image is not None) is (wanted["image"] is not None)


async def approve(restored: Restored, control: Control, person: SandboxPerson) -> None:
    await wait_until_done(restored, restored.moment.row(read_name(control)))
    votes = restored.rows(
        "SELECT vote FROM votes WHERE change_id = :id AND person = :who", id=control.change, who=person.id
    )
    assert votes == [{"vote": "approve"}]
    told = restored.rows("SELECT action FROM events WHERE change_id = :id", id=control.change)
    assert {row["action"] for row in told} >= {"change.vote", "change.approved", "change.applied"}


async def submit_reason(person: SandboxPerson) -> None:
    view = await person.wait_for_view(lambda view: view.submit is not None)
    assert view.callback_id == "changes.reason"
    (label,) = person.list_fields()
    assert (await person.submit({label: "Because I say so"})).errors == {}


async def reject(restored: Restored, control: Control, person: SandboxPerson) -> None:
    await submit_reason(person)
    await restored.wait_for_state(read_name(control), "rejected")
    (event,) = restored.rows(
        "SELECT actor, details FROM events WHERE change_id = :id AND action = 'change.rejected'", id=control.change
    )
    assert event["actor"] == person.id
    assert "Because I say so" in event["details"]


async def withdraw(restored: Restored, control: Control, _: SandboxPerson) -> None:
    await restored.wait_for_state(read_name(control), "withdrawn")


async def skip_approval(restored: Restored, control: Control, person: SandboxPerson) -> None:
    await submit_reason(person)
    await wait_until_done(restored, restored.moment.row(read_name(control)))
    events = "SELECT actor FROM events WHERE change_id = :id AND action = 'change.break_glass'"
    assert restored.rows(events, id=control.change) == [{"actor": DENIZ}]


async def request_again(restored: Restored, control: Control, person: SandboxPerson) -> None:
    before = restored.moment.row(read_name(control))
    asked = "SELECT id FROM changes WHERE state = 'pending' AND flow_id = :flow AND kind = :kind AND requester = :who"
    values = {"flow": before["flow_id"], "kind": before["kind"], "who": person.id}
    await restored.wait_until(lambda: restored.rows(asked, **values))


async def check_again(restored: Restored, control: Control, _: SandboxPerson) -> None:
    await wait_until_done(restored, restored.moment.row(read_name(control)))


def is_restored(moment: Moment, control: Control) -> bool:
    """Check whether the deleted flow was restored before the recording."""
    tokens = {row["token"] for row in moment.rows("changes")}
    return control.action_id == "changes.restore" and f"restore.{control.change}" in tokens


async def restore_flow(restored: Restored, control: Control, _: SandboxPerson) -> None:
    if is_restored(restored.moment, control):
        return
    deleted = restored.moment.row(read_name(control))
    restoring = "SELECT state FROM changes WHERE token = :token"
    token = f"restore.{deleted['id']}"
    await restored.wait_until(lambda: restored.rows(restoring, token=token) == [{"state": "applied"}])
    flow = restored.world.enkapush.store.flow(max(restored.world.enkapush.store.flows))
    assert flow.name == deleted["asked"]["before"]["name"]
    assert (flow.image is not None) is (deleted["kept_image_id"] is not None)


async def reopen_form(restored: Restored, control: Control, person: SandboxPerson) -> None:
    view = await person.wait_for_view(lambda view: view.submit is not None)
    assert view.callback_id == "flows.form"
    typed, left_alone = typed_into(restored.moment, control.value)
    held = shown_values(view.values, typed)
    assert {name: text for name, text in held.items() if name not in left_alone} == typed


def typed_into(moment: Moment, token: str) -> tuple[Json, set[str]]:
    """Return what was typed into a form, and the fields left as the flow had them: those follow the flow."""
    drafts = {row["token"]: (row["typed"], row["before"]) for row in moment.rows("drafts")}
    asked = {row["token"]: (row["asked"]["typed"], row["asked"]["before"]) for row in moment.rows("changes")}
    typed, before = drafts.get(token) or asked[token]
    left_alone = {"image"} | {name for name in typed if before and typed[name] == before.get(name)}
    return {name: text for name, text in typed.items() if text and name not in left_alone}, left_alone


def shown_values(values: Json, names: Json) -> Json:
    """Return the values of an open form's fields with these names, without the empty ones."""
    held = {}
    for block_id, entries in values.items():
        (entry,) = entries.values()
        option = entry.get("selected_option") or next(iter(entry.get("selected_options") or []), None)
        name = max((name for name in names if block_id.startswith(name)), key=len, default="")
        if name and (text := option["value"] if option else entry.get("value")):
            held[name] = text
    return held


async def open_form(restored: Restored, control: Control, person: SandboxPerson) -> None:
    view = await person.wait_for_view(lambda view: view.submit is not None)
    assert view.callback_id == "flows.form"
    flow = restored.world.enkapush.store.flow(control.flow or 0)
    assert shown_values(view.values, {"title": "", "description": ""})["title"] == flow.title


async def post_for_all(restored: Restored, control: Control, person: SandboxPerson) -> None:
    name = restored.world.enkapush.store.flow(control.flow).name if control.flow else ""
    await restored.wait_until(
        lambda: any(
            name in text_of(each) and not each.is_ephemeral for each in restored.list_answers(person, MARKETING)
        )
    )


async def do_nothing(restored: Restored, control: Control, person: SandboxPerson) -> None:
    channel = control.holder.get("channel")
    assert channel is None or not restored.list_answers(person, channel)


async def show_flow(restored: Restored, control: Control, person: SandboxPerson) -> None:
    name = restored.world.enkapush.store.flow(control.flow or 0).name
    await restored.wait_until(lambda: any(name in text_of(each) for each in restored.list_answers(person, MARKETING)))


def listed_flows(blocks: list[Json]) -> list[int]:
    """Return the flows that a list shows, in its order: by its buttons then, by its menus now."""
    elements = [element for block in blocks for element in [*block.get("elements", []), block.get("accessory") or {}]]
    values = [each["value"] for each in elements if each.get("action_id") == "flows.show"]
    values += [each["options"][0]["value"] for each in elements if each.get("action_id") == "flows.menu"]
    return [json.loads(value)["f"] for value in values]


def find_flows(restored: Restored, value: Json) -> list[int]:
    """Return the flows of a recorded list's filter, newest first."""
    flows = [flow for flow in restored.world.enkapush.store.flows.values() if flow.website_id in {1, 2}]
    flows = [flow for flow in flows if all(word in flow.name.lower().replace("i̇", "i") for word in value.get("w", ()))]
    flows = [flow for flow in flows if value.get("e") in {None, flow.is_enabled}]
    flows = [flow for flow in flows if value.get("s") in {None, flow.website_id}]
    return [flow.id for flow in sorted(flows, key=lambda flow: (flow.datetime, flow.id), reverse=True)]


async def share_list(restored: Restored, control: Control, person: SandboxPerson) -> None:
    await post_for_all(restored, control, person)
    posted = text_of(next(each for each in restored.list_answers(person, MARKETING) if not each.is_ephemeral))
    value = json.loads(control.value)
    first = 10 * (value.get("p", 1) - 1)
    expected = set(find_flows(restored, value)[first : first + 10])
    flows = restored.world.enkapush.store.flows.items()
    assert {number for number, flow in flows if re.search(rf"{re.escape(flow.name)}(?!\d)", posted)} == expected


async def turn_page(restored: Restored, control: Control, person: SandboxPerson) -> None:
    ts, before = control.holder["ts"], control.holder["blocks"]
    message = restored.world.slack.workspace.find_message(MARKETING, ts)
    assert message is not None
    await restored.wait_until(lambda: listed_flows(message.blocks or []) != listed_flows(before))
    value = json.loads(control.value)
    first = 10 * (value.get("p", 1) - 1)
    assert listed_flows(message.blocks or []) == find_flows(restored, value)[first : first + 10]


async def request_change(restored: Restored, control: Control, person: SandboxPerson) -> None:
    kind = control.action_id.rpartition(".")[2]
    await wait_for_change_form(person)
    await person.submit()
    asked = "SELECT requester FROM changes WHERE flow_id = :flow AND kind = :kind AND state = 'pending'"
    await restored.wait_until(lambda: restored.rows(asked, flow=control.flow, kind=kind) == [{"requester": person.id}])


EFFECTS: Final[dict[str, Effect]] = {
    "changes.approve": approve,
    "changes.reject": reject,
    "changes.withdraw": withdraw,
    "changes.break_glass": skip_approval,
    "changes.ask_again": request_again,
    "changes.check_again": check_again,
    "changes.restore": restore_flow,
    "flows.form.open": reopen_form,
    "flows.edit": open_form,
    "flows.duplicate": open_form,
    "flows.enable": request_change,
    "flows.disable": request_change,
    "flows.delete": request_change,
    "flows.list.next": turn_page,
    "flows.list.previous": turn_page,
    "flows.list.share": share_list,
    "flows.show": show_flow,
    "flows.show.share": post_for_all,
}


def recorded_buttons(prefix: str) -> list[Any]:
    """Return posted buttons: one of each action for each kind, state and outcome of a change, and each place."""
    found: dict[str, Any] = {}
    for moment in MOMENTS:
        if moment.name in {FORMS.name, INTERRUPTED.name}:
            continue
        for control in moment.controls():
            if control.holder.get("type") != "modal" and control.action_id.startswith(prefix):
                found.setdefault(readable_id(moment, control), (moment, control))
    return [pytest.param(*case, id=name) for name, case in found.items()]


def readable_id(moment: Moment, control: Control) -> str:
    """Return a readable id: action, kind and state of the change, outcome, place."""
    row = moment.row(control.change) if control.change else {}
    holder = control.holder
    is_home = holder.get("type") == "home"
    where = "home" if is_home else "ephemeral" if holder["ephemeral_to"] else "direct" if control.person else "channel"
    if control.action_id.startswith("flows.list."):
        return f"{control.action_id}-{''.join(json.loads(control.value)) or 'all'}"
    if is_home or not row:
        return f"{control.action_id}-{where}"
    outcome = (row["outcome"] or {}).get("key", "")
    return "-".join(filter(None, (control.action_id, row["kind"], row["state"], outcome, where)))


async def check_button(restore: Restore, moment: Moment, control: Control) -> None:
    """Press a button as it was recorded, and see that it is taken and has its effect."""
    async with restore(moment) as restored:
        await restored.start()
        person = restored.world.slack.person(presser(moment, control))
        await restored.press(control, person)
        if control.action_id == "changes.open":
            # A link: acknowledging its press is all.
            await do_nothing(restored, control, person)
            return
        ended = await restored.wait_for_count(frozenset({"action"}), control.action_id)
        assert ended == ("refused" if is_restored(moment, control) else "done")
        await EFFECTS[control.action_id](restored, control, person)


@pytest.mark.parametrize(("moment", "control"), recorded_buttons("changes."))
async def test_a_button_of_a_request_does_what_it_did(restore: Restore, moment: Moment, control: Control) -> None:
    await check_button(restore, moment, control)


@pytest.mark.parametrize(("moment", "control"), recorded_buttons("flows."))
async def test_a_button_of_a_flow_does_what_it_did(restore: Restore, moment: Moment, control: Control) -> None:
    await check_button(restore, moment, control)


# --- open forms ----------------------------------------------------------------------------------------------------


def open_forms() -> list[Any]:
    """Return every form that was open."""
    found = []
    for moment in MOMENTS:
        for view in moment.data["slack"]["modals"]:
            if view["private_metadata"]:
                seen = json.loads(view["private_metadata"])
                what = "-".join(str(seen[name]) for name in ("purpose", "kind", "channel") if seen.get(name))
                found.append(pytest.param(moment, view, id=f"{view['callback_id']}-{what}-{view['owner']}"))
    return found


@pytest.mark.parametrize(("moment", "view"), open_forms())
async def test_a_form_that_is_open_is_taken_as_it_was_filled(restore: Restore, moment: Moment, view: Json) -> None:
    async with restore(moment) as restored:
        await restored.start()
        submitted = await restored.world.slack.client.submit_view(view["owner"], view["id"], {})
        assert (submitted.delivered, submitted.errors) == (True, {})
        seen = json.loads(view["private_metadata"])
        match view["callback_id"]:
            case "flows.form":
                await check_saved(restored, view, seen)
            case "changes.reason":
                await restored.wait_for_state(seen["change"], "rejected" if seen["purpose"] == "reject" else "applied")
                (kept,) = restored.rows("SELECT progress FROM changes WHERE id = :id", id=seen["change"])
                assert "Because I say so" in kept["progress"]
            case _:
                await check_policy(restored, seen["channel"])


async def check_saved(restored: Restored, view: Json, seen: Json) -> None:
    """Check that the flow is as typed into the form or, if it is enabled, that the edit is requested."""
    kept = "SELECT id, state, flow_id, asked, outcome FROM changes WHERE token = :token"
    await restored.wait_until(
        lambda: [row["state"] in {"applied", "pending"} for row in restored.rows(kept, token=seen["token"])] == [True],
        lambda: restored.rows(kept, token=seen["token"]),
    )
    (change,) = restored.rows(kept, token=seen["token"])
    asked = json.loads(change["asked"])
    shown = [name for name in FIELDS if name != "image"]
    held = shown_values(view["values"], dict.fromkeys(shown, ""))
    assert {name: text for name, text in asked["typed"].items() if text and name in shown} == held
    assert (asked["channel"], asked["locale"], asked["timezone"]) == (seen["channel"], seen["locale"], seen["timezone"])
    assert asked["flow"] == (seen["flow"] if seen["kind"] == "edit" else None)
    has_picture = bool(seen.get("image")) or any(entry.get("files") for entry in fields_of(view))
    assert (asked["wanted"]["image"] is not None) is has_picture
    if change["state"] == "applied":
        flow = restored.world.enkapush.store.flow(json.loads(change["outcome"])["flow"])
        assert (flow.name, flow.title, flow.is_silent) == (held["name"], held["title"], bool(held.get("silent")))
        assert (flow.image is not None) is has_picture


def fields_of(view: Json) -> list[Json]:
    return [entry for entries in view["values"].values() for entry in entries.values()]


async def check_policy(restored: Restored, channel: str) -> None:
    """Check that the channel has the policy of the form."""
    kept = "SELECT document FROM channel_policies WHERE channel_id = :id"
    await restored.wait_until(lambda: "U0EMMA" in str(restored.rows(kept, id=channel)))
    document = json.loads(restored.rows(kept, id=channel)[0]["document"])
    assert document["viewers"] == ["*", "S0LEADS"]
    before = next(row["document"] for row in restored.moment.rows("channel_policies") if row["channel_id"] == channel)
    for name in ("websites", "editors"):
        assert document[name] == before[name]
    for name in before["approval"].keys() & {
        "quorum",
        "self_approval",
        "expires_after_hours",
        "channel",
        "break_glass",
    }:
        assert document["approval"][name] == before["approval"][name]


def policy_forms() -> list[Any]:
    return [each for each in open_forms() if each.values[1]["callback_id"] == "flows.setup"]


def recorded_policy(moment: Moment, view: Json) -> Json:
    """Return the stored policy of the channel that a policy form is for."""
    channel = json.loads(view["private_metadata"])["channel"]
    return next(row["document"] for row in moment.rows("channel_policies") if row["channel_id"] == channel)


@pytest.mark.parametrize(("moment", "view"), policy_forms())
def test_an_open_policy_form_shows_the_policy_as_it_still_is(moment: Moment, view: Json) -> None:
    policy = ChannelPolicy.model_validate(recorded_policy(moment, view))
    assert policy_fingerprint(policy) == json.loads(view["private_metadata"])["seen"]


@pytest.mark.parametrize(("moment", "view"), policy_forms())
async def test_an_open_policy_form_keeps_what_it_has_no_field_for(restore: Restore, moment: Moment, view: Json) -> None:
    document = recorded_policy(moment, view)
    changed = document | {"approval": document["approval"] | {"notify": "dm"}}
    async with restore(moment) as restored:
        of_channel = {"id": document["id"]}
        restored.write(
            "UPDATE channel_policies SET document = :changed WHERE channel_id = :id",
            changed=json.dumps(changed),
            **of_channel,
        )
        await restored.start()
        slack = restored.world.slack
        submitted = await slack.client.submit_view(view["owner"], view["id"], {})
        assert (submitted.delivered, submitted.errors) == (True, {})
        shown = next(each for each in slack.workspace.modals[view["owner"]] if each.id == view["id"])
        assert "Somebody else changed these rules" in text_of(shown)
        assert "are notified" not in text_of(shown).partition("replace theirs in")[2].partition(".")[0]
        assert shown_values(shown.values, {"notify": ""}) == {"notify": "dm"}
        await slack.client.submit_view(view["owner"], view["id"], {})
        await check_policy(restored, document["id"])
        (row,) = restored.rows("SELECT document FROM channel_policies WHERE channel_id = :id", **of_channel)
        assert json.loads(row["document"])["approval"]["notify"] == "dm"


def form_buttons() -> list[Any]:
    """Return the buttons of the flow form, one of each action and form."""
    found: dict[str, Any] = {}
    for moment in MOMENTS:
        for control in moment.controls():
            if control.holder.get("type") == "modal" and control.holder["private_metadata"]:
                kind = json.loads(control.holder["private_metadata"])["kind"]
                found.setdefault(f"{control.action_id}-{kind}", (moment, control))
    return [pytest.param(*case, id=name) for name, case in found.items()]


@pytest.mark.parametrize(("moment", "control"), form_buttons())
async def test_a_button_of_an_open_form_does_what_it_did(restore: Restore, moment: Moment, control: Control) -> None:
    view = control.holder
    async with restore(moment) as restored:
        await restored.start()
        person = restored.world.slack.person(view["owner"])
        await restored.press(control, person)
        assert await restored.wait_for_count(frozenset({"action", "form_action"}), control.action_id) == "done"
        assert person.view is not None
        title = shown_values(view["values"], {"title": ""}).get("title", "")
        if control.action_id == "flows.form.preview":
            assert person.view.id != view["id"]
            assert title in text_of(person.view)
        else:
            assert shown_values(person.view.values, {"title": ""}).get("title", "") != title
            assert json.loads(person.view.private_metadata)["turn"] == 1


def typed_fields() -> list[Any]:
    """Return the open flow forms."""
    return [case for case in open_forms() if case.values[1]["callback_id"] == "flows.form"]


@pytest.mark.parametrize(("moment", "view"), typed_fields())
async def test_what_is_typed_into_an_open_form_is_kept(restore: Restore, moment: Moment, view: Json) -> None:
    async with restore(moment) as restored:
        await restored.start()
        client, owner = restored.world.slack.client, view["owner"]
        where = client.find_container(owner, {"type": "view", "view_id": view["id"]})
        block_id, entries = next((key, value) for key, value in view["values"].items() if key.startswith("title"))
        (action_id,) = entries
        await client.trigger_action(owner, where, (block_id, action_id), {"value": "Typed later"})
        token = json.loads(view["private_metadata"])["token"]
        kept = "SELECT typed FROM drafts WHERE token = :token"
        await restored.wait_until(lambda: "Typed later" in str(restored.rows(kept, token=token)))
        held = {**shown_values(view["values"], dict.fromkeys(FIELDS, "")), "title": "Typed later"}
        typed = json.loads(restored.rows(kept, token=token)[0]["typed"])
        assert {name: text for name, text in typed.items() if text and name != "image"} == held


FIELDS: Final = (
    "website", "name", "title", "description", "url", "image", "wait", "wait_unit", "segment",
    "button_1_title", "button_1_url", "button_2_title", "button_2_url",
    "silent", "auto_hide", "ttl", "utm_source", "utm_medium", "utm_campaign",
)  # fmt: skip
"""The form's fields, as drafts and block ids name them."""


# --- drafts --------------------------------------------------------------------------------------------------------


def kept_drafts() -> list[Any]:
    """Return the drafts that a command brings back: the newest of each person, kind and flow."""
    found = {}
    for row in sorted(FORMS.rows("drafts"), key=lambda row: row["changed_at"]):
        if row["typed"]:
            found[row["person"], row["kind"], row["flow_id"]] = row
    return [pytest.param(row, id=f"{kind}-{flow}-{person}") for (person, kind, flow), row in found.items()]


@pytest.mark.parametrize("row", kept_drafts())
async def test_what_was_typed_comes_back_in_its_form(restore: Restore, row: Json) -> None:
    command = "edit" if row["kind"] == "edit" else "duplicate" if row["flow_id"] else "create"
    async with restore(FORMS) as restored:
        restored.world.slack.workspace.modals.clear()
        await restored.start()
        person = restored.world.slack.person(row["person"])
        await person.send(row["channel_id"], f"/flows {command} {row['flow_id'] or ''}")
        view = await person.wait_for_view(lambda view: view.submit is not None)
        held = shown_values(view.values, dict.fromkeys(FIELDS, ""))
        assert held == {name: text for name, text in row["typed"].items() if text and name != "image"}
        assert json.loads(view.private_metadata).get("image", "") == row["typed"].get("image", "")


# --- what time does ------------------------------------------------------------------------------------------------

HOUR: Final = 3600
LOST_FOR_GOOD: Final = {"create lost": "unknown"}
"""Changes that cannot be applied: a create is never sent twice, and its answer was lost."""


def interrupted_rows() -> list[Json]:
    return [row for row in INTERRUPTED.rows("changes") if row["state"] in {"draft", "applying"}]


def flow_name(row: Json) -> str:
    return str((row["asked"]["before"] or row["asked"]["wanted"]["content"])["name"])


def recorded_end(row: Json) -> str:
    return LOST_FOR_GOOD.get(flow_name(row), "applied")


async def finish_changes(url: str) -> tuple[dict[str, str], dict[int, Any]]:
    """Let the bot finish the interrupted changes. Return how each ended, and Enkapush's flows."""
    with pytest.MonkeyPatch.context() as patch:
        async with restore_world(INTERRUPTED, url, patch, later=60) as restored:
            await restored.start()
            open_still = "SELECT id FROM changes WHERE state IN ('draft', 'applying') OR shown_version < version"
            await restored.wait_until(lambda: not restored.rows(open_still), lambda: restored.rows(open_still))
            ends = {row["id"]: row["state"] for row in restored.rows("SELECT id, state FROM changes")}
            return ends, dict(restored.world.enkapush.store.flows)


@pytest.fixture(scope="session")
def recovery(
    old_databases: Callable[[Moment], Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, str], dict[int, Any]]:
    found: tuple[dict[str, str], dict[int, Any]] = run_in_thread(
        finish_changes(copy_database(old_databases(INTERRUPTED), tmp_path_factory.mktemp("recovery")))
    )
    return found


@pytest.mark.parametrize("row", interrupted_rows(), ids=flow_name)
def test_what_a_killed_process_had_in_hand_is_finished(
    recovery: tuple[dict[str, str], dict[int, Any]], row: Json
) -> None:
    ends, flows = recovery
    assert ends[row["id"]] == recorded_end(row)
    if row["kind"] in {"enable", "disable"}:
        assert flows[row["flow_id"]].is_enabled is (row["kind"] == "enable")
    if row["kind"] == "edit":
        assert flows[row["flow_id"]].title == row["asked"]["wanted"]["content"]["title"]
    if row["kind"] == "delete":
        assert row["flow_id"] not in flows
    if row["kind"] in {"create", "restore"} and recorded_end(row) == "applied":
        (made,) = [flow for flow in flows.values() if flow.name == flow_name(row)]
        has_picture = bool(row["asked"]["picture"] or row["asked"]["wanted"]["image"])
        assert (made.image is not None) is has_picture


@pytest.mark.postgresql
def test_so_it_is_on_postgresql(empty_postgresql_url: str) -> None:
    fill_database(empty_postgresql_url, INTERRUPTED)
    ends, _ = run_in_thread(finish_changes(empty_postgresql_url))
    assert {row["id"]: ends[row["id"]] for row in interrupted_rows()} == {
        row["id"]: recorded_end(row) for row in interrupted_rows()
    }


async def test_a_request_that_waited_too_long_expires(restore: Restore) -> None:
    async with restore(WAITING, later=73 * HOUR) as restored:
        await restored.start()
        unsettled = "SELECT id FROM changes WHERE state <> 'expired' OR shown_version < version"
        await restored.wait_until(lambda: not restored.rows(unsettled), lambda: restored.rows(unsettled))
        for row in WAITING.rows("changes"):
            message = restored.world.slack.workspace.find_message(row["message_channel"], row["message_ts"])
            assert message is not None
            assert pressable(message.blocks or []) == set()


async def test_of_a_request_that_waits_approvers_are_reminded(restore: Restore) -> None:
    async with restore(WAITING, later=37 * HOUR) as restored:
        await restored.start()
        messages = restored.world.slack.workspace.messages[APPROVALS]
        asked = {row["message_ts"] for row in WAITING.rows("changes")}
        await restored.wait_until(lambda: {each.thread_ts for each in messages if each.thread_ts} == asked)


# --- what is looked up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
async def test_the_audit_trail_tells_each_event_with_its_words(
    database_of: Callable[[Moment], str], moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with restore_world(moment, database_of(moment), monkeypatch) as restored:
        told = await read_audit_trail(restored.world)
    names = {"channel_id": "channel", "change_id": "change", "flow_id": "flow", "website_id": "website"}
    recorded = [{names.get(name, name): value for name, value in row.items()} for row in moment.rows("events")]
    for row in recorded:
        row["at"] = row["at"].replace(tzinfo=UTC).isoformat()
    assert find_losses(recorded, told) == []


WORDS: Final = {
    "change.submitted", "change.pending", "change.vote", "change.approved", "change.break_glass", "change.applying",
    "change.applied", "change.failed", "change.unknown", "change.checked", "change.rejected", "change.withdrawn",
    "change.expired", "change.out_of_date", "policy.changed", "policy.imported",
}  # fmt: skip
"""The audit trail's words in the first version: they stay for ever."""


@pytest.mark.parametrize("word", sorted(WORDS))
def test_the_audit_trail_keeps_its_words(word: str) -> None:
    assert word in audit_words()


def test_every_word_of_the_audit_trail_was_recorded() -> None:
    assert {row["action"] for moment in MOMENTS for row in moment.rows("events")} == WORDS


def test_every_kind_and_state_of_a_change_was_recorded() -> None:
    rows = [row for moment in MOMENTS for row in [*moment.data["versions"], *moment.rows("changes")]]
    assert {row["kind"] for row in rows} == {"create", "edit", "enable", "disable", "delete", "restore"}
    assert {row["state"] for row in rows} == {
        "draft", "pending", "applying", "applied", "failed", "unknown", "rejected", "withdrawn", "expired",
        "out_of_date",
    }  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
async def test_history_names_who_did_something_to_each_flow(restore: Restore, moment: Moment) -> None:
    async with restore(moment) as restored:
        await restored.start()
        person = restored.world.deniz
        for flow in sorted({row["flow_id"] for row in moment.rows("events") if row["flow_id"]}):
            before = len(restored.list_answers(person, MARKETING))
            await person.send(MARKETING, f"/flows history {flow}")
            await restored.wait_until(lambda before=before: len(restored.list_answers(person, MARKETING)) > before)  # type: ignore[misc]
            answer = restored.list_answers(person, MARKETING)[-1]
            did = [row["actor"] for row in moment.rows("events") if row["flow_id"] == flow and row["actor"]]
            shown = {each for each in did if each in str(answer.blocks)}
            assert shown == set(did), text_of(answer)


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name)
async def test_what_waits_is_listed(restore: Restore, moment: Moment) -> None:
    async with restore(moment) as restored:
        await restored.start()
        person = restored.world.burak
        await person.send(MARKETING, "/flows approvals")
        await restored.wait_until(lambda: restored.list_answers(person, MARKETING))
        answer = text_of(restored.list_answers(person, MARKETING)[-1])
        for row in moment.rows("changes"):
            if row["state"] == "pending":
                assert f"#{row['flow_id']} " in answer
                assert flow_name(row) in answer
