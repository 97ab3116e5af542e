"""The form of a channel's policy: its ids, build and parse."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic import Field as Limited

from flowbot.domain.ids import ChannelId, GroupId, UserId
from flowbot.domain.policy import MAX_EXPIRY_HOURS, MAX_QUORUM, Gate
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms import widgets
from flowbot.slack.forms.policy.input import CHOSEN_GATES, PolicyInput, PolicyRole, is_whole_number
from flowbot.slack.forms.widgets import STATIC_MAX, option
from flowbot.slack.payloads.view_state import PrivateMetadata
from flowbot.slack.views import block_kit
from flowbot.slack.views import form_status as told_views
from flowbot.slack.views import policy as views
from flowbot.slack.views.block_kit import Block, Element, View

ACTION: Final = "flows.setup.chosen"


WEBSITE: Final = "flows.setup.website"


GROUP: Final = "flows.setup.group"


TICKED: Final = "1"


NAME_MAX: Final = block_kit.LABEL_MAX - 2


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
    PolicyField.BREAK_GLASS: "setup.hint_break_glass",
}


ROLES: Final = (
    (PolicyField.VIEWERS, PolicyField.VIEWER_PEOPLE, PolicyField.VIEWER_GROUPS),
    (PolicyField.EDITORS, PolicyField.EDITOR_PEOPLE, PolicyField.EDITOR_GROUPS),
    (PolicyField.APPROVERS, PolicyField.APPROVER_PEOPLE, PolicyField.APPROVER_GROUPS),
)


class PolicyFormMetadata(PrivateMetadata):
    """What the form carries unseen: the channel, the stamp of the policy that it shows, and how the admin reads."""

    channel: ChannelId
    seen: Annotated[str, Limited(max_length=64)]
    locale: Annotated[str, Limited(max_length=150)] | None = None
    timezone: Annotated[str, Limited(max_length=150)] | None = None


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Option(_Shape):
    value: str


def _empty_for_none(value: Any) -> Any:
    return () if value is None else value


class _Entry(_Shape):
    """One field's value, of whatever kind it is."""

    value: str | None = None
    selected_options: Annotated[tuple[_Option, ...], BeforeValidator(_empty_for_none)] = ()
    selected_users: Annotated[tuple[UserId, ...], BeforeValidator(_empty_for_none)] = ()
    selected_conversation: ChannelId | None = None

    @property
    def chosen(self) -> tuple[str, ...]:
        return tuple(each.value for each in self.selected_options)


class _State(_Shape):
    values: dict[str, dict[str, _Entry]] = {}


class _View(_Shape):
    callback_id: str
    private_metadata: str
    state: _State = _State()


@dataclass(frozen=True, slots=True)
class PolicyFormContent:
    """What the form shows: what may be chosen, what its fields hold, which form it is, and why it is shown again."""

    ready: PolicyFormData
    typed: PolicyInput
    metadata: PolicyFormMetadata
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class SubmittedPolicy:
    """What came back: which form, and what its fields hold."""

    metadata: PolicyFormMetadata
    typed: PolicyInput


class PolicyForm:
    """The form of `/flows setup`."""

    CALLBACK: Final = "flows.setup"

    @classmethod
    def build(cls, data: PolicyFormContent, t: Translator) -> View:
        """The form as a modal."""
        trouble = [block_kit.section(block_kit.plain(f"⚠ {data.problem}"))] if data.problem else []
        return views.modal(t, [*trouble, block_kit.context(t("setup.about")), *_blocks(data, t)]) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": data.metadata.model_dump_json(exclude_defaults=True),
            "submit": block_kit.plain(t("form.save"), views.TITLE_MAX),
        }

    @classmethod
    def parse(cls, view: Any) -> SubmittedPolicy | None:
        """The form as it was submitted, from the `view` of Slack's payload; None where it is not such a form."""
        try:
            parsed = _View.model_validate(view)
        except ValidationError:
            return None
        metadata = PolicyFormMetadata.parse(parsed.private_metadata)
        if parsed.callback_id != cls.CALLBACK or metadata is None:
            return None
        return SubmittedPolicy(metadata, _read_input(parsed.state.values))

    @staticmethod
    def suggest_options(action: str, query: str, ready: PolicyFormData, t: Translator) -> View:
        """The answer to Slack's question which websites or user groups match what was typed (`block_suggestion`)."""
        offered = widgets.website_options(ready.websites, t) if action == WEBSITE else _group_options((), ready, t)
        return {"options": widgets.matching_options(offered, query)}

    @classmethod
    def field_errors(
        cls, problems: Mapping[PolicyField, Text], view: Mapping[str, Any], t: Translator
    ) -> dict[str, str]:
        """What is wrong, by the block that Slack shall show it at, of those that `view` has."""
        there = {block.get("block_id") for block in view.get("blocks") or () if isinstance(block, dict)}
        return {
            str(name if name in there else PolicyField.ALL_WEBSITES): told_views.format_text(
                problem.key, problem.params, t
            )
            for name, problem in problems.items()
        }


def _read_input(values: Mapping[str, Mapping[str, _Entry]]) -> PolicyInput:
    nothing = _Entry()
    at = {name: next(iter(values.get(name, {}).values()), nothing) for name in PolicyField}
    viewers, editors, approvers = (_role(at[all_], at[people], at[groups]) for all_, people, groups in ROLES)
    return PolicyInput(
        websites=at[PolicyField.WEBSITES].chosen,
        all_websites=bool(at[PolicyField.ALL_WEBSITES].chosen),
        viewers=viewers,
        editors=editors,
        approvers=approvers,
        quorum=(at[PolicyField.QUORUM].value or "").strip(),
        gates=frozenset(at[PolicyField.GATES].chosen),
        self_approval=bool(at[PolicyField.SELF_APPROVAL].chosen),
        expires=(at[PolicyField.EXPIRES].value or "").strip(),
        channel=at[PolicyField.CHANNEL].selected_conversation,
        break_glass=at[PolicyField.BREAK_GLASS].selected_users,
    )


