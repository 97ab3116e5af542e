"""`flowbot check`: is everything set up right? One line a check."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Final

import aiohttp
from pydantic import SecretStr
from slack_sdk.errors import SlackApiError, SlackClientError

from flowbot.app import Flowbot, flowbot
from flowbot.domain.policy import PolicyBook
from flowbot.domain.types import GroupId
from flowbot.enkapush.gateway import EnkapushFlows
from flowbot.errors import ConfigurationError, Fault
from flowbot.health import PATIENCE_SECONDS, in_a_word
from flowbot.opening import now, opened_database
from flowbot.outside import enkapush_client
from flowbot.plain import told, with_cause
from flowbot.settings import Settings
from flowbot.slack.directory import SlackDirectory
from flowbot.slack.errors import word_for
from flowbot.storage.engine import missing_file
from flowbot.storage.policies import StoredPolicies

SCOPES: Final = frozenset(
    {
        "commands",
        "chat:write",
        "chat:write.public",
        "files:read",
        "files:write",
        "users:read",
        "usergroups:read",
        "channels:read",
        "groups:read",
    }
)
"""What manifest.yml asks for."""
ENKAPUSH: Final = {
    "key": "refuses ENKAPUSH_API_KEY",
    "busy": "is asked too much right now",
    "slow": "does not answer in time",
    "down": "cannot be reached",
}
"""What is wrong with Enkapush, by the word of `health`; everything else is an error that it answers with."""


class _Unwell(Exception):  # noqa: N818 - a finding, and no error of the program's
    """A check found something wrong: says what."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check."""

    name: str
    well: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.well else 'FAIL'}  {self.name}: {self.detail}"


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    """Every check's outcome, in the order in which a person would look. Each is said as soon as it is known."""
    ways_in = [name for name in ("slack_signing_secret", "slack_app_token") if getattr(settings, name)]
    yield _ways_in(ways_in)
    for name in ("slack_bot_token", "enkapush_api_key"):
        yield _is_set(settings, name)
    yield await _checked("database", lambda: _database(settings))
    if settings.slack_bot_token is None or settings.enkapush_api_key is None:
        return
    try:
        with _with_a_database(settings) as whole:
            async with flowbot(whole) as bot:
                for name, look in _looks(whole, bot).items():
                    yield await _checked(name, look)
    except ConfigurationError as error:
        yield Finding("start", well=False, detail=str(error))
    except Fault as fault:
        yield Finding("start", well=False, detail=told(fault))


@contextmanager
def _with_a_database(settings: Settings) -> Iterator[Settings]:
    """The settings; with an empty database for the while where theirs is not there: a check makes none."""
    if missing_file(settings.database_url.get_secret_value()) is None:
        yield settings
        return
    with TemporaryDirectory(prefix="flowbot-check-") as folder:
        yield settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{folder}/empty.db")})


def _looks(settings: Settings, bot: Flowbot) -> dict[str, Callable[[], Awaitable[str]]]:
    looks: dict[str, Callable[[], Awaitable[str]]] = {
        "slack token": lambda: _slack(bot),
        "slack scopes": lambda: _scopes(bot),
        "slack user groups": lambda: _groups(settings, bot),
        "enkapush": lambda: _enkapush(settings, bot),
        "policy": lambda: _policy(settings),
    }
    if settings.slack_app_token is not None:
        looks["slack socket mode"] = lambda: _socket(settings, bot)
    return looks


def _ways_in(set_names: list[str]) -> Finding:
    modes = {"slack_signing_secret": "HTTP mode (flowbot serve)", "slack_app_token": "Socket Mode (flowbot socket)"}
    if set_names:
        return Finding("ways in", well=True, detail=" and ".join(modes[name] for name in set_names))
    return Finding(
        "ways in", well=False, detail="set SLACK_SIGNING_SECRET for HTTP mode or SLACK_APP_TOKEN for Socket Mode"
    )


def _is_set(settings: Settings, name: str) -> Finding:
    well = getattr(settings, name) is not None
    return Finding(name.upper(), well=well, detail="set" if well else "not set (see .env.example)")


async def _checked(name: str, look: Callable[[], Awaitable[str]]) -> Finding:
    try:
        return Finding(name, well=True, detail=await look())
    except SlackApiError as error:
        return Finding(name, well=False, detail=f"Slack says {word_for(error)}")
    except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
        return Finding(name, well=False, detail=f"no answer from Slack ({type(error).__name__})")
    except (ConfigurationError, _Unwell) as error:
        return Finding(name, well=False, detail=str(error))
    except Fault as fault:
        return Finding(name, well=False, detail=told(fault))


async def _database(settings: Settings) -> str:
    async with opened_database(settings, only_if_there=True) as database:
        state = await database.revision_state()
    return f"answers, revision {state.current}"


async def _slack(bot: Flowbot) -> str:
    answer = await bot.slack.auth_test()
    return f"{answer.get('user')} in {answer.get('team')}"


async def _scopes(bot: Flowbot) -> str:
    answer = await bot.slack.auth_test()
    granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not granted:
        return "Slack does not say which are granted"
    if missing := SCOPES - granted:
        raise _Unwell(f"missing {', '.join(sorted(missing))}; reinstall the app from manifest.yml")
    return "all granted"


async def _groups(settings: Settings, bot: Flowbot) -> str:
    wanted = (await _book(settings)).groups

    async def named() -> frozenset[GroupId]:
        return wanted

    known = await SlackDirectory(bot.slack, named).groups()
    if unknown := wanted - set(known):
        raise _Unwell(f"the policy names {', '.join(sorted(unknown))}, which Slack does not know")
    return f"{len(known)} in Slack, {len(wanted)} in the policy"


async def _socket(settings: Settings, bot: Flowbot) -> str:
    token = settings.slack_app_token
    await bot.slack.apps_connections_open(app_token=token.get_secret_value() if token else "")
    return "may connect"


async def _enkapush(settings: Settings, bot: Flowbot) -> str:
    address = settings.enkapush_api_url
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), enkapush_client(settings, bot.metrics) as client:
            await EnkapushFlows(client, settings.zone).ping()
    except TimeoutError:
        raise _Unwell(f"{address} {ENKAPUSH['slow']} ({PATIENCE_SECONDS:g} seconds)") from None
    except Fault as fault:
        wrong = ENKAPUSH.get(in_a_word(fault), "answers with an error")
        raise _Unwell(with_cause(f"{address} {wrong}", fault)) from fault
    return f"{address} answers"


async def _policy(settings: Settings) -> str:
    book = await _book(settings)
    if not book.channels:
        raise _Unwell("no channel has a policy, so nobody can do anything; see flowbot policy import")
    return f"{len(book.channels)} channel(s), {len(book.websites)} named website(s)"


async def _book(settings: Settings) -> PolicyBook:
    async with opened_database(settings) as database:
        return await StoredPolicies(database, now).book()


def run(settings: Settings, say: Callable[[str], None]) -> bool:
    """Say every finding; whether all are well."""

    async def collect() -> bool:
        well = True
        async for finding in findings(settings):
            say(str(finding))
            well = well and finding.well
        return well

    return asyncio.run(collect())
