"""Steps of workflows over faults, restarts, old age, and beside an older process: each workflow hears once."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from flowbot.sandbox.slack import text_of
from flowbot.storage.repositories import change_writes
from flowbot.storage.tables import metadata
from flowbot.worker import recovery
from tests.journeys.form_steps import add_flow, choose_first_website, is_form, list_writes
from tests.journeys.report_steps import wait_until_shown
from tests.journeys.request_steps import approval_policy, speed_up
from tests.journeys.request_steps import wait_until as wait_until_true
from tests.journeys.workflow_steps import (
    direct_messages,
    press,
    run_step,
    wait_for_direct,
    wait_for_end,
    wait_until_asked,
)
from tests.journeys.world import MARKETING, World, on_both_databases


@pytest.fixture
async def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Start a quick bot whose approvals are elsewhere."""
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    await world.start_http()
    return world


def list_completions(world: World) -> list[str]:
    """List how Slack answered each time when flowbot told it how a step ended."""
    exchanges = world.slack.context.exchange_log.list_latest(500)
    return [each["status"] for each in exchanges if each["what"].startswith("functions.")]


@asynccontextmanager
async def run_bot(world: World) -> AsyncIterator[None]:
    """Run one process, from its start to its end."""
    async with AsyncExitStack() as world.stack:
        await world.start_http()
        yield


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ({"status": 500}, "ok"),
        ({"lose_answer": True}, "execution_not_in_running_state"),
        ({"error": "internal_error"}, "ok"),
    ],
)
async def test_a_workflow_that_slack_cannot_be_told_of_is_told_later_once(
    asked: World, fault: dict[str, Any], last: str
) -> None:
    asked.slack.faults.add("functions.completeSuccess", **fault)
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await asked.burak.click(await press(asked, asked.emma), "Approve")
    await wait_for_direct(asked, asked.emma, "is live")
    asked.time.ahead += 3
    await wait_for_end(asked, run)
    assert run.outputs == {"outcome": "applied", "flow": 1, "decided_by": "U0BURAK"}
    await wait_until_shown(asked)
    calls = [
        each["status"] for each in asked.slack.context.exchange_log.list_latest(500) if "functions" in each["what"]
    ]
    assert (len(calls), calls[-1]) == (2, last)


