"""`flowbot check`: is everything set up right? One line a check."""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Final, ParamSpec
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from flowbot.bootstrap import create_enkapush_client
from flowbot.config import Settings, secret_value
from flowbot.domain.ids import GroupId
from flowbot.domain.policy import PolicyBook
from flowbot.enkapush.client import Exchange
from flowbot.enkapush.reader import EnkapushReader
from flowbot.errors import REFUSED_TOKEN, ConfigurationError, DependencyError, SlackFaultError, describe_os_error
from flowbot.i18n.translator import append_cause, describe_fault, describe_text
from flowbot.observability.health import PROBE_TIMEOUT_SECONDS
from flowbot.services.clock import parse_date
from flowbot.services.policy_checks import PolicyChecker
from flowbot.services.ports import utc_now
from flowbot.services.quorum import QuorumChecker
from flowbot.services.setup_findings import Finding
from flowbot.services.users import UserService
from flowbot.slack.api import client
from flowbot.slack.api.errors import SLACK_ERRORS, UnreadableAnswerError, error_code
from flowbot.slack.api.users import SlackUserDirectory, find_installation_problem
from flowbot.slack.manifest import SCOPES
from flowbot.storage.migrations import open_for_reading, read_revision_state
from flowbot.storage.repositories.policies import PolicyRepository
from flowbot.storage.repositories.row_check import find_unreadable

Params = ParamSpec("Params")

ENKAPUSH_PROBLEMS: Final = {
    "key": "refuses ENKAPUSH_API_KEY",
    "busy": "is asked too much right now",
    "slow": "does not answer in time",
    "down": "cannot be reached",
}
"""Problems with Enkapush by the status that `health` gives them. Any other is an error that Enkapush answers with."""
MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=1)
"""Machines whose clocks are set by NTP are never that far apart."""
MAX_DATE_DIFFERENCE: Final = timedelta(seconds=3)
"""Beyond what a `Date` can hide, which tells whole seconds, and far below the five minutes of Slack's signatures."""
NEWEST_ROWS: Final = 1000
"""So many of a long table are looked through beside what people do."""
NAMED_ROWS: Final = 5
DATE_STEP: Final = timedelta(seconds=1)
NO_REFUSALS: Final = frozenset({"unknown_error", "no_json"})
"""Codes that flowbot gives to answers which are not in Slack's form."""
SIGNING_SECRET: Final = re.compile(r"[0-9a-f]{32}")
"""The form of Slack's own; a stand-in may have another."""
CLOCK_ADVICE: Final = {
    "Slack": "expiry goes by it, and past five minutes Slack's requests are refused; set it by NTP",
    "Enkapush": "set it by NTP, unless it agrees with Slack's: then Enkapush's is wrong",
}


