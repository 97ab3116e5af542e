"""Visible and invisible text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.domain.fields import FormKind, FormValues, default_values, form_values
from flowbot.domain.flow import Flow, WaitTime
from flowbot.domain.ids import FlowId, WebsiteId
from flowbot.domain.text import is_blank
from flowbot.domain.validation import validate_form

INVISIBLE = "\u200b\u3164\u00ad\u2800\u2060\u034f\u202e\u115f\u1160\uffa0\u00a0\u2028\u2029\ufe0f\u180e\t\n\r \0\x7f"
SHOP = WebsiteId(1)
UNSEEN = st.text(
    st.one_of(st.sampled_from(INVISIBLE), st.characters(categories=["Cf", "Cc", "Zs", "Zl", "Zp", "Mn"])), max_size=20
)
SEEN = st.characters(categories=["Lu", "Ll", "Lt", "Nd", "Nl", "Sm", "Sc", "Pd", "Ps", "Pe", "Po"])
REQUIRED_TEXTS = st.sampled_from(["name", "title", "description"])


def form_values_with(**texts: str) -> FormValues:
    return default_values(SHOP) | {"name": "Spring", "title": "Hello", "description": "Come"} | texts


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_a_character_that_nobody_sees_is_blank(character: str) -> None:
    assert is_blank(character)
    assert is_blank(character * 3)


def test_nothing_is_blank() -> None:
    assert is_blank("")


@pytest.mark.parametrize("text", ["ğ", "漢", "ب", "👍", "0", ".", "👩\u200d💻", "e\u0301", "\u200bx", "\U00020000"])
def test_a_text_of_which_something_is_seen_is_not_blank(text: str) -> None:
    assert not is_blank(text)


@given(UNSEEN)
def test_however_many_of_them_stay_blank(text: str) -> None:
    assert is_blank(text)


@given(UNSEEN, SEEN, UNSEEN)
def test_one_character_that_is_seen_is_enough(before: str, seen: str, after: str) -> None:
    assert not is_blank(before + seen + after)


@given(REQUIRED_TEXTS, UNSEEN)
def test_a_required_text_that_nobody_sees_is_missing(name: str, unseen: str) -> None:
    checked = validate_form(form_values_with(**{name: unseen}), kind=FormKind.CREATE, before=None, websites={SHOP})
    assert {field: problem.key for field, problem in checked.problems.items()} == {name: "form.problem_required"}


@given(REQUIRED_TEXTS, UNSEEN, SEEN, UNSEEN)
def test_a_text_that_is_seen_is_kept_with_all_that_is_not(name: str, before: str, seen: str, after: str) -> None:
    checked = validate_form(
        form_values_with(**{name: before + seen + after}), kind=FormKind.CREATE, before=None, websites={SHOP}
    )
    assert checked.wanted is not None
    assert getattr(checked.wanted.content, name) == before + seen + after


def test_what_a_flow_has_already_is_not_refused() -> None:
    flow = Flow(SHOP, "\u200b", "Hello", "Come", WaitTime(1, "days"), id=FlowId(1), is_enabled=False)
    checked = validate_form(form_values(flow) | {"title": "New"}, kind=FormKind.EDIT, before=flow, websites={SHOP})
    assert checked.wanted is not None
    assert checked.wanted.content.name == "\u200b"
