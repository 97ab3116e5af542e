"""Results of checks, and the errors that become one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Final, ParamSpec

import aiohttp
from slack_sdk.errors import SlackApiError

from flowbot.errors import REFUSED_TOKEN, ConfigurationError, DependencyError, SlackFaultError, describe_os_error
from flowbot.i18n.translator import describe_fault
from flowbot.slack.api.errors import SLACK_ERRORS, UnreadableAnswerError, error_code

Params = ParamSpec("Params")

NO_REFUSALS: Final = frozenset({"unknown_error", "no_json"})
"""Codes that flowbot gives to answers which are not in Slack's form."""


class CheckFailedError(Exception):
    """A check found a problem. The message says which."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The outcome of one check."""

    name: str
    passed: bool
    detail: str

    def __str__(self) -> str:
        return f"{'ok  ' if self.passed else 'FAIL'}  {self.name}: {self.detail}"


def check(name: str) -> Callable[[Callable[Params, Awaitable[str]]], Callable[Params, Awaitable[CheckResult]]]:
    """Make a check of a function that returns the detail of a success and raises where it finds a problem."""

    def decorate(look: Callable[Params, Awaitable[str]]) -> Callable[Params, Awaitable[CheckResult]]:
        @wraps(look)
        async def run(*args: Params.args, **kwargs: Params.kwargs) -> CheckResult:
            try:
                return CheckResult(name, passed=True, detail=await look(*args, **kwargs))
            except (*SLACK_ERRORS, SlackFaultError) as error:
                detail = _describe_slack_error(error)
            except (ConfigurationError, CheckFailedError) as error:
                detail = str(error)
            except DependencyError as fault:
                detail = describe_fault(fault)
            return CheckResult(name, passed=False, detail=detail)

        return run

    return decorate


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
