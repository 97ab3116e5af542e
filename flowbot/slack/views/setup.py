"""What stands around the setup form: the views before and after it, and what the channel is told."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flowbot.domain.ids import GroupId, UserId, WebsiteId
from flowbot.domain.policy import EVERYONE, ChannelPolicy, Gate, Principal
from flowbot.locales import Translator
from flowbot.services.setup import approval_channel
from flowbot.services.setup_check import Field
from flowbot.slack.views import kit, sentences
from flowbot.slack.views.kit import Block, Element, Message, View

TITLE_MAX: Final = 24
MOST_NAMED: Final = 30
LABELS: Final[Mapping[Field, str]] = {
    Field.WEBSITES: "setup.websites",
    Field.ALL_WEBSITES: "setup.all_websites",
    Field.VIEWERS: "setup.viewers",
    Field.EDITORS: "setup.editors",
    Field.APPROVERS: "setup.approvers",
    Field.QUORUM: "setup.quorum",
    Field.GATES: "setup.gates",
    Field.SELF_APPROVAL: "setup.self_approval",
    Field.EXPIRES: "setup.expires",
    Field.CHANNEL: "setup.channel",
    Field.BREAK_GLASS: "setup.break_glass",
}
PARTS: Final[Mapping[Field, tuple[str, Field]]] = {
    Field.VIEWER_PEOPLE: ("setup.people_of", Field.VIEWERS),
    Field.VIEWER_GROUPS: ("setup.groups_of", Field.VIEWERS),
    Field.EDITOR_PEOPLE: ("setup.people_of", Field.EDITORS),
    Field.EDITOR_GROUPS: ("setup.groups_of", Field.EDITORS),
    Field.APPROVER_PEOPLE: ("setup.people_of", Field.APPROVERS),
    Field.APPROVER_GROUPS: ("setup.groups_of", Field.APPROVERS),
}
"""Fields that are named after the role that they belong to."""
GATES: Final[Mapping[Gate, str]] = {
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


def label(field: Field, t: Translator) -> str:
    """What a field is called."""
    if field in PARTS:
        part, role = PARTS[field]
        return t(part, role=t(LABELS[role]))
    return t(LABELS[field])


def modal(t: Translator, blocks: Iterable[Block]) -> View:
    """A view under the form's title, with nothing to submit."""
    return {
        "type": "modal",
        "title": kit.plain(t("setup.title"), TITLE_MAX),
        "close": kit.plain(t("form.close"), TITLE_MAX),
        "blocks": list(blocks),
    }


def loading(t: Translator) -> View:
    """What stands there until the form is filled."""
    return modal(t, [kit.section(kit.plain(t("form.loading")))])


def sentence_view(t: Translator, key: str, params: Mapping[str, Any] | None = None) -> View:
    """One sentence in the form's place."""
    return modal(t, sentences.sentence(t, key, params).blocks)


def differing(before: ChannelPolicy | None, after: ChannelPolicy, t: Translator) -> list[str]:
    """What differs between two policies, by the names of the fields."""
    nobody = Names({}, {}, {})
    return [t(LABELS[field]) for field in _shown(t, nobody) if _differs(field, before, after, t)]


def changed(user: UserId, before: ChannelPolicy | None, after: ChannelPolicy, names: Names, t: Translator) -> Message:
    """For the channel: who changed its policy, and what is different. Names are shown as they are, and call nobody."""
    said = t("setup.first" if before is None else "setup.changed")
    lines = [
        kit.line(kit.words(f"{t(LABELS[field])}: ", bold=True), *_change(show, before, after))
        for field, show in _shown(t, names).items()
        if _differs(field, before, after, t)
    ]
    by = kit.line(kit.words(f"{said} ", bold=True), kit.words(f"{t('setup.changed_by')} "), kit.person(user))
    return Message(said, (kit.rich(by, kit.bullets(lines)),))


Show = Callable[[ChannelPolicy], Element]


def _shown(t: Translator, names: Names) -> Mapping[Field, Show]:
    """How each part of a policy is said."""
    return {
        Field.WEBSITES: lambda policy: kit.words(_websites(policy, names, t)),
        Field.VIEWERS: lambda policy: kit.words(_entries(policy.viewers, names, t)),
        Field.EDITORS: lambda policy: kit.words(_entries(policy.editors, names, t)),
        Field.APPROVERS: lambda policy: kit.words(_entries(policy.approvers, names, t)),
        Field.QUORUM: lambda policy: kit.words(t.number(policy.approval.quorum)),
        Field.GATES: lambda policy: kit.words(_gates(policy.approval.required_for, t)),
        Field.SELF_APPROVAL: lambda policy: kit.words(t("flow.yes" if policy.approval.self_approval else "flow.no")),
        Field.EXPIRES: lambda policy: kit.words(t.number(policy.approval.expires_after_hours)),
        Field.CHANNEL: lambda policy: {"type": "channel", "channel_id": str(approval_channel(policy))},
        Field.BREAK_GLASS: lambda policy: kit.words(_entries(policy.approval.break_glass, names, t)),
    }


def _differs(field: Field, before: ChannelPolicy | None, after: ChannelPolicy, t: Translator) -> bool:
    """Whether a part is another, by ids and not by names, which two may share."""
    if before is None:
        return True
    compared: Mapping[Field, Callable[[ChannelPolicy], object]] = {
        Field.WEBSITES: lambda policy: "all" if policy.websites == "all" else frozenset(policy.websites),
        Field.VIEWERS: lambda policy: frozenset(policy.viewers),
        Field.EDITORS: lambda policy: frozenset(policy.editors),
        Field.APPROVERS: lambda policy: frozenset(policy.approvers),
        Field.GATES: lambda policy: frozenset(policy.approval.required_for),
        Field.BREAK_GLASS: lambda policy: frozenset(policy.approval.break_glass),
    }
    plain = _shown(t, Names({}, {}, {}))[field]
    told = compared.get(field, plain)
    return told(before) != told(after)


def _change(show: Show, before: ChannelPolicy | None, after: ChannelPolicy) -> Sequence[Element]:
    if before is None:
        return [show(after)]
    return [show(before), kit.words(" → "), show(after)]


def _websites(policy: ChannelPolicy, names: Names, t: Translator) -> str:
    if policy.websites == "all":
        return t("setup.all_websites_told")
    return _listed([names.websites.get(website, str(website)) for website in policy.websites], t)


def _entries(entries: Collection[Principal], names: Names, t: Translator) -> str:
    everyone = [t("setup.box_everyone")] if EVERYONE in entries else []
    people = [names.people.get(entry, str(entry)) for entry in entries if isinstance(entry, UserId)]
    groups = [
        t("setup.group", name=kit.isolated(names.groups.get(entry, str(entry))))
        for entry in entries
        if isinstance(entry, GroupId)
    ]
    return _listed([*everyone, *people, *groups], t)


def _gates(gates: Collection[Gate], t: Translator) -> str:
    return _listed([t(key) for gate, key in GATES.items() if gate in gates], t)


def _listed(items: Sequence[str], t: Translator) -> str:
    shown, more = [kit.isolated(item) for item in items[:MOST_NAMED]], len(items) - MOST_NAMED
    return t.listed([*shown, t("help.more", n=more)] if more > 0 else shown) or t("flow.none")
