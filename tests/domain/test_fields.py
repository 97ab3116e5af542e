"""The table of a flow's fields: whole, and enough for a plain field of any kind."""

from dataclasses import fields, replace
from typing import get_type_hints

import pytest
from pydantic import TypeAdapter

from flowbot.domain.fields import FIELDS, LABEL_KEYS, PLAIN_FIELDS, SETTINGS, FieldKind, FormKind, default_values
from flowbot.domain.flow import FlowContent, WriteOnlyFields
from flowbot.domain.ids import WebsiteId
from flowbot.domain.validation import draft_content, validate_form

SHOP = WebsiteId(1)
FILLED = default_values(SHOP) | {"name": "Welcome", "title": "Hello", "description": "Glad", "silent": "1"}


def test_every_attribute_of_a_flow_stands_in_the_table() -> None:
    read_back = {each.attribute.partition(".")[0] for each in FIELDS.values() if each.is_read_back}
    assert read_back == {each.name for each in fields(FlowContent)}
    assert read_back < LABEL_KEYS.keys()
    assert set(SETTINGS) < read_back
    write_only = {each.attribute for each in FIELDS.values() if each.is_write_only}
    assert write_only == {each.name for each in fields(WriteOnlyFields)}


def test_what_is_read_from_a_form_has_the_type_of_its_attribute() -> None:
    content = draft_content(FILLED)
    for name, kind in get_type_hints(FlowContent).items():
        TypeAdapter(kind).validate_python(getattr(content, name), strict=True)


@pytest.mark.parametrize("name", PLAIN_FIELDS.values())
def test_a_choice_has_words_and_a_checkbox_its_own(name: str) -> None:
    assert bool(FIELDS[name].box) is (FIELDS[name].kind is FieldKind.CHECKBOX)
    assert bool(FIELDS[name].choices) is (FIELDS[name].kind is FieldKind.CHOICE)


@pytest.mark.parametrize(
    ("kind", "typed", "value", "problem"),
    [
        (FieldKind.TEXT, " any text ", " any text ", None),
        (FieldKind.URL, " https://a.example ", "https://a.example", None),
        (FieldKind.URL, "a.example", None, "form.problem_url"),
        (FieldKind.NUMBER, "", None, None),
        (FieldKind.NUMBER, " 007 ", 7, None),
        (FieldKind.NUMBER, "10", None, "form.problem_number"),
        (FieldKind.NUMBER, "-1", None, "form.problem_number"),
        (FieldKind.CHECKBOX, "", False, None),
        (FieldKind.CHECKBOX, "1", True, None),
        (FieldKind.CHOICE, "", "", None),
        (FieldKind.CHOICE, "red", "red", None),
        (FieldKind.CHOICE, "blue", None, "form.problem_choice"),
    ],
)
def test_a_plain_field_that_is_optional_is_read_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, kind: FieldKind, typed: str, value: object, problem: str | None
) -> None:
    field = replace(FIELDS["url"], kind=kind, choices={"red": "color.red"}, max_number=9)
    monkeypatch.setitem(FIELDS, "url", field)
    checked = validate_form(FILLED | {"url": typed}, kind=FormKind.CREATE, before=None, websites=[SHOP])
    assert {name: text.key for name, text in checked.problems.items()} == ({"url": problem} if problem else {})
    assert problem or (checked.wanted is not None and checked.wanted.content.url == value)
