"""The client against a whole Enkapush, in good days and bad ones."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from flowbot.enkapush.client import (
    TTL_SECONDS,
    AuthError,
    ConnectionLostError,
    EnkapushClient,
    EnkapushError,
    FlowPatch,
    ImagePart,
    InvalidError,
    MalformedResponseError,
    NotFoundError,
    RateLimitedError,
    RequestTimeoutError,
    ServerError,
    Timeouts,
    UnexpectedRedirectError,
    WaitUnit,
)
from flowbot.sandbox.enkapush import EnkapushSandbox, Fault, Segment
from flowbot.sandbox.enkapush.faults import Hang
from tests.enkapush.scripted_server import IMPATIENT, KEY, ONE_TRY, FakeTiming, MakeClient, new_flow

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 32


@pytest.fixture
def sandbox() -> EnkapushSandbox:
    sandbox = EnkapushSandbox(api_key=KEY)
    sandbox.store.add_segment(Segment(id=7, website_id=1, name="Sadık müşteriler", datetime=sandbox.store.now()))
    return sandbox


@pytest.fixture
async def url(sandbox: EnkapushSandbox) -> AsyncIterator[str]:
    async with sandbox.serve() as url:
        yield url


@pytest.fixture
def client(url: str, make_client: MakeClient) -> EnkapushClient:
    return make_client(url)


# --- good days -------------------------------------------------------------------------------------------------


async def test_a_flow_lives_from_creation_to_deletion(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    flow_id = await client.flows.create(new_flow(url="https://lale.example", ttl=900, segment=7))
    created = await client.flows.get(flow_id)
    assert (created.name, created.url, created.settings.ttl) == ("Welcome", "https://lale.example", 900)
    assert (created.is_enabled, sandbox.store.flow(flow_id).segment) == (False, "7")

    assert await client.flows.update(flow_id, FlowPatch(is_enabled=True, url="")) == flow_id
    changed = await client.flows.get(flow_id)
    assert (changed.is_enabled, changed.url, changed.name) == (True, "", "Welcome")

    await client.flows.delete(flow_id)
    with pytest.raises(NotFoundError):
        await client.flows.get(flow_id)


async def test_an_update_leaves_alone_what_was_not_set(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    flow = sandbox.store.add_flow(segment="7", utm_source="push", is_silent=True, button_title_1="Git")
    await client.flows.update(flow.id, FlowPatch(title="Yeni"))
    assert sandbox.requests[-1].texts == {"title": "Yeni"}
    kept = sandbox.store.flow(flow.id)
    assert (kept.title, kept.segment, kept.utm_source) == ("Yeni", "7", "push")
    assert (kept.is_silent, kept.button_title_1) == (True, "Git")


async def test_an_image_goes_up_with_its_name_and_kind(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    image = ImagePart(filename="gül resmi.png", content=PNG, content_type="image/png")
    flow_id = await client.flows.create(new_flow(image=image))
    sent = sandbox.requests[-1].files["image"]
    assert (sent.filename, sent.content_type, sent.content) == ("gül resmi.png", "image/png", PNG)
    assert (await client.flows.get(flow_id)).image_url


async def test_thousands_of_flows_are_read_whole(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    made = [sandbox.store.add_flow(name=f"Akış {number}").id for number in range(2345)]
    listing = await client.flows.all()
    assert [flow.id for flow in listing] == made
    assert (listing.is_stable, listing.unreadable, sandbox.request_count("GET", "/flows/")) == (True, (), 3)


async def test_one_page_says_how_many_there_are(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    for _ in range(30):
        sandbox.store.add_flow()
    page = await client.flows.list(page=2, results_per_page=25)
    assert (len(page.items), page.page, page.total, page.total_pages) == (5, 2, 30, 2)
    assert (await client.flows.list(page=9)).is_empty


async def test_pages_can_be_taken_one_by_one(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    for _ in range(25):
        sandbox.store.add_flow()
    pages = client.flows.iterate_pages(results_per_page=10)
    assert [len(page.items) async for page in pages] == [10, 10, 5]


async def test_an_empty_account_has_an_empty_list(client: EnkapushClient) -> None:
    assert (await client.flows.all()).items == ()


async def test_segments_are_read(client: EnkapushClient) -> None:
    segment = await client.segments.get(7)
    assert (segment.id, segment.website_id, segment.name) == (7, 1, "Sadık müşteriler")
    assert (await client.segments.list()).items == (await client.segments.all()).items == (segment,)


texts = st.text(max_size=60).filter(str.strip)
free_texts = st.text(max_size=60)
EDGES = ["İĞÜŞÖÇ ığüşöç", "👩‍👩‍👧 🇹🇷", "a\r\nb\nc\rd", "\"'\\/;%0A", "--boundary\r\n\r\n--", "\x00\x1b", "\u202eters"]
edgy = st.sampled_from(EDGES)
fields = st.fixed_dictionaries(
    {"name": texts | edgy, "title": texts | edgy, "description": texts | edgy},
    optional={
        **dict.fromkeys(("url", "button_title_1", "button_url_1", "button_title_2", "button_url_2"), free_texts | edgy),
        **dict.fromkeys(("utm_source", "utm_medium", "utm_campaign"), free_texts | edgy),
        **dict.fromkeys(("is_silent", "is_auto_hide", "is_enabled"), st.booleans()),
        "ttl": st.sampled_from(TTL_SECONDS),
        "wait_time": st.integers(1, 10**9),
        "wait_time_type": st.sampled_from(list(WaitUnit)),
        "segment": st.sampled_from(["all", 7]),
    },
)
WRITE_ONLY = ("segment", "utm_source", "utm_medium", "utm_campaign")


async def read_back(client: EnkapushClient, sandbox: EnkapushSandbox, flow_id: int) -> dict[str, Any]:
    """Read every field that can be set, from the API where it shows it and from the store where it does not."""
    flow = await client.flows.get(flow_id)
    kept = sandbox.store.flow(flow_id)
    hidden = {name: getattr(kept, name) for name in WRITE_ONLY}
    hidden["segment"] = "all" if kept.segment == "all" else int(kept.segment)
    return flow.model_dump(exclude={"settings"}) | flow.settings.model_dump() | hidden


# The sandbox serves all examples: each makes its own flow, and none looks at another's.
shared_sandbox = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@shared_sandbox
@given(written=fields)
async def test_what_is_created_is_read_back_equal(
    sandbox: EnkapushSandbox, client: EnkapushClient, written: dict[str, Any]
) -> None:
    flow_id = await client.flows.create(new_flow(**written))
    found = await read_back(client, sandbox, flow_id)
    assert {name: found[name] for name in written} == written


@shared_sandbox
@given(written=fields)
async def test_what_is_updated_is_read_back_equal(
    sandbox: EnkapushSandbox, client: EnkapushClient, written: dict[str, Any]
) -> None:
    flow_id = sandbox.store.add_flow().id
    await client.flows.update(flow_id, FlowPatch(**written))
    found = await read_back(client, sandbox, flow_id)
    assert {name: found[name] for name in written} == written


@shared_sandbox
@given(filename=free_texts | edgy, tail=st.binary(max_size=200), title=texts | edgy)
async def test_no_filename_or_content_disturbs_the_form(
    sandbox: EnkapushSandbox, client: EnkapushClient, filename: str, tail: bytes, title: str
) -> None:
    image = ImagePart(filename=filename, content=PNG + tail, content_type="image/png")
    await client.flows.create(new_flow(image=image, title=title))
    sent = sandbox.requests[-1]
    assert sent.files["image"].content == PNG + tail
    assert sent.files["image"].filename == image.safe_filename
    assert sent.texts["title"] == title


def short_timeouts(fault: Fault) -> Timeouts | None:
    """Return short timeouts for silence, else None, so that a busy machine changes no outcome."""
    return IMPATIENT if isinstance(fault.action, Hang) else None


# --- bad days: reads -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(500),
        Fault.html(503),
        Fault.too_many(),
        Fault.too_many(retry_after=2),
        Fault.too_many(retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
        Fault.reset(),
        Fault.hang(),
    ],
)
async def test_a_read_gets_over_a_bad_moment(
    sandbox: EnkapushSandbox, url: str, make_client: MakeClient, clock: FakeTiming, fault: Fault
) -> None:
    flow = sandbox.store.add_flow()
    sandbox.faults.add(Fault(fault.action))
    assert (await make_client(url, timeouts=short_timeouts(fault)).flows.get(flow.id)).id == flow.id
    assert len(clock.naps) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault.html(200), MalformedResponseError),
        (Fault.empty(), MalformedResponseError),
        (Fault.truncated(), MalformedResponseError),
        (Fault.status(403), AuthError),
        (Fault.status(400), InvalidError),
        (Fault.redirect("https://enkapush.example/flows/1"), UnexpectedRedirectError),
    ],
)
async def test_a_read_that_cannot_get_better_fails_at_once(
    sandbox: EnkapushSandbox, client: EnkapushClient, fault: Fault, kind: type[EnkapushError]
) -> None:
    flow = sandbox.store.add_flow()
    sandbox.faults.add(Fault(fault.action))
    with pytest.raises(kind):
        await client.flows.get(flow.id)
    assert len(sandbox.requests) == 1


async def test_a_read_that_never_gets_better_ends(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    sandbox.faults.add(Fault.too_many(retry_after=1, times=None))
    with pytest.raises(RateLimitedError):
        await client.flows.all()
    assert len(sandbox.requests) == 4


async def test_a_slow_answer_is_waited_for_within_bounds(
    sandbox: EnkapushSandbox, url: str, make_client: MakeClient
) -> None:
    flow = sandbox.store.add_flow()
    sandbox.faults.add(Fault.delay(0.01), Fault.delay(5.0))
    client = make_client(url, timeouts=IMPATIENT, retry=ONE_TRY)
    assert (await client.flows.get(flow.id)).id == flow.id
    with pytest.raises(RequestTimeoutError):
        await client.flows.get(flow.id)


async def test_a_whole_list_gets_over_bad_pages(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    made = [sandbox.store.add_flow().id for _ in range(95)]
    sandbox.faults.add(Fault.status(500, skip=2), Fault.too_many(skip=3), Fault.reset(skip=4))
    assert [flow.id for flow in await client.flows.all(results_per_page=10)] == made


async def test_a_wrong_key_is_told_and_not_shown(url: str, make_client: MakeClient) -> None:
    with capture_logs() as logs, pytest.raises(AuthError) as caught:
        await make_client(url, key="ek-wrong-key").flows.list()
    assert "ek-wrong-key" not in str(caught.value) + repr(caught.value) + str(logs)


# --- bad days: writes ------------------------------------------------------------------------------------------

AMBIGUOUS = [
    (Fault.status(500, after_effect=True), ServerError),
    (Fault.empty(after_effect=True), MalformedResponseError),
    (Fault.truncated(), MalformedResponseError),
    (Fault.reset(after_effect=True), ConnectionLostError),
    (Fault.hang(after_effect=True), RequestTimeoutError),
]


@pytest.mark.parametrize(("fault", "kind"), AMBIGUOUS)
async def test_a_creation_that_may_have_happened_is_sent_once_and_says_so(
    sandbox: EnkapushSandbox, url: str, make_client: MakeClient, fault: Fault, kind: type[EnkapushError]
) -> None:
    sandbox.faults.add(Fault(fault.action))
    with pytest.raises(kind) as caught:
        await make_client(url, timeouts=short_timeouts(fault)).flows.create(new_flow())
    assert caught.value.ambiguous
    assert (sandbox.request_count("POST"), len(sandbox.store.flows)) == (1, 1)


@pytest.mark.parametrize("fault", [Fault.status(500), Fault.html(200), Fault.empty(), Fault.reset(), Fault.hang()])
async def test_a_creation_that_cannot_be_known_to_have_failed_is_ambiguous_too(
    sandbox: EnkapushSandbox, url: str, make_client: MakeClient, fault: Fault
) -> None:
    sandbox.faults.add(Fault(fault.action))
    with pytest.raises(EnkapushError) as caught:
        await make_client(url, timeouts=short_timeouts(fault)).flows.create(new_flow())
    assert caught.value.ambiguous
    assert (sandbox.request_count("POST"), len(sandbox.store.flows)) == (1, 0)


@pytest.mark.parametrize("fault", [Fault.too_many(retry_after=1), Fault.too_many(), Fault.status(403)])
async def test_a_creation_that_was_refused_is_certain(
    sandbox: EnkapushSandbox, client: EnkapushClient, fault: Fault
) -> None:
    sandbox.faults.add(Fault(fault.action))
    with pytest.raises(EnkapushError) as caught:
        await client.flows.create(new_flow())
    assert (caught.value.ambiguous, sandbox.request_count("POST")) == (False, 1)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirected_write_is_not_followed(
    sandbox: EnkapushSandbox, client: EnkapushClient, status: int
) -> None:
    flow = sandbox.store.add_flow()
    sandbox.faults.add(Fault.redirect(f"/api/flows/{flow.id}", status, times=2))
    with pytest.raises(UnexpectedRedirectError):
        await client.flows.update(flow.id, FlowPatch(name="x"))
    with pytest.raises(UnexpectedRedirectError):
        await client.flows.delete(flow.id)
    assert [request.method for request in sandbox.requests] == ["POST", "DELETE"]
    assert sandbox.store.flow(flow.id) == flow


async def test_a_refused_form_names_the_field(sandbox: EnkapushSandbox, client: EnkapushClient) -> None:
    with pytest.raises(InvalidError) as caught:
        await client.flows.create(new_flow(website_id=999))
    assert caught.value.messages == {"website_id": ("The website_id field names a website that does not exist.",)}
    assert not sandbox.store.flows


async def test_a_missing_flow_is_told_for_every_call(client: EnkapushClient) -> None:
    for call in (client.flows.get(99), client.flows.update(99, FlowPatch(name="x")), client.flows.delete(99)):
        with pytest.raises(NotFoundError) as caught:
            await call
        assert not caught.value.ambiguous
