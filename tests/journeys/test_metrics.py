"""`/metrics`: what an engineer asks first, as Prometheus reads it."""

import asyncio
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from typing import Final

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update
from structlog.testing import capture_logs

from flowbot.observability.metrics import MAX_ERROR_CODES, Metrics
from flowbot.observability.prometheus import PrometheusExporter
from flowbot.sandbox.enkapush import Fault
from flowbot.server.socket_mode import serve_probes
from flowbot.services.forms import FormService
from flowbot.services.policy_setup import PolicySetup
from flowbot.services.ports.statistics import ChangeStatistics
from flowbot.storage.tables import changes
from tests.enkapush.scripted_server import flow_json
from tests.journeys.form_steps import REQUIRED_FIELDS, open_form
from tests.journeys.request_steps import (
    approval_policy,
    request_change,
    request_change_and_wait,
    speed_up,
    wait_for_status,
)
from tests.journeys.setup_steps import fill_steps
from tests.journeys.test_unreadable_flows import answer_list_with, unreadable_flow
from tests.journeys.world import MARKETING, World, block_database, on_both_databases

HOUR: Final = 3600.0


class Scrape:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self._samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def sum(self, metric: str, /, **labels: str) -> float | None:
        """Sum the samples with that name and at least those labels; None where there is none."""
        found = [
            each.value for each in self._samples if each.name == metric and labels.items() <= dict(each.labels).items()
        ]
        return sum(found) if found else None

    def values(self, label: str) -> set[str]:
        """Return every value of a label."""
        return {str(each.labels[label]) for each in self._samples if label in each.labels}


async def fetch(origin: str, path: str = "/metrics") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{origin}{path}") as answer:
        return answer.status, await answer.text()


async def scrape(origin: str) -> Scrape:
    status, text = await fetch(origin)
    assert status == 200
    return Scrape(text)


async def wait_for_value(origin: str, expected: float, metric: str, /, **labels: str) -> Scrape:
    """Wait for the first scrape in which a metric has that value."""
    return await wait_for_scrape(origin, lambda seen: seen.sum(metric, **labels) == expected)


async def wait_for_scrape(origin: str, is_it: Callable[[Scrape], object]) -> Scrape:
    """Wait for the first scrape that fits."""
    async with asyncio.timeout(10):
        while True:
            if is_it(seen := await scrape(origin)):
                return seen
            await asyncio.sleep(0.05)


@pytest.fixture
async def origin(world: World) -> str:
    _, origin = await world.start_http()
    return origin


async def test_each_command_is_counted_by_its_english_name_and_no_text_becomes_a_label(
    world: World, origin: str
) -> None:
    world.add_flows(1)
    for typed in ("list", "liste indirim", "GÖSTER 1", "", "hemen-hemen", "show şifre-4711"):
        await world.emma.send(MARKETING, f"/flows {typed}".rstrip())
    seen = await wait_for_value(origin, 6, "flowbot_answer_seconds_count", kind="command")
    for name, times in {"list": 2, "show": 2, "help": 1, "unknown": 1}.items():
        assert seen.sum("flowbot_ack_seconds_count", kind="command", name=name) == times
        assert seen.sum("flowbot_requests_total", kind="command", name=name) == times
    assert seen.values("name") == {"list", "show", "help", "unknown"}


async def test_buttons_forms_and_events_are_counted_by_their_names(world: World, origin: str) -> None:
    world.add_flows(1)
    await world.emma.open_home()
    await world.emma.send(MARKETING, "/flows show 1")
    shown = await world.emma.wait_for_message(MARKETING, "Flow 1")
    await world.emma.click(shown, "Edit")
    await world.emma.wait_for_view(lambda view: view.submit is not None)
    await world.emma.submit({"Title": "Another"})
    seen = await wait_for_value(origin, 1, "flowbot_ack_seconds_count", kind="form", name="flows.form")
    assert seen.sum("flowbot_ack_seconds_count", kind="action", name="flows.edit") == 1
    assert seen.sum("flowbot_ack_seconds_count", kind="event", name="app_home_opened") == 1


async def fail_unexpectedly(*_: object) -> None:
    raise RuntimeError("nobody thought of this")


