"""The views of a policy and of its changes."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.approval_rule import EVERYONE, Gate, NotifyMode, Principal
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import GroupId, UserId, WebsiteId
from flowbot.domain.policy import BreakerRule, ChannelPolicy, WatchTell, WebsiteRename
from flowbot.domain.weekly_time import WeeklyTime
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_fingerprint import approval_channel
from flowbot.services.ports.policies import FreezeReplacement
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.freezes import format_freeze
from flowbot.slack.views.message import Message

NAMED_MAX: Final = 30
OVERTAKEN_MAX: Final = 4
"""So many fields fit in a sentence."""
LABEL_KEYS: Final[Mapping[PolicyField, str]] = {
    PolicyField.WEBSITES: "setup.websites",
    PolicyField.ALL_WEBSITES: "setup.all_websites",
    PolicyField.VIEWERS: "setup.viewers",
    PolicyField.EDITORS: "setup.editors",
    PolicyField.APPROVERS: "setup.approvers",
    PolicyField.STAGES: "setup.stages",
    PolicyField.QUORUM: "setup.quorum",
    PolicyField.QUORUM_OVER: "setup.quorum_over",
    PolicyField.GATES: "setup.gates",
    PolicyField.SELF_APPROVAL: "setup.self_approval",
    PolicyField.STAND_INS: "setup.stand_ins",
    PolicyField.REASON_REQUIRED: "setup.reason_required",
    PolicyField.EXPIRES: "setup.expires",
    PolicyField.ESCALATE_AFTER: "setup.escalate_after",
    PolicyField.ESCALATE_TO: "setup.escalate_to",
    PolicyField.CHANNEL: "setup.channel",
    PolicyField.NOTIFY: "setup.notify",
    PolicyField.BREAK_GLASS: "setup.break_glass",
    PolicyField.OUTSIDERS: "setup.outsiders",
    PolicyField.LANGUAGE: "setup.language",
    PolicyField.WATCH: "setup.watch",
    PolicyField.BREAKER: "setup.breaker",
    PolicyField.BREAKER_SENT: "setup.breaker_sent",
    PolicyField.BREAKER_CLICKS: "setup.breaker_clicks",
    PolicyField.BREAKER_CLOSES: "setup.breaker_closes",
    PolicyField.DIGEST: "setup.digest",
    PolicyField.FREEZES: "freeze.title",
}
PART_KEYS: Final[Mapping[PolicyField, tuple[str, PolicyField]]] = {
    PolicyField.VIEWER_PEOPLE: ("setup.people_of", PolicyField.VIEWERS),
    PolicyField.VIEWER_GROUPS: ("setup.groups_of", PolicyField.VIEWERS),
    PolicyField.EDITOR_PEOPLE: ("setup.people_of", PolicyField.EDITORS),
    PolicyField.EDITOR_GROUPS: ("setup.groups_of", PolicyField.EDITORS),
    PolicyField.APPROVER_PEOPLE: ("setup.people_of", PolicyField.APPROVERS),
    PolicyField.APPROVER_GROUPS: ("setup.groups_of", PolicyField.APPROVERS),
    PolicyField.ESCALATE_PEOPLE: ("setup.people_of", PolicyField.ESCALATE_TO),
    PolicyField.ESCALATE_GROUPS: ("setup.groups_of", PolicyField.ESCALATE_TO),
}
"""Fields that are named after their role: the label, and the role's field."""

STAGE_PART_KEYS: Final[Mapping[PolicyField, str]] = {
    PolicyField.STAGE_PEOPLE: "setup.people_of",
    PolicyField.STAGE_GROUPS: "setup.groups_of",
}
"""Fields that are named after their stage."""

GATE_KEYS: Final[Mapping[Gate, str]] = {
    Gate.ENABLE: "setup.gate_enable",
    Gate.DELETE: "setup.gate_delete",
    Gate.EDIT_ENABLED: "setup.gate_edit_enabled",
    Gate.DISABLE: "setup.gate_disable",
}

NOTIFY_MODE_KEYS: Final[Mapping[NotifyMode, str]] = {
    NotifyMode.MENTION: "setup.notify_mention",
    NotifyMode.DIRECT: "setup.notify_dm",
    NotifyMode.NONE: "setup.notify_none",
}

