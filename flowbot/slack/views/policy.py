"""The views of a policy and of its changes."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowbot.domain.ids import GroupId, UserId, WebsiteId
from flowbot.domain.policy import EVERYONE, ChannelPolicy, Gate, Principal
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import approval_channel
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Block, Element, Message, View

TITLE_MAX: Final = 24


MOST_NAMED: Final = 30


LABEL_KEYS: Final[Mapping[PolicyField, str]] = {
    PolicyField.WEBSITES: "setup.websites",
    PolicyField.ALL_WEBSITES: "setup.all_websites",
    PolicyField.VIEWERS: "setup.viewers",
    PolicyField.EDITORS: "setup.editors",
    PolicyField.APPROVERS: "setup.approvers",
    PolicyField.QUORUM: "setup.quorum",
    PolicyField.GATES: "setup.gates",
    PolicyField.SELF_APPROVAL: "setup.self_approval",
    PolicyField.EXPIRES: "setup.expires",
    PolicyField.CHANNEL: "setup.channel",
    PolicyField.BREAK_GLASS: "setup.break_glass",
}


PART_KEYS: Final[Mapping[PolicyField, tuple[str, PolicyField]]] = {
    PolicyField.VIEWER_PEOPLE: ("setup.people_of", PolicyField.VIEWERS),
    PolicyField.VIEWER_GROUPS: ("setup.groups_of", PolicyField.VIEWERS),
    PolicyField.EDITOR_PEOPLE: ("setup.people_of", PolicyField.EDITORS),
    PolicyField.EDITOR_GROUPS: ("setup.groups_of", PolicyField.EDITORS),
    PolicyField.APPROVER_PEOPLE: ("setup.people_of", PolicyField.APPROVERS),
    PolicyField.APPROVER_GROUPS: ("setup.groups_of", PolicyField.APPROVERS),
}
"""Fields that are named after the role that they belong to."""


GATE_KEYS: Final[Mapping[Gate, str]] = {
    Gate.ENABLE: "setup.gate_enable",
    Gate.DELETE: "setup.gate_delete",
    Gate.EDIT_ENABLED: "setup.gate_edit_enabled",
    Gate.DISABLE: "setup.gate_disable",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What ids are called; one without a name goes by its id."""

    websites: Mapping[WebsiteId, str]
    groups: Mapping[GroupId, str]
    people: Mapping[UserId, str]


def format_label(field: PolicyField, t: Translator) -> str:
    """What a field is called."""
    if field in PART_KEYS:
        part, role = PART_KEYS[field]
        return t(part, role=t(LABEL_KEYS[role]))
    return t(LABEL_KEYS[field])


def modal_view(t: Translator, blocks: Iterable[Block]) -> View:
    """A view under the form's title, with nothing to submit."""
    return {
        "type": "modal",
        "title": block_kit.plain(t("setup.title"), TITLE_MAX),
        "close": block_kit.plain(t("form.close"), TITLE_MAX),
        "blocks": list(blocks),
    }


def loading_view(t: Translator) -> View:
    """What stands there until the form is filled."""
    return modal_view(t, [block_kit.section(block_kit.plain(t("form.loading")))])


