"""Values sent to Enkapush: strict, in exact parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flowbot.domain.fields import FIELDS
from flowbot.enkapush.client import TTL_SECONDS, FlowPatch, ImagePart, NewFlow, WaitUnit, models
from tests.enkapush.scripted_server import new_flow

REQUIRED = {
    "website_id": (None, b"1"),
    "name": (None, b"Welcome"),
    "title": (None, b"Merhaba"),
    "description": (None, "Hoş geldin".encode()),
    "wait_time": (None, b"3"),
    "wait_time_type": (None, b"days"),
}


def test_a_creation_sends_what_is_required_and_that_it_is_disabled() -> None:
    assert dict(new_flow().parts()) == REQUIRED | {"is_enabled": (None, b"0")}


def test_a_creation_sends_enabled_as_1_where_it_is_asked_for() -> None:
    assert dict(new_flow(is_enabled=True).parts())["is_enabled"] == (None, b"1")


@pytest.mark.parametrize(
    ("field", "value", "sent"),
    [
        ("url", "", b""),
        ("is_silent", False, b"0"),
        ("is_auto_hide", True, b"1"),
        ("is_enabled", False, b"0"),
        ("ttl", 0, b"0"),
        ("ttl", 2419200, b"2419200"),
        ("segment", "all", b"all"),
        ("segment", 7, b"7"),
        ("wait_time", 0, b"0"),
        ("wait_time_type", WaitUnit.HOURS, b"hours"),
        ("utm_source", "push", b"push"),
    ],
)
def test_an_update_sends_the_one_field_that_is_set(field: str, value: Any, sent: bytes) -> None:
    assert FlowPatch(**{field: value}).parts() == [(field, (None, sent))]


def test_an_update_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least one field"):
        FlowPatch()


@pytest.mark.parametrize(
    "wrong",
    [
        {"ttl": 60},
        {"ttl": "900"},
        {"wait_time": -1},
        {"wait_time": True},
        {"wait_time_type": "weeks"},
        {"segment": "some"},
        {"segment": 0},
        {"website_id": 0},
        {"is_enabled": "false"},
        {"is_enabled": 1},
        {"name": "\ud800"},
        {"colour": "red"},
    ],
)
def test_what_the_documentation_does_not_allow_is_not_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FlowPatch(**wrong)
    with pytest.raises(ValidationError):
        new_flow(**wrong)


@pytest.mark.parametrize("field", ["name", "title", "description"])
def test_a_creation_needs_its_texts(field: str) -> None:
    with pytest.raises(ValidationError):
        new_flow(**{field: ""})


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (12, 12),
        ("12", 12),
        (0, 0),
        (1e30, models.MAX_AMOUNT),
        (10**40, models.MAX_AMOUNT),
        (-1, None),
        (None, None),
        ("", None),
        ("many", None),
        ("12,340", None),
        (1.5, None),
        (True, None),
        ([], None),
    ],
)
def test_a_number_of_subscribers_that_is_none_is_not_taken_for_nobody(sent: Any, read: int | None) -> None:
    record = {"id": 1, "website_id": 1, "name": "VIP"}
    assert models.Segment.model_validate(record | {"total_subscribers": sent}).total_subscribers == read
    assert models.Segment.model_validate(record).total_subscribers is None


@pytest.mark.parametrize("seconds", TTL_SECONDS)
def test_every_documented_time_to_live_is_accepted(seconds: Any) -> None:
    assert FlowPatch(ttl=seconds).parts() == [("ttl", (None, str(seconds).encode()))]


@pytest.mark.parametrize("kind", ["image/png\r\nX-Evil: 1", "image", "", "image/png; a=b", "image/png\n"])
def test_a_content_type_cannot_smuggle_a_header(kind: str) -> None:
    with pytest.raises(ValidationError):
        ImagePart(filename="a.png", content=b"x", content_type=kind)


@given(st.text())
def test_a_filename_is_sent_without_what_parsers_disagree_about(filename: str) -> None:
    name = ImagePart(filename=filename, content=b"x", content_type="image/png").safe_filename
    assert name
    assert not set(name) & set('"\\/\r\n\0;%')
    name.encode()


def test_an_image_does_not_print_its_bytes() -> None:
    image = ImagePart(filename="a.png", content=b"\x89PNG", content_type="image/png")
    assert "PNG" not in repr(FlowPatch(image=image))


def test_the_table_of_fields_names_all_that_can_be_sent_and_only_what_can_be_read() -> None:
    names = {field.wire_name for field in FIELDS.values()}
    assert names | {"is_enabled"} == NewFlow.model_fields.keys() == FlowPatch.model_fields.keys()
    read_back = {field.wire_name for field in FIELDS.values() if field.is_read_back}
    assert read_back < models.Flow.model_fields.keys() | models.FlowSettings.model_fields.keys()