async def test_a_workflow_that_has_ended_itself_is_told_of_once(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    request = await press(asked, asked.emma)
    del asked.slack.workflows.runs[run.id]
    await asked.burak.click(request, "Approve")
    await wait_for_direct(asked, asked.emma, "is live")
    await wait_until_shown(asked)
    assert list_completions(asked) == ["function_execution_not_found"]


async def test_a_process_that_ends_before_the_workflow_is_told_leaves_that_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    fault = world.slack.faults.add("functions.completeSuccess", status=500, times=None)
    async with run_bot(world):
        run = run_step(world, "enable_flow", world.emma, flow=add_flow(world))
        await world.burak.click(await press(world, world.emma), "Approve")
        await wait_for_direct(world, world.emma, "is live")
    assert run.state == "running"
    fault.times = 0
    async with run_bot(world):
        world.time.ahead += 3
        await wait_for_end(world, run)
    assert run.outputs == {"outcome": "applied", "flow": 1, "decided_by": "U0BURAK"}


async def test_a_process_that_ends_before_anybody_is_asked_leaves_that_to_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speed_up(world, monkeypatch)
    await world.import_policy(approval_policy())
    fault = world.slack.faults.add("chat.postMessage", status=500, times=None)
    async with run_bot(world):
        run_step(world, "enable_flow", world.emma, flow=add_flow(world))
        with capture_logs() as logs:
            await wait_until_true(
                lambda: any(line["event"] == "slack.call_failed" or "fault" in line["event"] for line in logs)
            )
    fault.times = 0
    async with run_bot(world):
        world.time.ahead += 3
        await wait_until_asked(world, world.emma)


@pytest.mark.parametrize("method", ["users.info", "usergroups.list", "conversations.members"])
async def test_a_person_whom_slack_cannot_tell_of_now_is_asked_later(asked: World, method: str) -> None:
    editors = '["*"]' if method == "conversations.members" else '["S0EDITORS"]'
    await asked.import_policy(approval_policy(editors=editors))
    asked.time.ahead += 120
    asked.slack.faults.add(method, error="internal_error")
    with capture_logs() as logs:
        run = run_step(asked, "create_flow", asked.emma)
        await wait_until_true(lambda: any(line["event"] == "step.received" for line in logs))
        await wait_until_true(lambda: any(line["event"] == "step.later" for line in logs))
    assert not any(line["event"] == "task.failed" for line in logs)
    asked.time.ahead += 5
    await wait_until_asked(asked, asked.emma)
    assert run.state == "running"


@on_both_databases
async def test_several_processes_ask_once_and_tell_the_workflow_once(bots: World) -> None:
    run = run_step(bots, "enable_flow", bots.emma, flow=add_flow(bots))
    await bots.burak.click(await press(bots, bots.emma), "Approve")
    await wait_for_end(bots, run)
    await wait_for_direct(bots, bots.emma, "is live")
    bots.time.ahead += 3
    await wait_until_shown(bots)
    told = [each for each in bots.slack.workspace.messages[direct_messages(bots, bots.emma)] if not each.is_ephemeral]
    assert len(told) == 1
    assert list_completions(bots).count("ok") == 1


async def test_a_step_whose_request_an_older_process_ended_ends_all_the_same(
    asked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end_no_step(*_: object) -> None:
        """Leave the step alone, as a process does that knows none."""

    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    request = await press(asked, asked.emma)
    with monkeypatch.context() as older:
        older.setattr(change_writes, "end_step", end_no_step)
        await asked.burak.click(request, "Approve")
        await asked.deniz.wait_until(lambda: "is live" in text_of(request))
    assert run.state == "running"
    monkeypatch.setattr(recovery, "CHANNEL_ROUNDS", 1)
    await wait_until_ended(asked, run.id)
    assert run.outputs == {"outcome": "applied", "flow": 1, "decided_by": "U0BURAK"}


async def wait_until_ended(world: World, run_id: str) -> None:
    """Let time go by until the recovery has ended a step and told of it."""

    def has_ended() -> bool:
        world.time.ahead += 0.5
        return world.slack.workflows.runs[run_id].state != "running"

    await wait_until_true(has_ended)


async def test_a_step_that_nobody_acts_on_fails_after_thirty_days(
    asked: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    message = await wait_until_asked(asked, asked.emma)
    asked.time.ahead += timedelta(days=30).total_seconds() - 60
    monkeypatch.setattr(recovery, "CHANNEL_ROUNDS", 1)
    assert run.state == "running"
    asked.time.ahead += 120
    await wait_until_ended(asked, run.id)
    assert run.error == "This workflow step has expired: nothing was requested within 30 days."
    await wait_for_direct(asked, asked.emma, "This workflow step has expired")
    assert asked.emma.list_buttons(message) == []


async def test_a_form_that_outlives_its_step_creates_nothing(asked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_step(asked, "create_flow", asked.emma, name="Spring", title="Here", description="Look")
    await asked.emma.click(await wait_until_asked(asked, asked.emma), "Open form")
    choose_first_website(asked.emma, await asked.emma.wait_for_view(is_form))
    asked.time.ahead += timedelta(days=30).total_seconds()
    monkeypatch.setattr(recovery, "CHANNEL_ROUNDS", 1)
    await wait_until_ended(asked, run.id)
    result = await asked.emma.submit()
    assert list(result.errors.values()) == ["This workflow step is over, or you've used it already."]
    assert list_writes(asked) == []


async def test_a_channel_that_gets_another_id_keeps_its_steps(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    await wait_until_asked(asked, asked.emma)
    asked.slack.admin.change_channel_id(MARKETING, "C0MOVED")
    await asked.slack.dispatcher.wait_until_idle()
    await asked.burak.click(await press(asked, asked.emma), "Approve")
    await wait_for_end(asked, run)
    assert run.outputs["outcome"] == "applied"


async def test_an_app_whose_manifest_has_other_outputs_is_told_so(asked: World) -> None:
    run = run_step(asked, "enable_flow", asked.emma, flow=add_flow(asked))
    del asked.slack.workflows.functions["enable_flow"]["output_parameters"]["decided_by"]
    await asked.burak.click(await press(asked, asked.emma), "Approve")
    await wait_for_end(asked, run)
    assert run.error == "This step is out of date. Update the Slack app with its newest manifest."


# --- the token of a run ---------------------------------------------------------------------------------------------


async def test_the_token_of_a_run_is_used_and_kept_nowhere(asked: World) -> None:
    with capture_logs() as logs:
        run = run_step(asked, "create_flow", asked.emma)
        await wait_until_asked(asked, asked.emma)
        asked.slack.faults.add("functions.completeError", error="access_denied")
        refused = run_step(asked, "create_flow", asked.burak)
        await wait_until_true(lambda: any(line["event"] == "step.refused" for line in logs))
    async with asked.open_database() as database, database.query() as connection:
        tables = [(await connection.execute(table.select())).all() for table in metadata.sorted_tables]
    kept = str(tables)
    assert run.id in kept
    for token in (run.token, refused.token):
        assert token not in kept
        assert token not in str(logs)
