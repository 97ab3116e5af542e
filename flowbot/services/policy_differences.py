"""Differences between two policy books, a line each: what an import would change, and for whom."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel

from flowbot.domain.approval_rule import EVERYONE, ApprovalRule
from flowbot.domain.freezes import Freeze
from flowbot.domain.policy import BreakerRule, ChannelPolicy, DigestRule, PolicyBook, WatchRule

_SECTIONS: Final[Mapping[str, type[BaseModel]]] = {
    "approval": ApprovalRule,
    "watch": WatchRule,
    "breaker": BreakerRule,
    "digest": DigestRule,
}
GRANTS: Final = {
    "viewers": ("can see flows", "can no longer see flows as a viewer"),
    "editors": ("can edit flows", "can no longer edit flows"),
    "approvers": ("can approve", "no longer approves"),
    "approval.escalate_to": ("can decide once a request is escalated", "no longer decides once a request is escalated"),
    "approval.break_glass": ("can skip approval", "can no longer skip approval"),
}
"""Rules that list people and groups: what an entry grants, and what its loss takes away."""


def describe_differences(before: PolicyBook, after: PolicyBook) -> list[str]:
    """Describe what changes from one book to another; nothing where both say the same."""
    return [*_describe_names(before, after), *_describe_channels(before, after), *_describe_freezes(before, after)]


def _describe_names(before: PolicyBook, after: PolicyBook) -> Iterator[str]:
    for website in sorted({*before.websites, *after.websites}):
        old, new = before.websites.get(website), after.websites.get(website)
        if new is None:
            yield f"website {website}: no longer named {old}"
        elif old is None:
            yield f"website {website}: named {new}"
        elif new != old:
            yield f"website {website}: renamed {old} → {new}"


def _describe_channels(before: PolicyBook, after: PolicyBook) -> Iterator[str]:
    for policy in before.channels:
        if after.policy(policy.id) is None:
            yield f"{policy.id}: nobody can use flowbot any more"
    for policy in after.channels:
        old = before.policy(policy.id)
        if old is None:
            yield f"{policy.id}: flowbot is set up"
        differences = _describe_rules(old or ChannelPolicy(id=policy.id, websites=()), policy)
        yield from (f"{policy.id}: {difference}" for difference in differences)


def _describe_freezes(before: PolicyBook, after: PolicyBook) -> Iterator[str]:
    for freeze in before.freezes:
        if freeze not in after.freezes:
            yield f"freeze {freeze.name} ends: {_describe_freeze(freeze)}"
    for freeze in after.freezes:
        if freeze not in before.freezes:
            yield f"freeze {freeze.name} holds: {_describe_freeze(freeze)}"


def _describe_freeze(freeze: Freeze) -> str:
    channels = ", ".join(freeze.channels or ("all channels",))
    if freeze.holidays is not None:
        half_days = f", half days from {freeze.half_day_from}" if freeze.half_day_from else ""
        return f"{channels}, holidays of {freeze.holidays}{half_days}"
    if freeze.weekly is not None:
        return f"{channels}, weekly {', '.join(freeze.weekly)}"
    return f"{channels}, {freeze.first_day} to {freeze.last_day}"


def _describe_rules(before: ChannelPolicy, after: ChannelPolicy) -> Iterator[str]:
    old, new = _plain_rules(before), _plain_rules(after)
    for rule, value in new.items():
        if rule in GRANTS:
            gained, lost = GRANTS[rule]
            yield from (f"{_name(entry)} {gained}" for entry in _missing_in(old[rule], value))
            yield from (f"{_name(entry)} {lost}" for entry in _missing_in(value, old[rule]))
        elif rule == "websites" and isinstance(value, list) and isinstance(old[rule], list):
            yield from (f"website {website} is added" for website in _missing_in(old[rule], value))
            yield from (f"website {website} is removed" for website in _missing_in(value, old[rule]))
        elif value != old[rule]:
            name = rule.removeprefix("approval.").replace(".", " ")
            formatter = _FORMATTERS.get(rule, _format)
            yield f"{name} {formatter(old[rule])} → {formatter(value)}"


def _plain_rules(policy: ChannelPolicy) -> dict[str, Any]:
    """Return a policy as plain data, the rules of its sections beside the others; approvers are those of all stages."""
    plain = policy.model_dump(mode="json", exclude={"id"}) | {"approvers": list(map(str, policy.all_approvers))}
    for name, section in _SECTIONS.items():
        rules = plain.pop(name) or dict.fromkeys(section.model_fields)
        plain |= {f"{name}.{key}": value for key, value in rules.items()}
    return plain


def _missing_in(entries: Iterable[str], others: Iterable[str]) -> list[str]:
    known = set(entries)
    return [entry for entry in others if entry not in known]


def _name(entry: str) -> str:
    return "everyone in the channel" if entry == EVERYONE else entry


def _format(value: object) -> str:
    match value:
        case None | []:
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _format_stages(stages: Sequence[Sequence[str]]) -> str:
    return ", then ".join(" + ".join(map(_name, stage)) for stage in stages) or "none"


def _format_quorum_over(thresholds: Mapping[str, int]) -> str:
    ordered = sorted((int(size), quorum) for size, quorum in thresholds.items())
    return ", ".join(f"{quorum} from {size} subscribers" for size, quorum in ordered) or "none"


_FORMATTERS: Final[Mapping[str, Callable[[Any], str]]] = {
    "approval.stages": _format_stages,
    "approval.quorum_over": _format_quorum_over,
}
