"""`flowbot check`: is everything set up right? One line a check."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sized
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.bootstrap import create_enkapush_client
from flowbot.config import Settings, secret_value
from flowbot.diagnostics.clocks import DatedAnswer, compare_clocks
from flowbot.diagnostics.results import CheckFailedError, CheckResult, check
from flowbot.domain.ids import GroupId
from flowbot.domain.policy import PolicyBook
from flowbot.enkapush.client import Exchange
from flowbot.enkapush.reader import EnkapushReader
from flowbot.errors import ConfigurationError, DependencyError
from flowbot.i18n.translator import append_cause, describe_text
from flowbot.observability.health import PROBE_TIMEOUT_SECONDS
from flowbot.services.policy_checks import PolicyChecker
from flowbot.services.ports import utc_now
from flowbot.services.quorum import QuorumChecker
from flowbot.services.setup_findings import Finding
from flowbot.services.users import UserService
from flowbot.slack.api import client
from flowbot.slack.api.users import SlackUserDirectory, find_installation_problem
from flowbot.slack.manifest import SCOPES
from flowbot.storage.migrations import open_for_reading, read_revision_state
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.row_check import find_unreadable

ENKAPUSH_PROBLEMS: Final = {
    "key": "refuses ENKAPUSH_API_KEY",
    "busy": "is asked too much right now",
    "slow": "does not answer in time",
    "down": "cannot be reached",
}
"""Problems with Enkapush by the status that `health` gives them. Any other is an error that Enkapush answers with."""
MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=1)
"""Machines whose clocks are set by NTP are never that far apart."""
NEWEST_ROWS: Final = 1000
"""So many of a long table are looked through beside what people do."""
NAMED_ROWS: Final = 5
SIGNING_SECRET: Final = re.compile(r"[0-9a-f]{32}")
"""The form of Slack's own; a stand-in may have another."""


def run_diagnostics(settings: Settings, say: Callable[[str], None]) -> bool:
    """Say the result of every check, one line each, and return whether all passed."""

    async def collect() -> bool:
        passed = True
        async for result in run_checks(settings):
            say(str(result))
            passed = passed and result.passed
        return passed

    return asyncio.run(collect())


async def find_problems(settings: Settings) -> list[Finding]:
    """Run all checks, and return what those found that failed."""
    results = run_checks(settings, newest_rows=NEWEST_ROWS)
    return [Finding(result.name, result.detail) async for result in results if not result.passed]


async def run_checks(settings: Settings, newest_rows: int | None = None) -> AsyncIterator[CheckResult]:
    """Run all checks in the order in which a person would look, and yield each result as soon as it is known.

    Nothing is changed, in the database or anywhere else, and no bot is started.

    Args:
        settings: those to check.
        newest_rows: so many of the database's longest tables are looked through; None for all.
    """
    modes = {"slack_signing_secret": "HTTP mode (flowbot serve)", "slack_app_token": "Socket Mode (flowbot socket)"}
    ready = " and ".join(mode for name, mode in modes.items() if getattr(settings, name))
    advice = "set SLACK_SIGNING_SECRET for HTTP mode or SLACK_APP_TOKEN for Socket Mode"
    yield CheckResult("ways in", passed=bool(ready), detail=ready or advice)
    for name in ("slack_bot_token", "enkapush_api_key"):
        is_set = getattr(settings, name) is not None
        yield CheckResult(name.upper(), passed=is_set, detail="set" if is_set else "not set (see .env.example)")
    if settings.slack_signing_secret is not None:
        yield await _check_signing_secret(settings)
    database = await _check_database(settings)
    yield database
    yield CheckResult("watch", passed=True, detail=_describe_watch(settings.flowbot_watch_seconds))
    if settings.slack_bot_token is None or settings.enkapush_api_key is None:
        return
    if database.passed:
        yield await _check_rows(settings, newest_rows)
    book = await _read_policies(settings) if database.passed else None
    async with client.open_session() as session:
        slack = client.create_web_client(settings.slack_api_url, secret_value(settings.slack_bot_token), session)
        asked = utc_now()
        identity = asyncio.create_task(slack.auth_test())
        await asyncio.wait([identity])
        answer = _date_answer(asked, identity)
        yield await _check_token(slack, identity)
        yield await _check_scopes(identity)
        yield compare_clocks("Slack", answer)
        yield await _check_groups(slack, book)
        yield await _check_approvers(slack, identity, book)
        answers: list[DatedAnswer] = []
        yield await _check_enkapush(settings, answers)
        yield compare_clocks("Enkapush", answers[-1] if answers else None)
        yield await _check_policy(book)
        if settings.slack_app_token is not None:
            yield await _check_socket(settings, slack)


