"""`flowbot check`: is everything set up right? One line a check."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from flowbot.bootstrap import create_enkapush_client, secret_value
from flowbot.config import Settings
from flowbot.domain.ids import GroupId
from flowbot.domain.policy import PolicyBook
from flowbot.enkapush.reader import EnkapushReader
from flowbot.errors import ConfigurationError, DependencyError
from flowbot.i18n.translator import append_cause, describe_fault
from flowbot.observability.health import PROBE_TIMEOUT_SECONDS, fault_status
from flowbot.observability.metrics import Metrics
from flowbot.services.ports import utc_now
from flowbot.slack.api import client
from flowbot.slack.api.errors import SLACK_ERRORS, error_code
from flowbot.slack.api.users import SlackUserDirectory
from flowbot.storage.migrations import open_migrated, read_revision_state
from flowbot.storage.repositories.policies import PolicyRepository

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


ENKAPUSH_PROBLEMS: Final = {
    "key": "refuses ENKAPUSH_API_KEY",
    "busy": "is asked too much right now",
    "slow": "does not answer in time",
    "down": "cannot be reached",
}
"""What is wrong with Enkapush, by the word of `health`; everything else is an error that it answers with."""


MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=1)
"""Far from the three seconds after which a process takes a change over from another, by its own clock."""


class _CheckError(Exception):
    """A check found something wrong: says what."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    name: str
    passed: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.name}: {self.detail}"


async def run_checks(settings: Settings) -> AsyncIterator[CheckResult]:
    """Every check's outcome, in the order in which a person would look. Each is said as soon as it is known.

    Nothing is changed by it, in the database or anywhere else: no bot is started for it.
    """
    ways_in = [name for name in ("slack_signing_secret", "slack_app_token") if getattr(settings, name)]
    yield _ways_in(ways_in)
    for name in ("slack_bot_token", "enkapush_api_key"):
        yield _check_setting(settings, name)
    database = await _run_check("database", lambda: _database(settings))
    yield database
    if settings.slack_bot_token is None or settings.enkapush_api_key is None:
        return
    async with client.open_session() as session:
        slack = client.create_web_client(settings.slack_api_url, secret_value(settings.slack_bot_token), session)
        book = await _read_policies(settings) if database.passed else None
        for name, look in _remaining_checks(settings, slack, book).items():
            yield await _run_check(name, look)


def _remaining_checks(
    settings: Settings, slack: AsyncWebClient, book: PolicyBook | None
) -> dict[str, Callable[[], Awaitable[str]]]:
    looks: dict[str, Callable[[], Awaitable[str]]] = {
        "slack token": lambda: _slack(slack),
        "slack scopes": lambda: _scopes(slack),
        "slack user groups": lambda: _groups(slack, book),
        "enkapush": lambda: _enkapush(settings),
        "policy": lambda: _policy(book),
    }
    if settings.slack_app_token is not None:
        looks["slack socket mode"] = lambda: _socket(settings, slack)
    return looks


def _ways_in(set_names: list[str]) -> CheckResult:
    modes = {"slack_signing_secret": "HTTP mode (flowbot serve)", "slack_app_token": "Socket Mode (flowbot socket)"}
    if set_names:
        return CheckResult("ways in", passed=True, detail=" and ".join(modes[name] for name in set_names))
    return CheckResult(
        "ways in", passed=False, detail="set SLACK_SIGNING_SECRET for HTTP mode or SLACK_APP_TOKEN for Socket Mode"
    )


def _check_setting(settings: Settings, name: str) -> CheckResult:
    well = getattr(settings, name) is not None
    return CheckResult(name.upper(), passed=well, detail="set" if well else "not set (see .env.example)")


async def _run_check(name: str, look: Callable[[], Awaitable[str]]) -> CheckResult:
    try:
        return CheckResult(name, passed=True, detail=await look())
    except SlackApiError as error:
        return CheckResult(name, passed=False, detail=f"Slack says {error_code(error)}")
    except SLACK_ERRORS as error:
        return CheckResult(name, passed=False, detail=f"no answer from Slack ({type(error).__name__})")
    except (ConfigurationError, _CheckError) as error:
        return CheckResult(name, passed=False, detail=str(error))
    except DependencyError as fault:
        return CheckResult(name, passed=False, detail=describe_fault(fault))


async def _database(settings: Settings) -> str:
    async with open_migrated(settings.database_url.get_secret_value(), upgrade_sqlite=False) as database:
        state = await read_revision_state(database)
        theirs, ours = await database.clock(), utc_now()
    apart = abs(theirs - ours) if theirs is not None else timedelta()
    if apart > MAX_CLOCK_DIFFERENCE:
        raise _CheckError(
            f"its clock and this machine's are {apart.total_seconds():.1f} s apart: processes that share "
            "it would take changes from each other; set both by NTP"
        )
    return f"answers, revision {state.current}"


async def _slack(slack: AsyncWebClient) -> str:
    answer = await slack.auth_test()
    return f"{answer.get('user')} in {answer.get('team')}"


async def _scopes(slack: AsyncWebClient) -> str:
    answer = await slack.auth_test()
    granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not granted:
        return "Slack does not say which are granted"
    if missing := SCOPES - granted:
        raise _CheckError(f"missing {', '.join(sorted(missing))}; reinstall the app from manifest.yml")
    return "all granted"


async def _groups(slack: AsyncWebClient, book: PolicyBook | None) -> str:
    wanted = book.groups if book else frozenset()

    async def named() -> frozenset[GroupId]:
        return wanted

    known = await SlackUserDirectory(slack, named).list_groups()
    if unknown := wanted - set(known):
        raise _CheckError(f"the policy names {', '.join(sorted(unknown))}, which Slack does not know")
    return f"{len(known)} in Slack, {len(wanted)} in the policy"


async def _socket(settings: Settings, slack: AsyncWebClient) -> str:
    await slack.apps_connections_open(app_token=secret_value(settings.slack_app_token))
    return "may connect"


async def _enkapush(settings: Settings) -> str:
    address = settings.enkapush_api_url
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS), create_enkapush_client(settings, Metrics()) as account:
            await EnkapushReader(account, settings.zone).ping()
    except TimeoutError:
        raise _CheckError(f"{address} {ENKAPUSH_PROBLEMS['slow']} ({PROBE_TIMEOUT_SECONDS:g} seconds)") from None
    except DependencyError as fault:
        wrong = ENKAPUSH_PROBLEMS.get(fault_status(fault), "answers with an error")
        raise _CheckError(append_cause(f"{address} {wrong}", fault)) from fault
    return f"{address} answers"


async def _policy(book: PolicyBook | None) -> str:
    if book is None:
        raise _CheckError("cannot be read; see database")
    if not book.channels:
        raise _CheckError("no channel has a policy, so nobody can do anything; see flowbot policy import")
    return f"{len(book.channels)} channel(s), {len(book.websites)} named website(s)"


async def _read_policies(settings: Settings) -> PolicyBook | None:
    """The policies, or None where they cannot be read: what the matter is, the check of the database has said."""
    try:
        async with open_migrated(settings.database_url.get_secret_value(), upgrade_sqlite=False) as database:
            return await PolicyRepository(database, utc_now).get_book()
    except (ConfigurationError, DependencyError):
        return None


def run_diagnostics(settings: Settings, say: Callable[[str], None]) -> bool:
    """Say every finding; whether all are well."""

    async def collect() -> bool:
        well = True
        async for finding in run_checks(settings):
            say(str(finding))
            well = well and finding.passed
        return well

    return asyncio.run(collect())