def _role(everyone: _Entry, people: _Entry, groups: _Entry) -> PolicyRole:
    return PolicyRole(bool(everyone.chosen), people.selected_users, _groups(groups.chosen))


def _groups(chosen: Iterable[str]) -> tuple[GroupId, ...]:
    return tuple(GroupId(each) for each in chosen if _GROUP.fullmatch(each))


def _blocks(data: PolicyFormContent, t: Translator) -> Iterable[Block]:
    typed = data.typed
    yield from _websites(data, t)
    for role, fields in zip((typed.viewers, typed.editors, typed.approvers), ROLES, strict=True):
        yield from _role_blocks(role, fields, data, t)
    yield _input(PolicyField.QUORUM, _number(typed.quorum, MAX_QUORUM), t, optional=False)
    yield _input(PolicyField.GATES, _gates(typed, t), t)
    yield _input(PolicyField.SELF_APPROVAL, _box(t("setup.box_self_approval"), ticked=typed.self_approval), t)
    yield _input(PolicyField.EXPIRES, _number(typed.expires, MAX_EXPIRY_HOURS), t, optional=False)
    yield _input(PolicyField.CHANNEL, _channel(typed.channel), t)
    yield _input(PolicyField.BREAK_GLASS, _people(typed.break_glass), t)


def _websites(data: PolicyFormContent, t: Translator) -> Iterable[Block]:
    options = widgets.website_options(data.ready.websites, t)
    if options:
        yield _input(PolicyField.WEBSITES, _menu(WEBSITE, options, data.typed.websites), t)
    else:
        yield block_kit.context(t("setup.no_websites"))
    yield _input(PolicyField.ALL_WEBSITES, _box(t("setup.box_all_websites"), ticked=data.typed.all_websites), t)


def _role_blocks(
    role: PolicyRole, fields: tuple[PolicyField, PolicyField, PolicyField], data: PolicyFormContent, t: Translator
) -> Iterable[Block]:
    everyone, people, groups = fields
    yield _input(everyone, _box(t("setup.box_everyone"), ticked=role.everyone), t)
    yield _input(people, _people(role.people), t)
    options = _group_options(role.groups, data.ready, t)
    if options:
        yield _input(groups, _menu(GROUP, options, role.groups), t)
    if data.ready.groups is None:
        yield block_kit.context(t("setup.groups_untold"))


def _group_options(chosen: Sequence[GroupId], ready: PolicyFormData, t: Translator) -> list[Element]:
    """All user groups by name, and those chosen that are not among them, so that they are seen."""
    named = sorted((group.name.casefold(), id_, group.name) for id_, group in (ready.groups or {}).items())
    known = [option(_named(name or id_), id_) for _, id_, name in named]
    lost = [each for each in chosen if each not in (ready.groups or {})]
    return [*known, *(option(t("setup.group_unknown", id=str(each)), each) for each in lost)]


def _named(name: str) -> str:
    return block_kit.isolated(block_kit.clip(" ".join(name.split()) or "?", NAME_MAX))


def _input(name: PolicyField, element: Element, t: Translator, *, optional: bool = True) -> Block:
    made: Block = {
        "type": "input",
        "block_id": str(name),
        "label": block_kit.plain(views.label(name, t)),
        "element": {"action_id": ACTION} | element,
        "optional": optional,
    }
    return made | ({"hint": block_kit.plain(t(HINTS[name]))} if name in HINTS else {})


def _menu(action: str, options: Sequence[Element], chosen: Iterable[str]) -> Element:
    """A menu for several choices. For the entries of a long one Slack asks, by what is typed (`SetupForm.options`)."""
    wanted = set(map(str, chosen))
    initial = [each for each in options if each["value"] in wanted][:STATIC_MAX]
    made: Element = {"action_id": action} | ({"initial_options": initial} if initial else {})
    if len(options) <= STATIC_MAX:
        return made | {"type": "multi_static_select", "options": list(options)}
    return made | {"type": "multi_external_select", "min_query_length": 0}


def _box(label: str, *, ticked: bool) -> Element:
    options = [option(label, TICKED)]
    return {"type": "checkboxes", "options": options} | ({"initial_options": options} if ticked else {})


def _gates(typed: PolicyInput, t: Translator) -> Element:
    words = {Gate.EDIT_ENABLED: t("setup.gate_edit_enabled"), Gate.DISABLE: t("setup.gate_disable")}
    options = [option(words[gate], gate) for gate in CHOSEN_GATES]
    initial = [each for each in options if each["value"] in typed.gates]
    return {"type": "checkboxes", "options": options} | ({"initial_options": initial} if initial else {})


def _number(value: str, most: int) -> Element:
    limits = {"is_decimal_allowed": False, "min_value": "1", "max_value": str(most)}
    return {"type": "number_input"} | limits | ({"initial_value": value} if is_whole_number(value, most) else {})


def _people(chosen: Sequence[UserId]) -> Element:
    return {"type": "multi_users_select"} | ({"initial_users": list(map(str, chosen))} if chosen else {})


def _channel(chosen: ChannelId | None) -> Element:
    """Channels alone: a direct message is none to approve in."""
    made: Element = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
    is_channel = chosen is not None and not chosen.startswith("D")
    return made | ({"initial_conversation": str(chosen)} if is_channel else {})