async def check_secret(settings: Settings, name: str) -> CheckResult:
    """Check a token or the key with whom it is for; `name` is the setting's."""
    if name == "enkapush_api_key":
        return await _check_enkapush(settings, [])
    if name == "slack_signing_secret":
        return await _check_signing_secret(settings)
    async with client.open_session() as session:
        slack = client.create_web_client(settings.slack_api_url, secret_value(settings.slack_bot_token), session)
        if name == "slack_app_token":
            return await _check_socket(settings, slack)
        return await _check_token(slack, slack.auth_test())


@check("SLACK_SIGNING_SECRET")
async def _check_signing_secret(settings: Settings) -> str:
    is_slack = urlsplit(settings.slack_api_url).hostname == "slack.com"
    if is_slack and not SIGNING_SECRET.fullmatch(secret_value(settings.slack_signing_secret)):
        raise CheckFailedError("must be 32 digits of 0-9 and a-f (Basic Information → App Credentials)")
    return "set; only Slack can tell whether it is right"


@check("database")
async def _check_database(settings: Settings) -> str:
    async with open_for_reading(settings.database_url.get_secret_value()) as database:
        state = await read_revision_state(database)
        await database.ping()
        theirs, ours = await database.clock(), utc_now()
    apart = abs(theirs - ours) if theirs is not None else timedelta()
    if apart > MAX_CLOCK_DIFFERENCE:
        raise CheckFailedError(
            f"its clock and this machine's are {apart.total_seconds():.1f} s apart: requests "
            "would expire too early or too late; set both by NTP"
        )
    return f"answers, revision {state.current}"


@check("database rows")
async def _check_rows(settings: Settings, newest: int | None) -> str:
    async with open_for_reading(settings.database_url.get_secret_value(), log_unreadable=False) as database:
        found = await find_unreadable(database, newest)
    if found:
        named = [f"{error.table} {error.name} ({error.reason})" for error in found[:NAMED_ROWS]]
        more = [f"and {len(found) - len(named)} more"] * (len(found) > len(named))
        raise CheckFailedError(f"cannot be read and are left alone: {'; '.join([*named, *more])}")
    return "all can be read" if newest is None else f"the newest {newest} can be read"


@check("slack token")
async def _check_token(slack: AsyncWebClient, identity: Awaitable[AsyncSlackResponse]) -> str:
    answer = await identity
    if problem := await find_installation_problem(slack, answer):
        raise CheckFailedError(problem)
    return f"{answer.get('user')} in {answer.get('team')}"


@check("slack scopes")
async def _check_scopes(identity: Awaitable[AsyncSlackResponse]) -> str:
    answer = await identity
    granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not granted:
        return "Slack does not say which are granted"
    if missing := frozenset(SCOPES) - granted:
        raise CheckFailedError(f"missing {', '.join(sorted(missing))}; update the app's manifest (flowbot manifest)")
    return "all granted"


@check("slack user groups")
async def _check_groups(slack: AsyncWebClient, book: PolicyBook | None) -> str:
    wanted = book.groups if book else frozenset()

    async def named() -> frozenset[GroupId]:
        return wanted

    known = await SlackUserDirectory(slack, named).list_groups()
    if unknown := wanted - set(known):
        raise CheckFailedError(f"the policy names {', '.join(sorted(unknown))}, which Slack does not know")
    return f"{len(known)} in Slack, {len(wanted)} in the policy"


