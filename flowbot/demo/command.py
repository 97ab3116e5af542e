"""`flowbot demo`: the real bot between a stand-in Slack workspace in the browser and a stand-in Enkapush."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Final

from pydantic import SecretStr

from flowbot.bootstrap import run_flowbot
from flowbot.config import Settings
from flowbot.demo.figures import record_past_days
from flowbot.demo.guide import build_guide
from flowbot.sandbox.enkapush import EnkapushSandbox
from flowbot.sandbox.enkapush.seeds import seed_flows, seed_segments
from flowbot.sandbox.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackSandbox, build_demo_workspace
from flowbot.server.http import listen
from flowbot.services.policy_files import import_book, parse_book
from flowbot.services.ports import utc_now
from flowbot.slack.manifest import EVENTS_PATH, build_manifest
from flowbot.storage.migrations import open_migrated
from flowbot.storage.repositories.policies import PolicyRepository

HOST: Final = "127.0.0.1"
API_KEY: Final = "demo-key"
"""The key of the stand-in Enkapush, which opens nothing else."""


WATCH_SECONDS: Final = 10
"""A change made at the stand-in Enkapush is told after about this."""


async def run_demo(port: int, stop: asyncio.Event, say: Callable[[str], None]) -> None:
    """Run the demo until `stop`, and say the address of its page."""
    async with run_demo_servers(port) as address:
        say(address)
        await stop.wait()


@asynccontextmanager
async def run_demo_servers(port: int) -> AsyncIterator[str]:
    """Run the bot and both stand-ins on this machine alone, and yield the page's address. Port 0 takes a free one."""
    slack, flows = SlackSandbox(build_demo_workspace(build_guide())), seed_flows(utc_now())
    slack.workflows.install(build_manifest(None, with_steps=True))
    enkapush = EnkapushSandbox(api_key=API_KEY, flows=flows, segments=seed_segments(utc_now()))
    with tempfile.TemporaryDirectory(prefix="flowbot-demo-") as folder:
        async with slack.serve(HOST, port) as address, enkapush.serve(HOST) as enkapush_api:
            # Complete, so that nothing from the environment or a `.env` gets in.
            settings = Settings(
                _env_file=None,
                slack_bot_token=SecretStr(BOT_TOKEN),
                slack_app_token=SecretStr(APP_TOKEN),
                slack_signing_secret=SecretStr(SIGNING_SECRET),
                slack_api_url=f"{address}/api/",
                enkapush_api_key=SecretStr(API_KEY),
                enkapush_api_url=enkapush_api,
                enkapush_timezone="Europe/Istanbul",
                database_url=SecretStr(f"sqlite:///{folder}/flowbot.db"),
                flowbot_admins=frozenset(),
                flowbot_watch_seconds=WATCH_SECONDS,
            )
            async with open_migrated(settings.database_url.get_secret_value()) as database:
                policies = files(__package__).joinpath("policy.toml").read_text(encoding="utf-8")
                await import_book(PolicyRepository(database, utc_now), parse_book(policies), utc_now())
                await record_past_days(database, flows, utc_now(), settings.zone)
            async with run_flowbot(settings) as bot, listen(bot, HOST, 0) as bot_port:
                slack.deliver_to(f"http://{HOST}:{bot_port}{EVENTS_PATH}")
                yield address