def sentence_view(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> View:
    """One sentence in the form's place."""
    return modal_view(t, sentences.sentence_message(t, key, params).blocks)


def list_changed_fields(before: ChannelPolicy | None, after: ChannelPolicy, t: Translator) -> list[str]:
    """What differs between two policies, by the names of the fields."""
    nobody = Names({}, {}, {})
    return [t(LABEL_KEYS[field]) for field in _shown(t, nobody) if _differs(field, before, after, t)]


def policy_changed_message(
    user: UserId, before: ChannelPolicy | None, after: ChannelPolicy, names: Names, t: Translator
) -> Message:
    """For the channel: who changed its policy, and what is different. Names are shown as they are, and call nobody."""
    said = t("setup.first" if before is None else "setup.changed")
    lines = [
        block_kit.rich_line(
            block_kit.text_element(f"{t(LABEL_KEYS[field])}: ", bold=True), *_change(show, before, after)
        )
        for field, show in _shown(t, names).items()
        if _differs(field, before, after, t)
    ]
    by = block_kit.rich_line(
        block_kit.text_element(f"{said} ", bold=True),
        block_kit.text_element(f"{t('setup.changed_by')} "),
        block_kit.user_element(user),
    )
    return Message(said, (block_kit.rich_text(by, block_kit.bullets(lines)),))


Show = Callable[[ChannelPolicy], Element]


def _shown(t: Translator, names: Names) -> Mapping[PolicyField, Show]:
    """How each part of a policy is said."""
    return {
        PolicyField.WEBSITES: lambda policy: block_kit.text_element(_websites(policy, names, t)),
        PolicyField.VIEWERS: lambda policy: block_kit.text_element(_entries(policy.viewers, names, t)),
        PolicyField.EDITORS: lambda policy: block_kit.text_element(_entries(policy.editors, names, t)),
        PolicyField.APPROVERS: lambda policy: block_kit.text_element(_entries(policy.approvers, names, t)),
        PolicyField.QUORUM: lambda policy: block_kit.text_element(t.format_number(policy.approval.quorum)),
        PolicyField.GATES: lambda policy: block_kit.text_element(_gates(policy.approval.required_for, t)),
        PolicyField.SELF_APPROVAL: lambda policy: block_kit.text_element(
            t("flow.yes" if policy.approval.self_approval else "flow.no")
        ),
        PolicyField.EXPIRES: lambda policy: block_kit.text_element(
            t.format_number(policy.approval.expires_after_hours)
        ),
        PolicyField.CHANNEL: lambda policy: {"type": "channel", "channel_id": str(approval_channel(policy))},
        PolicyField.BREAK_GLASS: lambda policy: block_kit.text_element(_entries(policy.approval.break_glass, names, t)),
    }


def _differs(field: PolicyField, before: ChannelPolicy | None, after: ChannelPolicy, t: Translator) -> bool:
    """Whether a part is another, by ids and not by names, which two may share."""
    if before is None:
        return True
    compared: Mapping[PolicyField, Callable[[ChannelPolicy], object]] = {
        PolicyField.WEBSITES: lambda policy: "all" if policy.websites == "all" else frozenset(policy.websites),
        PolicyField.VIEWERS: lambda policy: frozenset(policy.viewers),
        PolicyField.EDITORS: lambda policy: frozenset(policy.editors),
        PolicyField.APPROVERS: lambda policy: frozenset(policy.approvers),
        PolicyField.GATES: lambda policy: frozenset(policy.approval.required_for),
        PolicyField.BREAK_GLASS: lambda policy: frozenset(policy.approval.break_glass),
    }
    plain = _shown(t, Names({}, {}, {}))[field]
    told = compared.get(field, plain)
    return told(before) != told(after)


def _change(show: Show, before: ChannelPolicy | None, after: ChannelPolicy) -> Sequence[Element]:
    if before is None:
        return [show(after)]
    return [show(before), block_kit.text_element(" → "), show(after)]


def _websites(policy: ChannelPolicy, names: Names, t: Translator) -> str:
    if policy.websites == "all":
        return t("setup.all_websites_told")
    return _listed([names.websites.get(website, str(website)) for website in policy.websites], t)


def _entries(entries: Collection[Principal], names: Names, t: Translator) -> str:
    everyone = [t("setup.box_everyone")] if EVERYONE in entries else []
    people = [names.people.get(entry, str(entry)) for entry in entries if isinstance(entry, UserId)]
    groups = [
        t("setup.group", name=block_kit.isolate(names.groups.get(entry, str(entry))))
        for entry in entries
        if isinstance(entry, GroupId)
    ]
    return _listed([*everyone, *people, *groups], t)


def _gates(gates: Collection[Gate], t: Translator) -> str:
    return _listed([t(key) for gate, key in GATE_KEYS.items() if gate in gates], t)


def _listed(items: Sequence[str], t: Translator) -> str:
    shown, more = [block_kit.isolate(item) for item in items[:MOST_NAMED]], len(items) - MOST_NAMED
    return t.format_list([*shown, t("help.more", n=more)] if more > 0 else shown) or t("flow.none")