@check("slack approvers")
async def _check_approvers(
    slack: AsyncWebClient, identity: Awaitable[AsyncSlackResponse], book: PolicyBook | None
) -> str:
    if not (book and book.channels):
        return "not known, see database" if book is None else "none needed yet, see policy"

    async def named() -> frozenset[GroupId]:
        return book.groups

    users = UserService(SlackUserDirectory(slack, named, identity), frozenset())
    checker, groups = PolicyChecker(users, QuorumChecker(users)), await users.load_groups()
    # Where nobody edits, nobody asks for anything.
    policies = [policy for policy in book.channels if policy.editors]
    found = await checker.find_unapprovable(policies, groups)
    for policy in policies:
        if policy.id not in found and (useless := await checker.find_useless_rules(policy, groups)):
            found[policy.id] = tuple(useless.values())
    if found:
        lines = (f"{channel}: {describe_text(each)}" for channel, problems in found.items() for each in problems)
        raise CheckFailedError("; ".join(lines))
    return "every policy has enough, as far as Slack tells"


@check("slack socket mode")
async def _check_socket(settings: Settings, slack: AsyncWebClient) -> str:
    await slack.apps_connections_open(app_token=secret_value(settings.slack_app_token))
    return "may connect"


@check("enkapush")
async def _check_enkapush(settings: Settings, answers: list[DatedAnswer]) -> str:
    def keep_date(_template: str, exchange: Exchange, seconds: float) -> None:
        if exchange.status is not None:
            now = utc_now()
            answers.append(DatedAnswer(now - timedelta(seconds=seconds), now, exchange.date))

    address = settings.enkapush_api_url
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS), create_enkapush_client(settings, keep_date) as account:
            await EnkapushReader(account, settings.zone).ping()
    except TimeoutError:
        raise CheckFailedError(f"{address} {ENKAPUSH_PROBLEMS['slow']} ({PROBE_TIMEOUT_SECONDS:g} seconds)") from None
    except DependencyError as fault:
        problem = ENKAPUSH_PROBLEMS.get(fault.status, "answers with an error")
        raise CheckFailedError(append_cause(f"{address} {problem}", fault)) from fault
    return f"{address} answers"


@check("policy")
async def _check_policy(book: PolicyBook | None) -> str:
    if book is None:
        raise CheckFailedError("cannot be read; see database")
    if not book.channels:
        raise CheckFailedError("no channel is set up yet: type /flows setup in one, or see flowbot policy import")
    freezes = f", {_count(book.freezes, 'freeze')}" if book.freezes else ""
    return f"{_count(book.channels, 'channel')}, {_count(book.websites, 'named website')}{freezes}"


def _describe_watch(seconds: int) -> str:
    """Say how often flowbot looks for changes made outside, or what there is not without that."""
    if seconds:
        return f"looks for changes made outside flowbot every {seconds} seconds"
    return "off by FLOWBOT_WATCH_SECONDS=0: no changes made outside, figures by day, breakers or digests"


def _count(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


async def _read_policies(settings: Settings) -> PolicyBook | None:
    """Return all policies, or None where they cannot be read: the check of the database has said why."""
    try:
        async with open_for_reading(settings.database_url.get_secret_value(), log_unreadable=False) as database:
            return await PolicyRepository(database, utc_now).get_book()
    except (ConfigurationError, DependencyError):
        return None


def _date_answer(asked: datetime, call: asyncio.Task[AsyncSlackResponse]) -> DatedAnswer | None:
    """Return the `Date` of Slack's answer, of a refusal too, or None where no answer came."""
    answer = getattr(error, "response", None) if (error := call.exception()) else call.result()
    headers: Mapping[str, str] | None = getattr(answer, "headers", None)
    return None if headers is None else DatedAnswer(asked, utc_now(), headers.get("date"))
