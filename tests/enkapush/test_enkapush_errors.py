"""Errors of Enkapush's client: what they tell, and the secrets that they keep."""

import copy
import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowbot.enkapush.client import (
    AuthError,
    ConnectError,
    ConnectionLostError,
    EnkapushError,
    Exchange,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ResponseError,
    ServerError,
    TransportError,
    UnexpectedRedirectError,
)
from flowbot.enkapush.client.errors import Redactor, parse_error_messages
from tests.enkapush.scripted_server import KEY

DOUBTFUL: list[type[EnkapushError]] = [
    RequestTimeoutError,
    ConnectionLostError,
    ServerError,
    UnexpectedRedirectError,
    MalformedResponseError,
]
REFUSED: list[type[EnkapushError]] = [ResponseError, AuthError, NotFoundError, InvalidError, RateLimitedError]


@pytest.mark.parametrize("kind", DOUBTFUL)
def test_a_write_that_left_and_got_no_clear_answer_is_ambiguous(kind: type[EnkapushError]) -> None:
    assert kind("-", Exchange(method="POST", sent=True)).ambiguous
    assert kind("-", Exchange(method="DELETE", sent=True)).ambiguous


@pytest.mark.parametrize("kind", REFUSED)
def test_a_write_that_was_refused_is_certain(kind: type[EnkapushError]) -> None:
    assert not kind("-", Exchange(method="POST", sent=True)).ambiguous


@pytest.mark.parametrize("kind", [ConnectError, RequestTimeoutError, ConnectionLostError])
def test_a_write_that_never_left_is_certain(kind: type[EnkapushError]) -> None:
    assert not kind("-", Exchange(method="POST", sent=False)).ambiguous


@pytest.mark.parametrize("kind", DOUBTFUL + REFUSED)
def test_a_read_is_never_ambiguous(kind: type[EnkapushError]) -> None:
    assert not kind("-", Exchange(method="GET", sent=True)).ambiguous


@pytest.mark.parametrize("kind", [*DOUBTFUL, *REFUSED, ConnectError, TransportError])
def test_errors_survive_copies_and_pickles_whole(kind: type[EnkapushError]) -> None:
    exchange = Exchange("POST", "/flows/3", True, 2, 422, "r-1", "body", 3.0, {"name": ("too long",)})
    error = kind("refused", exchange)
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert (twin.exchange, twin.reason, str(twin)) == (exchange, "refused", str(error))


def test_an_error_names_the_call_and_the_request_id() -> None:
    error = ServerError("status 500", Exchange("GET", "/flows/3", status=500, request_id="r-1"))
    assert str(error) == "GET /flows/3: status 500 (request id r-1)"


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"errors": {"title": ["too long", "too loud"]}}, {"title": ("too long", "too loud")}),
        ({"errors": {"title": "too long"}}, {"title": ("too long",)}),
        ({"errors": [{"field": "url", "message": "not a link"}]}, {"url": ("not a link",)}),
        ({"errors": [{"title": "Wrong value", "status": 400}]}, {"": ("Wrong value",)}),
        ({"errors": [{"source": {"pointer": "/data/title"}, "detail": "no"}]}, {"title": ("no",)}),
        ({"detail": [{"loc": ["body", "ttl"], "msg": "bad", "type": "x"}]}, {"ttl": ("bad",)}),
        ({"errors": ["first", "second", "first"]}, {"": ("first", "second")}),
        ({"error": {"code": 7, "message": "No."}}, {"": ("No.",)}),
        ({"error": "No."}, {"": ("No.",)}),
        (
            {"message": "Invalid.", "errors": {"name": ["needed"]}},
            {"name": ("needed",), "": ("Invalid.",)},
        ),
        ({"status": 400}, {}),
        (["what", "is", "this"], {}),
        (None, {}),
    ],
)
def test_error_messages_are_found_in_the_usual_shapes(body: object, found: dict[str, tuple[str, ...]]) -> None:
    assert parse_error_messages(json.dumps(body).encode()) == found


@pytest.mark.parametrize("body", [b"", b"<html>no</html>", b"\xff\xfe", b"[" * 100_000])
def test_bodies_that_are_no_json_hold_no_error_messages(body: bytes) -> None:
    assert parse_error_messages(body) == {}


@pytest.mark.parametrize("depth", [90, 98, 500, 100_000])
@pytest.mark.parametrize(
    ("opened", "closed"), [('{"x":{"field":', "}}"), ('[{"field":', "}]"), ('{"source":{"x":', "}}")]
)
def test_a_deep_error_body_is_searched_as_far_as_it_is_parsed(depth: int, opened: str, closed: str) -> None:
    body = '{"message": "Too long", "errors": ' + opened * depth + '"Deep"' + closed * depth + "}"
    found = [text for texts in parse_error_messages(body.encode()).values() for text in texts]
    assert found == (["Deep", "Too long"] if depth < 100 else [])


def test_half_a_surrogate_in_an_error_body_is_replaced() -> None:
    assert parse_error_messages(rb'{"errors": {"\ud800": ["No \udfff"]}}') == {"\ufffd": ("No \ufffd",)}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["errors", "message", "title", "field", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_error_body_breaks_the_search_for_messages(body: object) -> None:
    for field, texts in parse_error_messages(json.dumps(body).encode()).items():
        assert isinstance(field, str)
        assert all(texts)


@given(st.text(max_size=700), st.text(max_size=700))
def test_a_key_across_the_cut_of_a_body_leaves_no_trace(before: str, after: str) -> None:
    start = Redactor(KEY).redact_body((before + KEY + KEY + after).encode("utf-8", "replace"))
    assert len(start) <= 500
    assert KEY[:8] not in start


@pytest.mark.parametrize("spelling", [KEY, KEY.replace("/", "\\/"), "ek-live-Zm9v%2BYmFy%2F42"])
def test_the_key_is_blotted_out_in_every_spelling(spelling: str) -> None:
    assert Redactor(KEY).redact(f"key={spelling}!") == "key=***!"


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "şifre", "tab\t"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        Redactor(key)
    assert not key or key not in str(caught.value)
