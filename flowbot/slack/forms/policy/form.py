"""The form of a channel's policy, three steps in one window: build and parse."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from flowbot.domain.ids import GroupId
from flowbot.domain.policy import WebsiteRename
from flowbot.domain.text import plain_number
from flowbot.domain.website_names import clean_name
from flowbot.errors import Text
from flowbot.i18n.languages import LANGUAGES
from flowbot.i18n.translator import Translator
from flowbot.i18n.weekdays import read_weekly_time
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms import widgets
from flowbot.slack.forms.policy.blocks import StepBlocks
from flowbot.slack.forms.policy.choices import group_options
from flowbot.slack.forms.policy.freeze_blocks import country_options
from flowbot.slack.forms.policy.freeze_input import FreezeInput
from flowbot.slack.forms.policy.input import PolicyInput
from flowbot.slack.forms.policy.report_input import ReportInput
from flowbot.slack.forms.policy.roles import PolicyRole, StageInput
from flowbot.slack.forms.policy.rule_input import RuleInput
from flowbot.slack.forms.policy.steps import (
    ROLES,
    STAGE,
    PolicyFormContent,
    PolicyFormMetadata,
    Step,
    field_of,
    freeze_block_id,
    name_block_id,
    stage_block_id,
)
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, policy, sentences
from flowbot.slack.views.block_kit import View

_GROUP: Final = re.compile(r"S[A-Z0-9_]{1,62}", re.ASCII)
_READERS: Final[Mapping[PolicyField, tuple[str, Callable[[FieldValue], object]]]] = {
    PolicyField.WEBSITES: ("websites", lambda value: value.choices),
    PolicyField.ALL_WEBSITES: ("all_websites", lambda value: bool(value.choices)),
    PolicyField.QUORUM: ("quorum", lambda value: plain_number(value.value)),
    PolicyField.GATES: ("gates", lambda value: frozenset(value.choices)),
    PolicyField.SELF_APPROVAL: ("self_approval", lambda value: bool(value.choices)),
    PolicyField.EXPIRES: ("expires", lambda value: plain_number(value.value)),
    PolicyField.CHANNEL: ("channel", lambda value: value.selected_conversation),
    PolicyField.NOTIFY: ("notify", lambda value: value.text),
    PolicyField.BREAK_GLASS: ("break_glass", lambda value: tuple(value.selected_users)),
    PolicyField.OUTSIDERS: ("outsiders_may_read", lambda value: bool(value.choices)),
}
_RULE_READERS: Final[Mapping[PolicyField, tuple[str, Callable[[FieldValue], object]]]] = {
    PolicyField.QUORUM_OVER: ("quorum_over", lambda value: value.value),
    PolicyField.STAND_INS: ("stand_ins", lambda value: bool(value.choices)),
    PolicyField.REASON_REQUIRED: ("reason_required", lambda value: bool(value.choices)),
    PolicyField.ESCALATE_AFTER: ("escalate_after", lambda value: plain_number(value.value)),
}
_ESCALATED: Final = (PolicyField.ESCALATE_TO, PolicyField.ESCALATE_PEOPLE, PolicyField.ESCALATE_GROUPS)
"""Of those to escalate to, in the order of `ROLES`."""
_REPORT_READERS: Final[Mapping[PolicyField, tuple[str, Callable[[FieldValue], str]]]] = {
    PolicyField.LANGUAGE: ("language", lambda value: value.text if value.text in LANGUAGES else ""),
    PolicyField.WATCH: ("tell", lambda value: value.text),
    PolicyField.BREAKER_SENT: ("min_sent", lambda value: plain_number(value.value)),
    PolicyField.BREAKER_CLICKS: ("min_click_rate", lambda value: plain_number(value.value)),
    PolicyField.BREAKER_CLOSES: ("max_close_rate", lambda value: plain_number(value.value)),
    PolicyField.DIGEST: ("digest", lambda value: str(read_weekly_time(value.value) or value.value.strip())),
}
_ROLE_READERS: Final[tuple[tuple[str, Callable[[FieldValue], object]], ...]] = (
    ("everyone", lambda value: bool(value.choices)),
    ("people", lambda value: tuple(value.selected_users)),
    ("groups", lambda value: tuple(GroupId(each) for each in value.choices if _GROUP.fullmatch(each))),
)
"""Of each role, in the order of `ROLES`."""


_FREEZE_READERS: Final[Mapping[PolicyField, tuple[str, Callable[[FieldValue], str]]]] = {
    PolicyField.FREEZE_NAME: ("name", lambda value: value.value),
    PolicyField.FREEZE_HOURS: ("hours", lambda value: value.value),
    PolicyField.FREEZE_FROM: ("first_day", lambda value: value.selected_date),
    PolicyField.FREEZE_TO: ("last_day", lambda value: value.selected_date),
    PolicyField.FREEZE_COUNTRY: ("region", lambda value: value.text),
    PolicyField.FREEZE_HALF_DAY: ("half_day_from", lambda value: value.selected_time),
}


@dataclass(frozen=True, slots=True)
class SubmittedPolicy:
    """A form as it came back: its identity and its view."""

    metadata: PolicyFormMetadata
    view: ViewPayload

    def read(self, base: PolicyInput) -> PolicyInput:
        """Return `base` with the values of the fields that the form has."""
        blocks = self.view.state.values.items()
        values = {block: next(iter(entry.values()), FieldValue()) for block, entry in blocks}
        fields = {field_of(block): value for block, value in values.items()}
        read: dict[str, Any] = {
            attribute: reader(fields[name]) for name, (attribute, reader) in _READERS.items() if name in fields
        }
        roles = {"viewers": base.viewers, "editors": base.editors, "approvers": base.approvers}
        for (role, earlier), names in zip(roles.items(), ROLES, strict=True):
            read[role] = _read_role(earlier, [fields.get(name) for name in names])
        read["stages"] = tuple(self._read_stage(each, values) for each in base.stages)
        rule = base.rule or RuleInput()
        rules: dict[str, Any] = {
            attribute: reader(fields[name]) for name, (attribute, reader) in _RULE_READERS.items() if name in fields
        }
        escalated = _read_role(rule.escalate_to, [fields.get(name) for name in _ESCALATED])
        if rules or escalated != rule.escalate_to:
            read["rule"] = replace(rule, escalate_to=escalated, **rules)
        reports = {
            attribute: reader(fields[name]) for name, (attribute, reader) in _REPORT_READERS.items() if name in fields
        }
        if reports:
            read["reports"] = replace(base.reports or ReportInput(), **reports)
        if base.freezes is not None:
            read["freezes"] = tuple(_read_freeze(each, values) for each in base.freezes)
        typed = {each: values.get(name_block_id(each.website)) for each in base.renames}
        read["renames"] = tuple(each if value is None else _rename(each, value.value) for each, value in typed.items())
        return replace(base, **read)

    def _read_stage(self, shown: StageInput, values: Mapping[str, FieldValue]) -> StageInput:
        """Return a stage with what was chosen in its fields; one that the form does not show keeps its people."""
        chosen = [values.get(stage_block_id(name, shown.key, self.metadata)) for name in STAGE]
        return replace(shown, role=_read_role(shown.role, chosen))

    def find_blocks(self) -> dict[str, str]:
        """Return the block ids of the view's fields, by field, in their order; of the names the first one."""
        found: dict[str, str] = {}
        for block in self._list_inputs():
            found.setdefault(field_of(block), block)
        if PolicyField.ALL_WEBSITES in found:
            # There is no menu as long as no website is known.
            found.setdefault(PolicyField.WEBSITES, found[PolicyField.ALL_WEBSITES])
        return found

    def field_errors(self, problems: Mapping[PolicyField, Text], t: Translator) -> dict[str, str] | None:
        """Return the problems as sentences, by the block that Slack shows them at; None where the view lacks one."""
        blocks = self.find_blocks()
        stages = [block for block in self._list_inputs() if field_of(block) == PolicyField.STAGE_PEOPLE]
        if stages and (problem := problems.get(PolicyField.STAGES)):
            blocks[PolicyField.STAGES] = stages[min(problem.params.get("stage", 1), len(stages)) - 1]
        if not problems.keys() <= blocks.keys():
            return None
        return {blocks[name]: sentences.format_text(t, problem) for name, problem in problems.items()}

    def _list_inputs(self) -> list[str]:
        return [
            block["block_id"]
            for block in self.view.blocks
            if isinstance(block, dict) and block.get("type") == "input" and isinstance(block.get("block_id"), str)
        ]

    def form_error(self, problem: Text, t: Translator) -> dict[str, str]:
        """Return a problem of the whole form as a sentence, by the view's first field."""
        first = next(iter(self.find_blocks().values()), str(PolicyField.WEBSITES))
        return {first: sentences.format_text(t, problem)}


