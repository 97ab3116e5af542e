"""What is known of fields that cannot be read back, after each of flowbot's writes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from flowbot.domain.change import Change, ChangeKind, ChangeRequest, ChangeState, Outcome
from flowbot.domain.flow import DesiredFlow, Flow, FlowContent, WaitTime, WriteOnlyFields
from flowbot.domain.ids import ChangeId, ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.known_settings import NOTHING_KNOWN, KnownSettings, KnownValue, SettingsWrite, settings_write
from flowbot.domain.outcomes import ChangeResult
from flowbot.domain.progress import Progress

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
FLOW: Final = Flow(
    WebsiteId(1), "Name", "Title", "Text", WaitTime(1, "days"), id=FlowId(7), is_enabled=False, changed_at=NOON
)
AFTER: Final = replace(FLOW, changed_at=NOON + HOUR)


def write(hours: int, *, values: WriteOnlyFields | None = None, before: int | None = None) -> SettingsWrite:
    """Build a write that was sent and read back so many hours after noon, of a flow last changed `before`."""
    at, seen = NOON + hours * HOUR, NOON + (hours - 1 if before is None else before) * HOUR
    return SettingsWrite(FlowId(7), ChangeId(f"c{hours}"), values or WriteOnlyFields(), at, seen, at)


def new_change(kind: ChangeKind, values: WriteOnlyFields | None = None, **other: Any) -> Change:
    wanted = None if values is None else DesiredFlow(FlowContent.of(FLOW), values)
    flow = None if kind in {ChangeKind.CREATE, ChangeKind.RESTORE} else FLOW.id
    request = ChangeRequest(
        FormToken("t"), kind, UserId("U0EMMA"), ChannelId("C1"), WebsiteId(1), flow=flow, before=FLOW, wanted=wanted
    )
    given: dict[str, Any] = {"sent_at": NOON, **other}
    return Change(ChangeId("c1"), request, ChangeState.APPLYING, 3, NOON, NOON, **given)


def applied(before: Flow | None = FLOW) -> ChangeResult:
    return ChangeResult(ChangeState.APPLIED, Outcome("applied"), AFTER, before=before)


# --- field by field ------------------------------------------------------------------------------------------------


def test_a_write_sets_its_fields_and_leaves_the_others() -> None:
    first = NOTHING_KNOWN.after(write(1, values=WriteOnlyFields("all", "news", "push", "")))
    second = first.after(write(2, values=WriteOnlyFields(segment="7")))
    assert second.values == WriteOnlyFields("7", "news", "push", "")
    assert (second.segment, second.utm_source) == (
        KnownValue("7", NOON + 2 * HOUR, ChangeId("c2"), NOON + 2 * HOUR),
        KnownValue("news", NOON + HOUR, ChangeId("c1"), NOON + 2 * HOUR),
    )
    assert second.doubtful(NOON + 2 * HOUR) == ()


def test_what_was_never_set_stays_unknown_and_is_not_empty() -> None:
    assert NOTHING_KNOWN.after(write(1)) == NOTHING_KNOWN
    assert NOTHING_KNOWN.after(write(1, values=WriteOnlyFields(segment="7"))).values == WriteOnlyFields(segment="7")


def test_a_change_made_outside_makes_values_doubtful_until_they_are_set_anew() -> None:
    known = NOTHING_KNOWN.after(write(1, values=WriteOnlyFields("7", "news")))
    assert known.doubtful(NOON + HOUR) == ()
    assert known.doubtful(NOON + 2 * HOUR) == ("segment", "utm_source")
    toggled = known.after(write(3, before=2))
    assert toggled.doubtful(NOON + 3 * HOUR) == ("segment", "utm_source")
    assert toggled.after(write(4, values=WriteOnlyFields("8"))).doubtful(NOON + 4 * HOUR) == ("utm_source",)


def test_a_write_that_is_settled_after_a_later_one_does_not_take_its_place() -> None:
    known = NOTHING_KNOWN.after(write(2, values=WriteOnlyFields("8")))
    late = known.after(write(1, values=WriteOnlyFields("7", "news")))
    assert late.values == WriteOnlyFields("8", "news")
    assert late.doubtful(NOON + 2 * HOUR) == ("utm_source",)


@pytest.mark.parametrize(
    ("known", "dated", "is_doubtful"),
    [
        (NOON, NOON, False),
        (NOON, NOON + HOUR, True),
        (NOON, NOON - HOUR, False),
        (NOON, None, False),
        (None, NOON, True),
        (None, None, False),
    ],
)
def test_a_value_is_doubtful_where_the_flow_was_changed_later(
    known: datetime | None, dated: datetime | None, is_doubtful: bool
) -> None:
    assert KnownValue("7", NOON, ChangeId("c1"), known).is_doubtful(dated) is is_doubtful


# --- of a change ---------------------------------------------------------------------------------------------------


def test_a_new_flow_was_given_nothing_where_nothing_was_sent() -> None:
    made = settings_write(new_change(ChangeKind.CREATE, WriteOnlyFields("all")), applied(None))
    assert made is not None
    assert (made.values, made.changed_at, made.sent_at) == (WriteOnlyFields("all", "", "", ""), NOON + HOUR, NOON)


@pytest.mark.parametrize("kind", [ChangeKind.EDIT, ChangeKind.RESTORE])
def test_of_an_edit_or_a_restore_only_what_was_sent_is_known(kind: ChangeKind) -> None:
    made = settings_write(new_change(kind, WriteOnlyFields("7")), applied())
    assert made is not None
    assert made.values == WriteOnlyFields("7")


@pytest.mark.parametrize(
    ("result", "change"),
    [
        (replace(applied(), state=ChangeState.UNKNOWN), new_change(ChangeKind.EDIT, WriteOnlyFields("7"))),
        (replace(applied(), flow=None), new_change(ChangeKind.CREATE, WriteOnlyFields("7"))),
    ],
)
def test_what_is_not_applied_or_not_found_tells_nothing(result: ChangeResult, change: Change) -> None:
    assert settings_write(change, result) is None


def test_the_flow_right_before_the_write_tells_of_a_change_made_outside() -> None:
    touched = replace(FLOW, changed_at=NOON + HOUR / 2)
    made = settings_write(new_change(ChangeKind.ENABLE), applied(touched))
    resent = settings_write(new_change(ChangeKind.ENABLE, progress=Progress(is_resent=True)), applied(touched))
    assert made is not None
    assert resent is not None
    assert (made.before_changed_at, resent.before_changed_at) == (NOON + HOUR / 2, NOON)


@pytest.mark.parametrize(("hours", "doubtful"), [(1, ()), (2, ("segment",))])
def test_a_deletion_tells_whether_somebody_changed_the_flow_before_it(hours: int, doubtful: tuple[str, ...]) -> None:
    known = NOTHING_KNOWN.after(write(1, values=WriteOnlyFields("7")))
    result = replace(applied(replace(FLOW, changed_at=NOON + hours * HOUR)), flow=None)
    made = settings_write(new_change(ChangeKind.DELETE), result)
    assert made is not None
    assert known.after(made).doubtful(NOON) == known.after(made).doubtful(None) == doubtful
    assert known.after(made).values == WriteOnlyFields("7")


def test_values_and_names_stand_in_the_order_of_the_form() -> None:
    assert [name for name, _ in KnownSettings().items()] == ["segment", "utm_source", "utm_medium", "utm_campaign"]
