"""Malformed payloads, as a stranger with the signing secret, a broken proxy or a Slack of tomorrow may send them."""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

EXAMPLES: Final = int(os.environ.get("FLOWBOT_TEST_EXAMPLES", "25"))
"""How many of each kind; a longer run asks for more."""

MANY: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 25,
    # To shrink what failed takes minutes: it is left to longer runs.
    phases=[Phase.generate] if EXAMPLES == 25 else list(Phase),
    suppress_health_check=list(HealthCheck),
)

TEXTS: Final = st.text(st.characters(exclude_categories=()), max_size=30)
"""Of every plane, with NUL and halves of surrogate pairs."""


def nested_list(levels: int) -> Any:
    """Return lists in lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


WEIRD: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    2**63,
    10**30,
    1.5,
    1e308,
    "",
    " ",
    "\0",
    "\ud800",
    "\U0010ffff",
    "\u202e",
    "x" * 5000,
    "1",
    "*",
    [],
    {},
    [None],
    [[]],
    {"id": None},
    {"id": 5},
    {"type": []},
    {"value": {}},
    nested_list(60),
    ["x"] * 300,
    "C0AGENCY",
    "T0WERBE",
    "U0JONAS",
    "USLACKBOT",
    "flows.form",
    "flows.setup",
    "flows.setup.step",
    "changes.reason",
    "home",
    "modal",
    "file:///etc/passwd",
    "http://169.254.169.254/latest/meta-data",
    "http://[::1]:1/",
    "/flows",
    "flows.form.typed",
    "flows.list.next",
    "flows.show.share",
    "changes.approve",
    "changes.withdraw",
    "changes.restore",
    "flows.enable",
    "flows.change",
    "app_mention",
    "<@U0FLOWBOT> list",
    '{"f":1}',
    '{"f":99999999999999999999}',
    '{"f":-1}',
    '{"f":"1"}',
    '{"f":true}',
    '{"f":1.0}',
    '{"c":"x"}',
    '{"c":""}',
    '{"c":null}',
    '{"c":"\\u0000"}',
    '{"c":"\\ud800"}',
    '{"p":0}',
    '{"p":1e400}',
    '{"p":999999999999}',
    "{",
    "null",
    "[]",
    '{"w":["\\ud800"]}',
    '{"s":99999999999999999999}',
    "[" * 20000,
    '{"f":' * 20000,
    "9" * 6000,
    '{"purpose":"break_glass","change":"x","channel":null}',
    '{"purpose":"reject","change":"x","channel":"C0AGENCY"}',
    '{"token":"t","kind":"create","channel":"C0AGENCY"}',
    '{"token":"t","kind":"edit","channel":"C0MARKETING","flow":1}',
    '{"token":"t","kind":"edit","channel":"C0MARKETING","flow":99999999999999999999}',
    '{"token":"\\u0000","kind":"duplicate","channel":"C0MARKETING","image":"x","turn":99999999999999999999}',
    '{"channel":"C0MARKETING","seen":"\\ud800"}',
    '{"token":"t","origin":"C0AGENCY","thread":"\\u0000"}',
    '{"channel":"C0MARKETING","seen":"","timezone":"../../etc/passwd"}',
    '{"token":"t","kind":"create","channel":"C0MARKETING","locale":"\\u0000","timezone":"/etc/passwd","website":99999}',
)

ANY_WEIRD: Final = st.sampled_from(WEIRD).map(deepcopy)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | ANY_WEIRD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)

ANY: Final = ANY_WEIRD | JSON.map(deepcopy)

KEYS: Final = (
    "type",
    "user",
    "team",
    "channel",
    "container",
    "message",
    "view",
    "actions",
    "trigger_id",
    "response_url",
    "event",
    "callback_id",
    "action_id",
    "block_id",
    "value",
    "command",
    "text",
    "user_id",
    "channel_id",
    "team_id",
    "challenge",
    "token",
    "api_app_id",
    "enterprise",
    "is_enterprise_install",
    "authorizations",
    "action_ts",
    "state",
    "function_data",
)
TYPES: Final = (
    "block_actions", "view_submission", "view_closed", "block_suggestion", "shortcut", "message_action",
    "workflow_step_edit", "interactive_message", "dialog_submission", "dialog_cancellation", "dialog_suggestion",
    "event_callback", "url_verification", "app_rate_limited", "function", "ssl_check", "", "martian",
)  # fmt: skip


@st.composite
def free_payloads(draw: st.DrawFn) -> dict[str, Any]:
    """Draw free payloads: the keys that Slack uses, with anything in them."""
    free: dict[str, Any] = draw(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
    if draw(st.booleans()):
        free["type"] = draw(st.sampled_from(TYPES))
    if draw(st.booleans()):
        free["user"] = {"id": "U0EMMA", "team_id": "T0LALE"}
    return free


def list_paths(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each part of a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*here, key)
        yield from list_paths(part, (*here, key))


@st.composite
def mutated_payloads(draw: st.DrawFn, real: dict[str, Any]) -> dict[str, Any]:
    """Draw a real payload with one to three of its parts taken out, replaced, or joined by another."""
    value = deepcopy(real)
    for _ in range(draw(st.integers(1, 3))):
        ways = list(list_paths(value))
        if not ways:
            break
        *way, last = draw(st.sampled_from(ways))
        parent = value
        for key in way:
            parent = parent[key]
        match draw(st.sampled_from(("replace", "replace", "drop", "add", "wrap"))):
            case "replace":
                parent[last] = draw(ANY)
            case "drop":
                del parent[last]
            case "add" if isinstance(parent, dict):
                parent[draw(st.sampled_from(KEYS) | TEXTS)] = draw(ANY)
            case _:
                parent[last] = [parent[last]]
    return value


def repeat_key(payload: dict[str, Any], key: str, value: Any) -> str:
    """Return the payload as JSON in which a key stands twice."""
    return json.dumps(payload)[:-1] + f", {json.dumps(key)}: {json.dumps(value)}}}"
