"""Input of the policy form about what an approval takes beyond its quorum, to and from a rule."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flowbot.domain.approval_rule import MAX_EXPIRY_HOURS, MAX_QUORUM, MAX_SUBSCRIBERS, ApprovalRule
from flowbot.domain.text import is_blank, plain_number
from flowbot.errors import Text
from flowbot.services.policy_checks import PolicyField
from flowbot.slack.forms.policy.numbers import find_number_problem, is_whole_number
from flowbot.slack.forms.policy.roles import PolicyRole

_LINE: Final = re.compile(r"(?P<size>[0-9]{1,3}(?:[., ]?[0-9]{3})*)\s*[=:]\s*(?P<quorum>[0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RuleInput:
    """The fields, as typed and chosen.

    Attributes:
        quorum_over: A line for each audience: `10000 = 2`.
        escalate_after: In hours; empty for never.
    """

    quorum_over: str = ""
    stand_ins: bool = True
    reason_required: bool = False
    escalate_after: str = ""
    escalate_to: PolicyRole = field(default_factory=PolicyRole)

    @classmethod
    def from_rule(cls, rule: ApprovalRule) -> "RuleInput":
        """Return the values for a rule."""
        return cls(
            quorum_over=write_quorum_over(rule.quorum_over),
            stand_ins=rule.stand_ins,
            reason_required=rule.reason_required,
            escalate_after="" if rule.escalate_after_hours is None else str(rule.escalate_after_hours),
            escalate_to=PolicyRole.from_principals(rule.escalate_to),
        )

    def find_problems(self) -> Mapping[PolicyField, Text]:
        """Return the problems by field."""
        hours = find_number_problem(self.escalate_after, MAX_EXPIRY_HOURS) if self.escalate_after else None
        lines = None if read_quorum_over(self.quorum_over) is not None else Text("setup.problem_quorum_lines")
        problems = {PolicyField.QUORUM_OVER: lines, PolicyField.ESCALATE_AFTER: hours}
        return {name: problem for name, problem in problems.items() if problem is not None}

    def list_rules(self) -> dict[str, Any]:
        """Return the rule's keys. Only where `find_problems` finds none.

        Left out where they are the defaults: an older flowbot beside this one cannot read a policy that has them.
        """
        rules: dict[str, Any] = {}
        if lines := read_quorum_over(self.quorum_over):
            rules["quorum_over"] = lines
        if not self.stand_ins:
            rules["stand_ins"] = False
        if self.reason_required:
            rules["reason_required"] = True
        if self.escalate_after:
            rules["escalate_after_hours"] = int(self.escalate_after)
        if self.escalate_to.principals:
            rules["escalate_to"] = self.escalate_to.principals
        return rules


def read_quorum_over(typed: str) -> dict[int, int] | None:
    """Read quorums by the size of an audience, a line each, such as `10.000 = 2`; None where a line cannot be read."""
    found: dict[int, int] = {}
    for part in typed.splitlines():
        if is_blank(part):
            continue
        match = _LINE.fullmatch(plain_number(part))
        size = re.sub(r"[., ]", "", match["size"]) if match else ""
        quorum = match["quorum"] if match else ""
        is_valid = is_whole_number(size, MAX_SUBSCRIBERS) and is_whole_number(quorum, MAX_QUORUM)
        if not is_valid or int(size) in found:
            return None
        found[int(size)] = int(quorum)
    return found


def write_quorum_over(thresholds: Mapping[int, int]) -> str:
    """Write quorums by audience as they can be typed, a line each."""
    return "\n".join(f"{size} = {quorum}" for size, quorum in sorted(thresholds.items()))
