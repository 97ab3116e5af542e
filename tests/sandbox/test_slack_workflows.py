"""Workflows with steps of the app's: their events, and how a step is completed or fails."""

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.sandbox.slack import BOT_TOKEN, ClientError, SlackSandbox
from flowbot.sandbox.slack.errors import SlackError
from tests.sandbox.test_slack_delivery import bot_that

PERSON = {
    "type": "slack#/types/user_id",
    "name": "person",
    "title": "Person",
    "description": "Who",
    "is_required": True,
}
OUTPUTS = {
    "done": {"type": "boolean", "name": "done", "title": "Done", "description": "", "is_required": True},
    "count": {"type": "integer", "name": "count", "title": "Count", "description": "", "is_required": False},
}
MANIFEST: dict[str, Any] = {
    "functions": {
        "ask": {
            "title": "Ask",
            "description": "Asks somebody",
            "input_parameters": {"person": PERSON},
            "output_parameters": OUTPUTS,
        }
    },
    "settings": {
        "event_subscriptions": {"bot_events": ["function_executed"]},
        "function_runtime": "remote",
        "org_deploy_enabled": True,
    },
}


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    sandbox = SlackSandbox()
    sandbox.workflows.install(MANIFEST)
    async with sandbox.serve():
        yield sandbox


@pytest.fixture
async def client(sandbox: SlackSandbox) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(BOT_TOKEN, base_url=f"{sandbox.origin}/api/", session=session)


async def refuse(client: AsyncWebClient, run: str, outputs: dict[str, Any]) -> dict[str, Any]:
    """Complete a run with what Slack refuses, and return the refusal."""
    with pytest.raises(SlackApiError) as refused:
        await client.functions_completeSuccess(function_execution_id=run, outputs=outputs)
    data = refused.value.response.data
    assert isinstance(data, dict)
    return data


@pytest.mark.parametrize("missing", ["function_runtime", "org_deploy_enabled", "event_subscriptions"])
def test_a_manifest_with_steps_needs_all_that_they_need(missing: str) -> None:
    manifest = copy.deepcopy(MANIFEST)
    manifest["settings"][missing] = {"bot_events": []} if missing == "event_subscriptions" else False
    with pytest.raises(SlackError, match="invalid_manifest"):
        SlackSandbox().workflows.install(manifest)


async def test_a_step_comes_as_a_signed_event_with_a_token_of_its_own(sandbox: SlackSandbox) -> None:
    bodies: list[dict[str, Any]] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(json.loads(await request.text()))
        return web.Response()

    async with bot_that(answer, sandbox):
        run = sandbox.client.run_step("ask", {"person": "U0EMMA"})
        await sandbox.dispatcher.wait_until_idle()
    (body,) = bodies
    event = body["event"]
    assert (body["type"], event["type"]) == ("event_callback", "function_executed")
    assert event["function"]["callback_id"] == "ask"
    assert event["function"]["input_parameters"] == [PERSON]
    assert (event["inputs"], event["function_execution_id"]) == ({"person": "U0EMMA"}, run.id)
    assert event["bot_access_token"] == run.token != BOT_TOKEN


async def test_a_step_is_completed_once(sandbox: SlackSandbox, client: AsyncWebClient) -> None:
    run = sandbox.client.run_step("ask", {})
    await client.functions_completeSuccess(function_execution_id=run.id, outputs={"done": True, "count": 3})
    assert (run.state, run.outputs, run.error) == ("completed", {"done": True, "count": 3}, None)
    assert (await refuse(client, run.id, {"done": True}))["error"] == "execution_not_in_running_state"
    assert (await refuse(client, "Fx0", {"done": True}))["error"] == "function_execution_not_found"


async def test_a_step_fails_with_a_sentence(sandbox: SlackSandbox, client: AsyncWebClient) -> None:
    run = sandbox.client.run_step("ask", {})
    await client.functions_completeError(function_execution_id=run.id, error="Nobody is there.")
    assert (run.state, run.outputs, run.error) == ("failed", {}, "Nobody is there.")


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ({}, "missing output: done"),
        ({"done": True, "other": 1}, "unexpected output: other"),
        ({"done": "yes"}, "done is no boolean"),
        ({"done": True, "count": True}, "count is no integer"),
        ({"done": True, "count": "3"}, "count is no integer"),
    ],
)
async def test_outputs_are_those_of_the_manifest(
    sandbox: SlackSandbox, client: AsyncWebClient, outputs: dict[str, Any], problem: str
) -> None:
    run = sandbox.client.run_step("ask", {})
    refusal = await refuse(client, run.id, outputs)
    assert refusal["error"] == "parameter_validation_failed"
    assert refusal["response_metadata"]["messages"] == [problem]
    assert run.state == "running"


async def test_the_page_runs_a_step_for_its_reader(sandbox: SlackSandbox) -> None:
    async with aiohttp.ClientSession(sandbox.origin) as page:
        body = {"as": "U0EMMA", "callback_id": "ask", "inputs": {"channel": "C0MARKETING"}}
        async with page.post("/sandbox/step", json=body) as answer:
            run = sandbox.workflows.runs[(await answer.json())["run"]]
        assert run.inputs == {"person": "U0EMMA", "channel": "C0MARKETING"}
        async with page.post("/sandbox/step", json={**body, "callback_id": "other"}) as answer:
            assert (answer.status, (await answer.json())["error"]) == (400, "function_not_found")
    with pytest.raises(ClientError):
        sandbox.client.run_step("other", {})
