"""The form of a channel's policy: its ids, build and parse."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import MAX_EXPIRY_HOURS, MAX_QUORUM, Gate, NotifyMode
from flowbot.domain.text import plain_number
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms import widgets
from flowbot.slack.forms.policy.input import CHOSEN_GATES, PolicyInput, PolicyRole, is_whole_number
from flowbot.slack.forms.widgets import STATIC_MAX, TICKED, option, option_label
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, PrivateMetadata, ShortText, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, policy, sentences
from flowbot.slack.views.block_kit import Block, Element, View

_GROUP: Final = re.compile(r"S[A-Z0-9_]{1,62}", re.ASCII)
HINTS: Final[Mapping[PolicyField, str]] = {
    PolicyField.WEBSITES: "setup.hint_websites",
    PolicyField.VIEWERS: "setup.hint_viewers",
    PolicyField.EDITORS: "setup.hint_editors",
    PolicyField.APPROVERS: "setup.hint_approvers",
    PolicyField.QUORUM: "setup.hint_quorum",
    PolicyField.GATES: "setup.hint_gates",
    PolicyField.EXPIRES: "setup.hint_expires",
    PolicyField.CHANNEL: "setup.hint_channel",
    PolicyField.NOTIFY: "setup.hint_notify",
    PolicyField.BREAK_GLASS: "setup.hint_break_glass",
    PolicyField.OUTSIDERS: "setup.hint_outsiders",
}
ROLES: Final = (
    (PolicyField.VIEWERS, PolicyField.VIEWER_PEOPLE, PolicyField.VIEWER_GROUPS),
    (PolicyField.EDITORS, PolicyField.EDITOR_PEOPLE, PolicyField.EDITOR_GROUPS),
    (PolicyField.APPROVERS, PolicyField.APPROVER_PEOPLE, PolicyField.APPROVER_GROUPS),
)


class PolicyFormMetadata(PrivateMetadata):
    """The form's identity: the channel, the fingerprint of the policy that it shows, and the admin's locale."""

    channel: ChannelId
    seen: Annotated[str, Field(max_length=64)]
    locale: ShortText | None = None
    timezone: ShortText | None = None


@dataclass(frozen=True, slots=True)
class PolicyFormContent:
    """The contents of a form: the choices, the values, its identity, and the reason why it is shown again."""

    context: PolicyFormData
    typed: PolicyInput
    metadata: PolicyFormMetadata
    problem: Text | None = None


@dataclass(frozen=True, slots=True)
class SubmittedPolicy:
    """A form as it came back: its identity and its values."""

    metadata: PolicyFormMetadata
    typed: PolicyInput


class PolicyForm:
    """The form of `/flows setup`."""

    CALLBACK: Final = "flows.setup"

    @classmethod
    def build(cls, content: PolicyFormContent, t: Translator) -> View:
        """Return the form as a modal."""
        blocks = [block_kit.context(t("setup.about")), *_field_blocks(content, t)]
        if content.problem:
            blocks.insert(0, block_kit.paragraph(f"⚠ {sentences.format_text(t, content.problem)}"))
        return policy.modal_view(t, blocks) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": content.metadata.dump(),
            "submit": block_kit.plain(t("form.save"), block_kit.TITLE_MAX),
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedPolicy | None:
        """Return the form as it was submitted; None where another version made it."""
        metadata, values = parse_metadata(view, PolicyFormMetadata), view.state.values
        if metadata is None:
            return None
        at = {name: next(iter(values.get(name, {}).values()), FieldValue()) for name in PolicyField}
        viewers, editors, approvers = (
            PolicyRole(
                bool(at[everyone].choices),
                tuple(at[people].selected_users),
                tuple(GroupId(each) for each in at[groups].choices if _GROUP.fullmatch(each)),
            )
            for everyone, people, groups in ROLES
        )
        typed = PolicyInput(
            websites=at[PolicyField.WEBSITES].choices,
            all_websites=bool(at[PolicyField.ALL_WEBSITES].choices),
            viewers=viewers,
            editors=editors,
            approvers=approvers,
            quorum=plain_number(at[PolicyField.QUORUM].value),
            gates=frozenset(at[PolicyField.GATES].choices),
            self_approval=bool(at[PolicyField.SELF_APPROVAL].choices),
            expires=plain_number(at[PolicyField.EXPIRES].value),
            channel=at[PolicyField.CHANNEL].selected_conversation,
            notify=at[PolicyField.NOTIFY].text,
            break_glass=tuple(at[PolicyField.BREAK_GLASS].selected_users),
            outsiders_may_read=bool(at[PolicyField.OUTSIDERS].choices),
        )
        return SubmittedPolicy(metadata, typed)

    @staticmethod
    def suggest_options(action: str, query: str, context: PolicyFormData, t: Translator) -> View:
        """Return the answer to Slack's `block_suggestion`: the websites or user groups that match what was typed."""
        is_website = action == ActionId.SETUP_WEBSITE
        offered = widgets.website_options(context.websites, t) if is_website else _group_options((), context, t)
        return {"options": widgets.matching_options(offered, query)}

    @classmethod
    def field_errors(cls, problems: Mapping[PolicyField, Text], view: ViewPayload, t: Translator) -> dict[str, str]:
        """Return the problems as sentences, by the block that Slack shows them at, of those that `view` has."""
        blocks = {block.get("block_id") for block in view.blocks if isinstance(block, dict)}
        return {
            str(name if name in blocks else PolicyField.ALL_WEBSITES): sentences.format_text(t, problem)
            for name, problem in problems.items()
        }


