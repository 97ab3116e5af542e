"""Input of the policy form about what flowbot reports by itself, and in which language, to and from a policy."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowbot.domain.policy import MAX_MIN_SENT, BreakerRule, ChannelPolicy, DigestRule, WatchRule, WatchTell
from flowbot.errors import Text
from flowbot.i18n.weekdays import read_weekly_time
from flowbot.services.policy_checks import PolicyField
from flowbot.slack.forms.policy.numbers import find_number_problem, read_percentage, write_percentage


@dataclass(frozen=True, slots=True)
class ReportInput:
    """The fields, as typed. Empty: none, or the default.

    Attributes:
        min_sent, min_click_rate, max_close_rate: The breaker's; without a rate there is none. Rates are percentages.
        digest: A weekday and a time, as rules have them; as typed where it is none.
    """

    language: str = ""
    tell: str = WatchTell.ALL
    min_sent: str = "1000"
    min_click_rate: str = ""
    max_close_rate: str = ""
    digest: str = ""

    @classmethod
    def from_policy(cls, policy: ChannelPolicy) -> "ReportInput":
        """Return the values for a policy."""
        digest = policy.digest.at if policy.digest else ""
        shown = cls(language=policy.language or "", tell=policy.watch.tell, digest=digest)
        if (breaker := policy.breaker) is None:
            return shown
        return replace(
            shown,
            min_sent=str(breaker.min_sent),
            min_click_rate=write_percentage(breaker.min_click_rate),
            max_close_rate=write_percentage(breaker.max_close_rate),
        )

    def find_problems(self) -> Mapping[PolicyField, Text]:
        """Return the problems by field."""
        problems = {PolicyField.BREAKER_SENT: find_number_problem(self.min_sent, MAX_MIN_SENT)}
        rates = {PolicyField.BREAKER_CLICKS: self.min_click_rate, PolicyField.BREAKER_CLOSES: self.max_close_rate}
        for field, typed in rates.items():
            problems[field] = Text("setup.problem_rate") if typed and read_percentage(typed) is None else None
        is_time = not self.digest or read_weekly_time(self.digest) is not None
        problems[PolicyField.DIGEST] = None if is_time else Text("setup.problem_digest")
        return {field: problem for field, problem in problems.items() if problem is not None}

    def list_rules(self) -> dict[str, Any]:
        """Return the policy's rules. Only where `find_problems` finds none.

        Left out where they are the defaults: an older flowbot beside this one cannot read a policy that has them.
        """
        rules: dict[str, Any] = {"language": self.language} if self.language else {}
        if self.tell in set(WatchTell) - {WatchTell.ALL}:
            rules["watch"] = WatchRule(tell=WatchTell(self.tell))
        rates = {
            "min_click_rate": read_percentage(self.min_click_rate),
            "max_close_rate": read_percentage(self.max_close_rate),
        }
        if given := {name: rate for name, rate in rates.items() if rate is not None}:
            rules["breaker"] = BreakerRule(min_sent=int(self.min_sent), **given)
        if at := read_weekly_time(self.digest):
            rules["digest"] = DigestRule(at=str(at))
        return rules