WATCH_KEYS: Final[Mapping[WatchTell, str]] = {
    WatchTell.ALL: "setup.watch_all",
    WatchTell.LIVE: "setup.watch_live",
    WatchTell.NONE: "setup.watch_none",
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names of ids; an id without one is shown itself."""

    websites: Mapping[WebsiteId, str]
    groups: Mapping[GroupId, str]
    people: Mapping[UserId, str]


def format_label(field: PolicyField, t: Translator, *, stage: int | None = None) -> str:
    """Return the field's label; of a stage's, with its number."""
    if stage is not None:
        name, part = t("setup.stage", stage=stage), STAGE_PART_KEYS.get(field)
        return t(part, role=name) if part else name
    if field in PART_KEYS:
        part, role = PART_KEYS[field]
        return t(part, role=t(LABEL_KEYS[role]))
    return t(LABEL_KEYS[field])


def format_name_label(website: WebsiteId, t: Translator) -> str:
    """Return the label of a website's name."""
    return t("setup.name_of", id=str(website))


def modal_view(t: Translator, blocks: Iterable[Block]) -> View:
    """Build a modal under the form's title, with nothing to submit."""
    return block_kit.modal(t("setup.title"), blocks, close=t("form.close"))


def loading_view(t: Translator) -> View:
    """Build the view to show until the form is filled."""
    return modal_view(t, [block_kit.paragraph(t("form.loading"))])


def sentence_view(t: Translator, text: Text) -> View:
    """Build a view of one sentence in the form's place."""
    return modal_view(t, sentences.sentence_message(t, text).blocks)


def list_changed_fields(before: ChannelPolicy | None, after: ChannelPolicy, t: Translator) -> list[str]:
    """Return the labels of the fields that differ between two policies; of all fields where there was none before."""
    return [t(LABEL_KEYS[field]) for field in _changed_fields(before, after)]


def overtaken_text(fields: Sequence[str], t: Translator) -> Text:
    """Return the sentence that somebody else changed these fields meanwhile; it names the first few."""
    more = [t("help.more", n=len(fields) - OVERTAKEN_MAX)] if len(fields) > OVERTAKEN_MAX else []
    return Text("setup.overtaken", {"fields": t.format_list([*fields[:OVERTAKEN_MAX], *more])})


def policy_changed_message(  # noqa: PLR0913 - all that a set-up may change, said at once
    user: UserId,
    before: ChannelPolicy | None,
    after: ChannelPolicy,
    names: Names,
    t: Translator,
    *,
    renames: Sequence[WebsiteRename] = (),
    freezes: FreezeReplacement | None = None,
) -> Message:
    """Build the channel's message about a changed policy: by whom, and what differs. Nobody is notified.

    Of a first policy what it leaves empty or off is left out.
    """
    text = t("setup.first" if before is None else "setup.changed")
    values = _value_elements(after, names, t)
    previous = None if before is None else _value_elements(before, names, t)
    given_values, lines = _comparable_values(after), []
    for field in _changed_fields(before, after):
        old, new = previous[field] if previous else None, values[field]
        if before is None and not given_values[field]:
            continue
        lines.append(_difference_line(t(LABEL_KEYS[field]), old, new, t))
    if freezes is not None:
        old, new = (_format_freezes(each, t) for each in (freezes.before, freezes.after))
        lines.append(_difference_line(t(LABEL_KEYS[PolicyField.FREEZES]), old, new, t))
    for each in renames[:NAMED_MAX]:
        old, new = (block_kit.text_element(name) if name else None for name in (each.before, each.after))
        lines.append(_difference_line(format_name_label(each.website, t), old, new, t))
    if (more := len(renames) - NAMED_MAX) > 0:
        lines.append(block_kit.rich_line(block_kit.text_element(t("help.more", n=more))))
    heading = block_kit.rich_line(
        block_kit.text_element(text, bold=True),
        block_kit.text_element(f" · {t('setup.changed_by')} "),
        block_kit.user_element(user),
    )
    return Message((block_kit.rich_text(heading, block_kit.bullets(lines)),))


def _format_freezes(freezes: Sequence[Freeze], t: Translator) -> Element | None:
    listed = sentences.format_long_list([format_freeze(freeze, t) for freeze in freezes], t, limit=NAMED_MAX)
    return block_kit.text_element(listed) if listed else None


def _difference_line(label: str, old: Element | None, new: Element | None, t: Translator) -> Element:
    before = [old, block_kit.text_element(" → ")] if old else []
    after = new or block_kit.text_element(t("request.removed"))
    return block_kit.rich_line(block_kit.text_element(f"{label}: ", bold=True), *before, after)


def _changed_fields(before: ChannelPolicy | None, after: ChannelPolicy) -> list[PolicyField]:
    values = _comparable_values(after)
    if before is None:
        return list(values)
    previous = _comparable_values(before)
    return [field for field, value in values.items() if previous[field] != value]


def _comparable_values(policy: ChannelPolicy) -> dict[PolicyField, object]:
    """Return the policy's values by id, since two ids may share a name, and without their order."""
    rule = policy.approval
    return {
        PolicyField.WEBSITES: "all" if policy.websites == "all" else frozenset(policy.websites),
        PolicyField.VIEWERS: frozenset(policy.viewers),
        PolicyField.EDITORS: frozenset(policy.editors),
        PolicyField.APPROVERS: frozenset(policy.approvers),
        PolicyField.STAGES: tuple(map(frozenset, rule.stages)),
        PolicyField.QUORUM: rule.quorum,
        PolicyField.QUORUM_OVER: rule.quorum_over,
        PolicyField.GATES: frozenset(rule.required_for),
        PolicyField.SELF_APPROVAL: rule.self_approval,
        # What is on by default says nothing of a first policy.
        PolicyField.STAND_INS: not rule.stand_ins,
        PolicyField.REASON_REQUIRED: rule.reason_required,
        PolicyField.EXPIRES: rule.expires_after_hours,
        PolicyField.ESCALATE_AFTER: rule.escalate_after_hours,
        PolicyField.ESCALATE_TO: frozenset(rule.escalate_to),
        PolicyField.CHANNEL: approval_channel(policy),
        PolicyField.NOTIFY: rule.notify,
        PolicyField.BREAK_GLASS: frozenset(rule.break_glass),
        PolicyField.OUTSIDERS: rule.outsiders_may_read,
        PolicyField.LANGUAGE: policy.language,
        PolicyField.WATCH: policy.watch.tell,
        PolicyField.BREAKER: policy.breaker,
        PolicyField.DIGEST: policy.digest,
    }


def format_weekly_time(at: WeeklyTime, t: Translator) -> str:
    """Format a weekly time as it can be typed: `Mon 09:00`."""
    return f"{t.format_weekday(at.weekday)} {at.clock:%H:%M}"


def _format_breaker(breaker: BreakerRule, t: Translator) -> str:
    rates = {"setup.breaker_below": breaker.min_click_rate, "setup.breaker_above": breaker.max_close_rate}
    limits = [t(key, rate=t.format_percent(rate, is_exact=True)) for key, rate in rates.items() if rate is not None]
    return "; ".join([t("setup.breaker_from", n=breaker.min_sent), *limits])


def _value_elements(policy: ChannelPolicy, names: Names, t: Translator) -> dict[PolicyField, Element | None]:
    """Build the policy's values; None for an empty one."""
    rule = policy.approval
    if policy.websites == "all":
        websites = t("setup.all_websites_told")
    else:
        listed = [names.websites.get(website, str(website)) for website in policy.websites]
        websites = sentences.format_long_list(listed, t, limit=NAMED_MAX)
    gates = [t(key) for gate, key in GATE_KEYS.items() if gate in rule.required_for]
    texts = {
        PolicyField.WEBSITES: websites,
        PolicyField.VIEWERS: _format_principals(policy.viewers, names, t),
        PolicyField.EDITORS: _format_principals(policy.editors, names, t),
        PolicyField.APPROVERS: _format_principals(policy.approvers, names, t),
        PolicyField.STAGES: _format_stages(rule.stages, names, t),
        PolicyField.QUORUM: t.format_number(rule.quorum),
        PolicyField.QUORUM_OVER: _format_quorum_over(rule.quorum_over, t),
        PolicyField.GATES: sentences.format_long_list(gates, t, limit=NAMED_MAX),
        PolicyField.SELF_APPROVAL: sentences.format_yes_no(rule.self_approval, t),
        PolicyField.STAND_INS: sentences.format_yes_no(rule.stand_ins, t),
        PolicyField.REASON_REQUIRED: sentences.format_yes_no(rule.reason_required, t),
        PolicyField.EXPIRES: t.format_number(rule.expires_after_hours),
        PolicyField.ESCALATE_AFTER: t.format_number(rule.escalate_after_hours) if rule.escalate_after_hours else None,
        PolicyField.ESCALATE_TO: _format_principals(rule.escalate_to, names, t),
        PolicyField.NOTIFY: t(NOTIFY_MODE_KEYS[rule.notify]),
        PolicyField.BREAK_GLASS: _format_principals(rule.break_glass, names, t),
        PolicyField.OUTSIDERS: sentences.format_yes_no(rule.outsiders_may_read, t),
        PolicyField.LANGUAGE: t.format_language(policy.language) if policy.language else None,
        PolicyField.WATCH: t(WATCH_KEYS[policy.watch.tell]),
        PolicyField.BREAKER: _format_breaker(policy.breaker, t) if policy.breaker else None,
        PolicyField.DIGEST: format_weekly_time(policy.digest.time, t) if policy.digest else None,
    }
    elements = {field: block_kit.text_element(text) if text else None for field, text in texts.items()}
    return elements | {PolicyField.CHANNEL: block_kit.channel_element(approval_channel(policy))}


def _format_stages(stages: Sequence[Collection[Principal]], names: Names, t: Translator) -> str:
    """Format the stages in their order: `1: Ayşe Yılmaz · 2: Leads (user group)`."""
    return " · ".join(f"{number}: {_format_principals(stage, names, t)}" for number, stage in enumerate(stages, 1))


def _format_quorum_over(thresholds: Mapping[int, int], t: Translator) -> str:
    ordered = sorted(thresholds.items())
    texts = [t("setup.quorum_from", n=quorum, size=t.format_number(size)) for size, quorum in ordered]
    return sentences.format_long_list(texts, t, limit=NAMED_MAX)


def _format_principals(principals: Collection[Principal], names: Names, t: Translator) -> str:
    everyone = [t("setup.box_everyone")] if EVERYONE in principals else []
    people = [names.people.get(each, str(each)) for each in principals if isinstance(each, UserId)]
    groups = [
        t("setup.group", name=names.groups.get(each, str(each))) for each in principals if isinstance(each, GroupId)
    ]
    return sentences.format_long_list([*everyone, *people, *groups], t, limit=NAMED_MAX)
