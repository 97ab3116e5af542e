"""What a soak counts at its end is counted: each promise, broken on purpose."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Final, cast

from flowbot.sandbox.enkapush import EnkapushSandbox, LoggedRequest
from flowbot.sandbox.enkapush.request_log import FormField
from flowbot.sandbox.slack import SlackSandbox
from flowbot.sandbox.slack.models import Message
from tests.crashes.bot_processes import Deployment
from tests.journeys.world import APPROVALS, MARKETING
from tests.soak.people import Diary, Submission
from tests.soak.promises import (
    find_double_effects,
    find_lost_changes,
    find_unapproved,
    is_silent,
    is_stuck,
    list_effects,
)

NOW: Final = datetime.now(UTC)


def new_change(kind: str, **cells: Any) -> dict[str, Any]:
    usual = {
        "id": "c1", "kind": kind, "state": "applied", "flow_id": 5, "requester": "U0EMMA", "rule": None,
        "progress": None, "asked": {"wanted": {"content": {"name": "Sale", "title": "Hello"}}}, "sent_at": NOW,
        "created_at": NOW, "message_channel": None, "message_ts": None, "version": 2, "shown_version": 2,
        "lease_until": None,
    }  # fmt: skip
    return usual | cells


def new_request(path: str = "/flows/5", method: str = "POST", **texts: str) -> LoggedRequest:
    """Build a request that took effect on flow 5."""
    fields = tuple(FormField(name, value) for name, value in texts.items())
    return LoggedRequest(
        method=method, path=path, query=(), headers={}, credentials="right", started_at=NOW, fields=fields, changed=(5,)
    )


CREATE, EDIT = new_request("/flows/", name="Sale", title="Hello", is_enabled="0"), new_request(title="Hello")
ENABLE, DELETE = new_request(is_enabled="1"), new_request(method="DELETE")


def test_an_effect_more_than_was_asked_for_is_double() -> None:
    for kind, request in {"create": CREATE, "edit": EDIT, "enable": ENABLE, "delete": DELETE}.items():
        change = new_change(kind)
        assert find_double_effects(list_effects([request]), [change]) == []
        assert len(find_double_effects(list_effects([request] * 2), [change])) == 1
        assert find_double_effects(list_effects([request] * 2), [change | {"progress": {"is_resent": True}}]) == []
        assert len(find_double_effects(list_effects([request]), [change | {"sent_at": None}])) == 1


def test_what_is_live_needs_an_approval() -> None:
    for kind, request in {"enable": ENABLE, "delete": DELETE}.items():
        assert len(find_unapproved(list_effects([request]), [new_change(kind)], set())) == 1
        assert find_unapproved(list_effects([request]), [new_change(kind)], {"c1"}) == []
    changes = [new_change("enable"), new_change("edit", id="c2")]
    assert find_unapproved(list_effects([EDIT, ENABLE]), changes, {"c1"}) == []
    assert len(find_unapproved(list_effects([ENABLE, EDIT]), changes, {"c1"})) == 1
    assert find_unapproved(list_effects([ENABLE, EDIT]), changes, {"c1", "c2"}) == []


def new_diary() -> Diary:
    deployment = SimpleNamespace(slack=SlackSandbox(), enkapush=EnkapushSandbox(api_key="key"))
    return Diary(cast(Deployment, deployment))


def say(diary: Diary, text: str, channel: str = MARKETING, **fields: Any) -> None:
    workspace = diary.deployment.slack.workspace
    workspace.messages[channel].append(Message(f"{time.time():.6f}", channel, workspace.bot.id, text, **fields))


def test_a_form_without_a_row_or_a_message_is_lost() -> None:
    diary = new_diary()
    diary.submissions.append(Submission("U0EMMA", "Hello", "#5", time.time()))
    assert find_lost_changes(diary, [new_change("edit")]) == []
    assert len(find_lost_changes(diary, [])) == 1
    say(diary, "Flow #5 was not changed", ephemeral_to="U0BURAK")
    assert len(find_lost_changes(diary, [])) == 1
    say(diary, "Flow #5 was not changed", ephemeral_to="U0EMMA")
    assert find_lost_changes(diary, []) == []


def test_an_end_that_its_requester_was_not_told_is_silent() -> None:
    change = new_change("enable", message_channel=APPROVALS, message_ts="1.1")
    for words in ({"text": "Sale is live", "thread_ts": "1.1"}, {"text": "#5 Sale is live", "ephemeral_to": "U0EMMA"}):
        diary = new_diary()
        say(diary, "Approval requested – #5 Sale", ephemeral_to="U0EMMA")
        assert is_silent(diary.deployment, diary, change)
        assert not is_silent(diary.deployment, diary, {**change, "state": "pending"})
        say(diary, channel=APPROVALS, **words)
        assert not is_silent(diary.deployment, diary, change)


def test_what_is_in_hand_untold_or_under_an_old_lease_is_stuck() -> None:
    assert not is_stuck(new_change("edit"), NOW)
    assert is_stuck(new_change("edit", state="applying"), NOW)
    assert is_stuck(new_change("edit", shown_version=1), NOW)
    assert is_stuck(new_change("edit", lease_until=NOW - timedelta(minutes=1)), NOW)