@pytest.mark.parametrize(
    ("kind", "bad", "good", "step"),
    [
        (
            "form",
            {**REQUIRED_FIELDS, "Button 1 title": "Go"},
            {"Button 1 title": ""},
            (FormService, "load_submission_context"),
        ),
        ("setup", {"Quorum": "9"}, {"Quorum": "1"}, (PolicySetup, "require_workable")),
    ],
)
async def test_a_form_is_counted_by_how_it_was_taken_in_and_tells_the_code_of_a_slip(
    world: World, origin: str, kind: str, bad: dict[str, str], good: dict[str, str], step: tuple[type, str]
) -> None:
    person, command = {"form": (world.emma, "/flows create"), "setup": (world.deniz, "/flows setup")}[kind]
    await open_form(person, command)
    if kind == "setup":
        assert await fill_steps(person, {}) is None
        steps = await wait_for_value(origin, 2, "flowbot_requests_total", kind=kind, outcome="done")
        assert steps.sum("flowbot_requests_total", kind=kind, name="flows.setup.step") == 2
    assert (await person.submit(bad)).errors
    await wait_for_value(origin, 1, "flowbot_requests_total", kind=kind, outcome="refused")
    # Captured, since to render the traceback takes longer than Slack waits while the machine is busy.
    with capture_logs(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(*step, fail_unexpectedly)
        (said,) = (await person.submit(good)).errors.values()
    assert re.search(r"code: [A-Z2-9]{8}$", said)
    await wait_for_value(origin, 1, "flowbot_requests_total", kind=kind, outcome="fault")
    assert (await person.submit()).errors == {}
    await wait_for_value(origin, 3 if kind == "setup" else 1, "flowbot_requests_total", kind=kind, outcome="done")


async def test_calls_of_slack_are_counted_by_method_and_how_they_ended(world: World, origin: str) -> None:
    await world.import_policy(approval_policy())
    world.slack.faults.add("chat.postMessage", status=429, retry_after=0, times=1)
    world.slack.faults.add("views.open", error="expired_trigger_id", times=1)
    await world.emma.send(MARKETING, "/flows create")
    await request_change(world)
    seen = await wait_for_value(origin, 1, "flowbot_slack_seconds_count", method="chat.postMessage", result="ok")
    assert seen.sum("flowbot_slack_throttled_total", method="chat.postMessage") == 1
    seen = await wait_for_value(origin, 1, "flowbot_slack_seconds_count", method="response_url", result="ok")
    assert seen.sum("flowbot_slack_seconds_count", method="views.open", result="expired_trigger_id")


def test_a_label_takes_few_words_of_others_and_no_sentence() -> None:
    metrics = Metrics()
    for number in range(MAX_ERROR_CODES + 20):
        metrics.count_slack_call("chat.postMessage", f"error_{number}", 0.1)
    metrics.count_slack_call("chat.update", "a sentence, by somebody else", 0.1)
    seen = Scrape(metrics.render().decode())
    assert len(seen.values("result")) == MAX_ERROR_CODES + 1
    assert seen.sum("flowbot_slack_seconds_count", result="other") == 21


@on_both_databases
async def test_flows_that_cannot_be_read_are_counted(world: World, origin: str) -> None:
    answer_list_with(world, flow_json(1, website_id=1), unreadable_flow(1), unreadable_flow(3))
    await world.emma.send(MARKETING, "/flows list")
    await wait_for_value(origin, 2, "flowbot_unreadable_flows")


async def test_what_waits_is_counted_with_its_age(world: World, origin: str) -> None:
    await world.import_policy(approval_policy())
    seen = await scrape(origin)
    assert seen.sum("flowbot_changes", state="pending") == 0
    assert seen.sum("flowbot_oldest_pending_seconds") == 0
    request = await request_change(world)
    world.time.ahead += HOUR
    seen = await wait_for_value(origin, 1, "flowbot_changes", state="pending")
    assert HOUR <= (seen.sum("flowbot_oldest_pending_seconds") or 0) < HOUR + 60
    assert seen.sum("flowbot_database_up") == 1
    await world.burak.click(request, "Approve")
    await wait_for_status(world, request, "Applied")
    seen = await wait_for_value(origin, 1, "flowbot_changes", state="applied")
    assert seen.sum("flowbot_oldest_pending_seconds") == 0
    assert seen.sum("flowbot_oldest_unapplied_seconds") == 0


async def abandon_changes(world: World) -> None:
    """Make it look as if a process that is gone had begun every change that is in hand."""
    async with (
        world.open_database() as database,
        database.write() as connection,
    ):
        left = update(changes).where(changes.c.state == "applying")
        await connection.execute(left.values(lease_owner="gone", lease_until=world.time.now() - timedelta(minutes=1)))


@on_both_databases
async def test_what_is_approved_and_not_applied_is_seen_and_so_is_who_takes_it_over(world: World, origin: str) -> None:
    await world.import_policy(approval_policy())
    request = await request_change(world)
    world.enkapush.faults.add(Fault.hang(times=None))
    await world.burak.click(request, "Approve")
    await wait_for_value(origin, 1, "flowbot_changes", state="applying")
    world.time.ahead += HOUR
    await abandon_changes(world)
    seen = await wait_for_value(origin, 1, "flowbot_leases_taken_over_total")
    assert (seen.sum("flowbot_oldest_unapplied_seconds") or 0) >= HOUR


async def test_messages_that_slack_does_not_take_are_a_queue_with_an_age(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    _, origin = await world.start_http()
    request = await request_change(world)
    await wait_for_value(origin, 0, "flowbot_untold_changes")
    world.slack.faults.add("chat.update", error="internal_error", times=None)
    await world.burak.click(request, "Approve")
    await wait_for_value(origin, 1, "flowbot_changes", state="applied")
    world.time.ahead += HOUR
    seen = await wait_for_value(origin, 1, "flowbot_untold_changes")
    assert (seen.sum("flowbot_oldest_untold_seconds") or 0) >= HOUR
    world.slack.faults.clear()
    world.time.ahead += HOUR
    await wait_for_value(origin, 0, "flowbot_untold_changes")
    assert (await scrape(origin)).sum("flowbot_oldest_untold_seconds") == 0


async def test_rounds_of_the_recovery_are_counted_and_their_failures(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    _, origin = await world.start_http()
    await wait_for_scrape(origin, lambda seen: seen.sum("flowbot_recovery_rounds_total", outcome="done"))
    with closing(sqlite3.connect(world.settings.database_url.get_secret_value().removeprefix("sqlite:///"))) as file:
        file.execute("ALTER TABLE changes RENAME TO gone")
    seen = await wait_for_scrape(origin, lambda seen: seen.sum("flowbot_recovery_rounds_total", outcome="failed"))
    assert seen.sum("flowbot_recovery_failures_total", step="round")
    await wait_for_value(origin, 0, "flowbot_database_up")


async def test_a_reminder_that_is_lost_is_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    speed_up(world, monkeypatch)
    _, origin = await world.start_http()
    await world.import_policy(approval_policy("expires_after_hours = 8"))
    await request_change_and_wait(world)
    world.slack.faults.add("chat.postMessage", error="internal_error")
    world.time.ahead += 2 * HOUR
    await wait_for_scrape(origin, lambda seen: seen.sum("flowbot_recovery_failures_total", step="due"))


@pytest.mark.postgresql
@pytest.mark.parametrize("journey_database", ["postgresql"], indirect=True)
async def test_without_the_database_everything_else_is_still_said(
    world: World, origin: str, journey_database: str
) -> None:
    block_database(journey_database)
    seen = await wait_for_value(origin, 0, "flowbot_database_up")
    assert seen.sum("flowbot_work_in_hand") == 0
    assert seen.sum("flowbot_build_info") == 1
    assert seen.sum("flowbot_changes", state="pending") is None


async def test_a_database_that_hangs_holds_up_no_scrape(world: World) -> None:
    release = asyncio.Event()
    reads: list[int] = []

    async def hang() -> ChangeStatistics:
        reads.append(1)
        await release.wait()
        return ChangeStatistics({}, None, None, 7, None)

    exporter = PrometheusExporter(Metrics(), hang, world.time.now, timeout=0.1)
    started = time.monotonic()
    said = [Scrape((await exporter.render()).decode()) for _ in range(3)]
    assert time.monotonic() - started < 2
    assert [each.sum("flowbot_database_up") for each in said] == [0, 0, 0]
    assert len(reads) == 1
    release.set()
    assert Scrape((await exporter.render()).decode()).sum("flowbot_untold_changes") == 7
    await exporter.close()


async def test_socket_mode_can_be_watched_on_a_port_that_answers_nobody_else(world: World) -> None:
    bot = await world.start_socket()
    async with serve_probes(bot, "127.0.0.1", None) as port:
        assert port is None
    async with serve_probes(bot, "127.0.0.1", 0) as port:
        origin = f"http://127.0.0.1:{port}"
        assert (await fetch(origin, "/healthz"))[0] == 200
        assert (await fetch(origin, "/readyz"))[0] == 200
        await world.emma.send(MARKETING, "/flows help")
        await world.emma.wait_for_message(MARKETING, "You can")
        seen = await wait_for_value(origin, 1, "flowbot_ack_seconds_count", kind="command", name="help")
        assert seen.sum("flowbot_socket_connected") == 1
        async with aiohttp.ClientSession() as session, session.post(f"{origin}/slack/events") as answer:
            assert answer.status == 404
