"""Which contents of a flow its changes carry, and may be asked for again."""

from dataclasses import replace

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.findings import Finding
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, WaitTime
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, ReportId, UserId, WebsiteId
from flowbot.domain.versions import Step, VersionRef, content_after, find_versions
from tests.storage.change_cases import NOON

A, B, C, D = (FlowContent(WebsiteId(1), "Name", title, "Text", WaitTime(1, "days")) for title in "ABCD")


def flow_of(content: FlowContent) -> Flow:
    fields = {name: getattr(content, name) for name in FlowContent.__dataclass_fields__}
    return Flow(**fields, id=FlowId(7), is_enabled=False)


def change_of(
    name: str,
    kind: ChangeKind,
    before: FlowContent | None,
    after: FlowContent | None = None,
    state: ChangeState = ChangeState.APPLIED,
) -> Change:
    request = ChangeRequest(
        FormToken(name), kind, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1),
        before=flow_of(before) if before else None, wanted=DesiredFlow(after) if after else None,
    )  # fmt: skip
    return Change(ChangeId(name), request, state, 3, NOON, NOON, outcome=Outcome("applied"))


MADE = change_of("made", ChangeKind.CREATE, None, A)
EDIT = change_of("edit", ChangeKind.EDIT, A, B)
LATER = change_of("later", ChangeKind.EDIT, B, C)
ENABLED = change_of("enabled", ChangeKind.ENABLE, C)
REFUSED = change_of("refused", ChangeKind.EDIT, C, D, ChangeState.REJECTED)
ELSEWHERE = change_of("elsewhere", ChangeKind.DISABLE, D)

CASES = [
    ("all through flowbot", [ENABLED, LATER, EDIT, MADE], None, C, ["edit", "made"]),
    ("nothing earlier", [MADE], None, A, []),
    ("changed elsewhere since", [LATER], EDIT, D, ["later"]),
    ("from before flowbot", [EDIT], None, B, ["before edit"]),
    ("on the next page", [LATER], EDIT, C, []),
    ("changed elsewhere in between", [ELSEWHERE, LATER], EDIT, A, ["before elsewhere", "later"]),
    ("what was refused never was", [REFUSED, LATER], EDIT, C, []),
]


@pytest.mark.parametrize(
    ("newest_first", "older", "current", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_each_earlier_content_is_found_where_it_came_to_be(
    newest_first: list[Change], older: Change | None, current: FlowContent, expected: list[str]
) -> None:
    steps = [Step.of_change(change) for change in newest_first]
    found = find_versions(steps, Step.of_change(older) if older else None, current)
    assert sorted(f"before {ref.origin}" if ref.is_before else ref.origin for ref in found) == sorted(expected)


def test_a_version_is_what_enkapush_stored() -> None:
    params = {"stored_otherwise": [{"field": "title", "before": "B", "after": "b"}]}
    edit = replace(EDIT, outcome=Outcome("applied.edit", params))
    assert content_after(edit) == replace(B, title="b")
    found = find_versions([Step.of_change(edit)], Step.of_change(MADE), C)
    assert found == {VersionRef(edit.id, is_before=False): replace(B, title="b")}


def test_what_was_seen_outside_flowbot_is_a_version_of_its_own() -> None:
    seen = Step.of_finding(ReportId("seen"), Finding(flow_of(B), flow_of(C)))
    steps = [Step.of_change(change_of("later", ChangeKind.EDIT, C, D)), seen, Step.of_change(EDIT)]
    assert find_versions(steps, Step.of_change(MADE), D) == {
        VersionRef(ReportId("seen"), is_before=False, is_finding=True): C,
        VersionRef(EDIT.id, is_before=False): B,
    }