class PolicyForm:
    """The form of `/flows setup`."""

    CALLBACK: Final = "flows.setup.step"
    WHOLE_CALLBACK: Final = "flows.setup"
    """Of the form of an earlier version, which asked for all at once and may still be open."""

    @classmethod
    def build(cls, content: PolicyFormContent, t: Translator) -> View:
        """Return the form at its step as a modal."""
        submit = "form.save" if content.metadata.step is Step.APPROVALS else "setup.next"
        return policy.modal_view(t, StepBlocks(content, t).build()) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": content.metadata.dump(),
            "submit": block_kit.plain(t(submit), block_kit.TITLE_MAX),
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedPolicy | None:
        """Return the form as it came back; None where another version made it."""
        metadata = parse_metadata(view, PolicyFormMetadata)
        if metadata is None or (metadata.token is None) != (metadata.step is Step.WHOLE):
            return None
        return SubmittedPolicy(metadata, view)

    @staticmethod
    def suggest_options(action: str, query: str, context: PolicyFormData, t: Translator) -> View:
        """Return the answer to Slack's `block_suggestion`: websites, user groups or countries that match."""
        if action == ActionId.SETUP_WEBSITE:
            names = {str(key): name for key, name in context.websites.items()}
            return {"options": widgets.matching_options(widgets.website_options(context.websites, t), names, query)}
        if action == ActionId.SETUP_COUNTRY:
            return {"options": widgets.matching_options(country_options((), t), {}, query)}
        names = {key: group.name for key, group in (context.groups or {}).items()}
        return {"options": widgets.matching_options(group_options((), context, t), names, query)}


def _read_role(shown: PolicyRole, chosen: Iterable[FieldValue | None]) -> PolicyRole:
    """Return a role with what was chosen for everyone, people and groups; None where the form lacks the field."""
    parts = zip(_ROLE_READERS, chosen, strict=True)
    given: dict[str, Any] = {part: reader(value) for (part, reader), value in parts if value is not None}
    return replace(shown, **given)


def _read_freeze(shown: FreezeInput, values: Mapping[str, FieldValue]) -> FreezeInput:
    """Return a freeze with what was typed and chosen in its fields; a field that the form lacks keeps its value."""
    given: dict[str, Any] = {
        attribute: reader(values[block])
        for name, (attribute, reader) in _FREEZE_READERS.items()
        if (block := freeze_block_id(name, shown.key)) in values
    }
    return replace(shown, **given)


def _rename(shown: WebsiteRename, typed: str) -> WebsiteRename:
    """Return a shown name with what was typed; one that looks as it did before is untouched."""
    name = clean_name(typed)
    return replace(shown, after=shown.before if name == clean_name(shown.before or "") else name or None)