class _CheckFailedError(Exception):
    """A check found a problem. The message says which."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    name: str
    passed: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.name}: {self.detail}"


@dataclass(frozen=True, slots=True)
class DatedAnswer:
    """The `Date` of an answer from outside, and when it was waited for by this machine's clock.

    Attributes:
        asked: Before the request left.
        received: After the answer came.
        date: The header, or None where there is none.
    """

    asked: datetime
    received: datetime
    date: str | None


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


def _describe_slack_error(error: Exception) -> str:
    """Say what Slack refuses, or why there is no answer of Slack's, and where it was asked."""
    if isinstance(error, SlackFaultError):
        if error.code in REFUSED_TOKEN:
            return "cannot be read; see slack token"
        return _describe_slack_error(error.__cause__) if isinstance(error.__cause__, SLACK_ERRORS) else str(error.code)
    if isinstance(error, UnreadableAnswerError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"Slack cannot be reached at {error.host}:{error.port} ({describe_os_error(error)})"
    code = error_code(error)
    if code in NO_REFUSALS or not isinstance(error, SlackApiError):
        address = getattr(getattr(error, "response", None), "api_url", "Slack")
        return f"{address} does not answer as Slack does ({code})"
    return f"Slack says {code}"


def _check(name: str) -> Callable[[Callable[Params, Awaitable[str]]], Callable[Params, Awaitable[CheckResult]]]:
    """Make a check of a function that returns the detail of a success and raises where it finds a problem."""

    def decorate(look: Callable[Params, Awaitable[str]]) -> Callable[Params, Awaitable[CheckResult]]:
        @wraps(look)
        async def run(*args: Params.args, **kwargs: Params.kwargs) -> CheckResult:
            try:
                return CheckResult(name, passed=True, detail=await look(*args, **kwargs))
            except (*SLACK_ERRORS, SlackFaultError) as error:
                detail = _describe_slack_error(error)
            except (ConfigurationError, _CheckFailedError) as error:
                detail = str(error)
            except DependencyError as fault:
                detail = describe_fault(fault)
            return CheckResult(name, passed=False, detail=detail)

        return run

    return decorate


@_check("SLACK_SIGNING_SECRET")
async def _check_signing_secret(settings: Settings) -> str:
    is_slack = urlsplit(settings.slack_api_url).hostname == "slack.com"
    if is_slack and not SIGNING_SECRET.fullmatch(secret_value(settings.slack_signing_secret)):
        raise _CheckFailedError("must be 32 digits of 0-9 and a-f (Basic Information → App Credentials)")
    return "set; only Slack can tell whether it is right"


@_check("database")
async def _check_database(settings: Settings) -> str:
    async with open_for_reading(settings.database_url.get_secret_value()) as database:
        state = await read_revision_state(database)
        await database.ping()
        theirs, ours = await database.clock(), utc_now()
    apart = abs(theirs - ours) if theirs is not None else timedelta()
    if apart > MAX_CLOCK_DIFFERENCE:
        raise _CheckFailedError(
            f"its clock and this machine's are {apart.total_seconds():.1f} s apart: requests "
            "would expire too early or too late; set both by NTP"
        )
    return f"answers, revision {state.current}"


@_check("database rows")
async def _check_rows(settings: Settings, newest: int | None) -> str:
    async with open_for_reading(settings.database_url.get_secret_value(), log_unreadable=False) as database:
        found = await find_unreadable(database, newest)
    if found:
        named = [f"{error.table} {error.name} ({error.reason})" for error in found[:NAMED_ROWS]]
        more = [f"and {len(found) - len(named)} more"] * (len(found) > len(named))
        raise _CheckFailedError(f"cannot be read and are left alone: {'; '.join([*named, *more])}")
    return "all can be read" if newest is None else f"the newest {newest} can be read"


@_check("slack token")
async def _check_token(slack: AsyncWebClient, identity: Awaitable[AsyncSlackResponse]) -> str:
    answer = await identity
    if problem := await find_installation_problem(slack, answer):
        raise _CheckFailedError(problem)
    return f"{answer.get('user')} in {answer.get('team')}"


@_check("slack scopes")
async def _check_scopes(identity: Awaitable[AsyncSlackResponse]) -> str:
    answer = await identity
    granted = {scope.strip() for scope in answer.headers.get("x-oauth-scopes", "").split(",") if scope.strip()}
    if not granted:
        return "Slack does not say which are granted"
    if missing := frozenset(SCOPES) - granted:
        raise _CheckFailedError(f"missing {', '.join(sorted(missing))}; update the app's manifest (flowbot manifest)")
    return "all granted"


@_check("slack user groups")
async def _check_groups(slack: AsyncWebClient, book: PolicyBook | None) -> str:
    wanted = book.groups if book else frozenset()

    async def named() -> frozenset[GroupId]:
        return wanted

    known = await SlackUserDirectory(slack, named).list_groups()
    if unknown := wanted - set(known):
        raise _CheckFailedError(f"the policy names {', '.join(sorted(unknown))}, which Slack does not know")
    return f"{len(known)} in Slack, {len(wanted)} in the policy"


@_check("slack approvers")
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
    found = await checker.find_unapprovable((policy for policy in book.channels if policy.editors), groups)
    if found:
        lines = (f"{channel}: {describe_text(each)}" for channel, problems in found.items() for each in problems)
        raise _CheckFailedError("; ".join(lines))
    return "every policy has enough, as far as Slack tells"


@_check("slack socket mode")
async def _check_socket(settings: Settings, slack: AsyncWebClient) -> str:
    await slack.apps_connections_open(app_token=secret_value(settings.slack_app_token))
    return "may connect"


@_check("enkapush")
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
        raise _CheckFailedError(f"{address} {ENKAPUSH_PROBLEMS['slow']} ({PROBE_TIMEOUT_SECONDS:g} seconds)") from None
    except DependencyError as fault:
        problem = ENKAPUSH_PROBLEMS.get(fault.status, "answers with an error")
        raise _CheckFailedError(append_cause(f"{address} {problem}", fault)) from fault
    return f"{address} answers"


@_check("policy")
async def _check_policy(book: PolicyBook | None) -> str:
    if book is None:
        raise _CheckFailedError("cannot be read; see database")
    if not book.channels:
        raise _CheckFailedError("no channel is set up yet: type /flows setup in one, or see flowbot policy import")
    freezes = f", {_count(book.freezes, 'freeze')}" if book.freezes else ""
    return f"{_count(book.channels, 'channel')}, {_count(book.websites, 'named website')}{freezes}"


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


def compare_clocks(whose: str, answer: DatedAnswer | None) -> CheckResult:
    """Compare this machine's clock with the `Date` of an answer; one that cannot be read is no failure.

    The answer was dated between asking and receiving, in any part of its second: only a difference beyond both counts.
    """
    name = f"{whose.lower()} clock"
    if answer is None:
        return CheckResult(name, passed=True, detail="not known, there was no answer")
    if (theirs := parse_date(answer.date)) is None:
        return CheckResult(name, passed=True, detail=f"not known, {whose}'s answer has no Date that can be read")
    least, most = answer.asked - theirs - DATE_STEP, answer.received - theirs
    if least <= MAX_DATE_DIFFERENCE and most >= -MAX_DATE_DIFFERENCE:
        bound = math.ceil(max(abs(least), abs(most)).total_seconds())
        return CheckResult(name, passed=True, detail=f"agrees with this machine's to within {bound} s")
    apart = ((least + most) / 2).total_seconds()
    where = "ahead of" if apart > 0 else "behind"
    detail = f"this machine's is {abs(apart):.0f} s {where} it: {CLOCK_ADVICE[whose]}"
    return CheckResult(name, passed=False, detail=detail)