def _field_blocks(content: PolicyFormContent, t: Translator) -> Iterable[Block]:
    typed, context = content.typed, content.context
    if websites := widgets.website_options(context.websites, t):
        yield _input(PolicyField.WEBSITES, _menu(ActionId.SETUP_WEBSITE, websites, typed.websites), t)
    else:
        yield block_kit.context(t("setup.no_websites"))
    yield _input(PolicyField.ALL_WEBSITES, _box(t("setup.box_all_websites"), ticked=typed.all_websites), t)
    for role, (everyone, people, groups) in zip((typed.viewers, typed.editors, typed.approvers), ROLES, strict=True):
        yield _input(everyone, _box(t("setup.box_everyone"), ticked=role.everyone), t)
        yield _input(people, _people(role.people), t)
        if options := _group_options(role.groups, context, t):
            yield _input(groups, _menu(ActionId.SETUP_GROUP, options, role.groups), t)
        if context.groups is None:
            yield block_kit.context(t("setup.groups_untold"))
    yield _input(PolicyField.QUORUM, _number(typed.quorum, MAX_QUORUM), t, optional=False)
    words = {Gate.EDIT_ENABLED: t("setup.gate_edit_enabled"), Gate.DISABLE: t("setup.gate_disable")}
    gates = [option(words[gate], gate) for gate in CHOSEN_GATES]
    yield _input(PolicyField.GATES, _checkboxes(gates, typed.gates), t)
    yield _input(PolicyField.SELF_APPROVAL, _box(t("setup.box_self_approval"), ticked=typed.self_approval), t)
    yield _input(PolicyField.EXPIRES, _number(typed.expires, MAX_EXPIRY_HOURS), t, optional=False)
    # Channels alone: a direct message is none to approve in.
    channels: Element = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
    if typed.channel is not None and not typed.channel.startswith("D"):
        channels["initial_conversation"] = str(typed.channel)
    yield _input(PolicyField.CHANNEL, channels, t)
    modes = [option(t(policy.NOTIFY_MODE_KEYS[mode]), mode) for mode in NotifyMode]
    yield _input(
        PolicyField.NOTIFY, widgets.select_input(ActionId.SETUP_CHOSEN, modes, typed.notify), t, optional=False
    )
    yield _input(PolicyField.BREAK_GLASS, _people(typed.break_glass), t)
    yield _input(PolicyField.OUTSIDERS, _box(t("setup.box_outsiders"), ticked=typed.outsiders_may_read), t)


def _group_options(chosen: Sequence[GroupId], context: PolicyFormData, t: Translator) -> list[Element]:
    """Return all user groups by name, and those chosen that are not among them, so that they are seen."""
    groups = context.groups or {}
    named = sorted((group.name.casefold(), id_, group.name) for id_, group in groups.items())
    known = [option(option_label(name or id_, "?"), id_) for _, id_, name in named]
    lost = [each for each in chosen if each not in groups]
    return [*known, *(option(t("setup.group_unknown", id=str(each)), each) for each in lost)]


def _input(name: PolicyField, element: Element, t: Translator, *, optional: bool = True) -> Block:
    made: Block = {
        "type": "input",
        "block_id": str(name),
        "label": block_kit.plain(policy.format_label(name, t)),
        "element": {"action_id": ActionId.SETUP_CHOSEN} | element,
        "optional": optional,
    }
    return made | ({"hint": block_kit.plain(t(HINTS[name]))} if name in HINTS else {})


def _menu(action: ActionId, options: Sequence[Element], chosen: Iterable[str]) -> Element:
    """Return a menu for several choices. Slack asks for the entries of a long one (`PolicyForm.suggest_options`)."""
    wanted = set(map(str, chosen))
    initial = [each for each in options if each["value"] in wanted][:STATIC_MAX]
    made: Element = {"action_id": action} | ({"initial_options": initial} if initial else {})
    if len(options) <= STATIC_MAX:
        return made | {"type": "multi_static_select", "options": list(options)}
    return made | {"type": "multi_external_select", "min_query_length": 0}


def _box(label: str, *, ticked: bool) -> Element:
    return _checkboxes([option(label, TICKED)], {TICKED} if ticked else set())


def _checkboxes(options: list[Element], ticked: Iterable[str]) -> Element:
    initial = [each for each in options if each["value"] in ticked]
    return {"type": "checkboxes", "options": options} | ({"initial_options": initial} if initial else {})


def _number(value: str, most: int) -> Element:
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return {"type": "number_input"} | limits | ({"initial_value": value} if is_whole_number(value, most) else {})


def _people(chosen: Sequence[UserId]) -> Element:
    return {"type": "multi_users_select"} | ({"initial_users": list(map(str, chosen))} if chosen else {})
