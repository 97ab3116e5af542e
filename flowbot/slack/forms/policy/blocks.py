"""The blocks of the policy form, step by step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flowbot.domain.approval_rule import MAX_EXPIRY_HOURS, MAX_QUORUM, Gate, NotifyMode
from flowbot.domain.policy import MAX_WEBSITE_NAME
from flowbot.domain.text import cut_utf16
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.slack.forms import widgets
from flowbot.slack.forms.policy.choices import box_input, boxes_input, group_menu, menu_input, people_input
from flowbot.slack.forms.policy.freeze_blocks import freeze_blocks
from flowbot.slack.forms.policy.input import CHOSEN_GATES, NAMES_MAX, STAGES_MAX, PolicyInput
from flowbot.slack.forms.policy.report_blocks import format_digest_hint, report_elements, whole_number_input
from flowbot.slack.forms.policy.report_input import ReportInput
from flowbot.slack.forms.policy.roles import PolicyRole
from flowbot.slack.forms.policy.rule_blocks import escalation_elements, rule_elements
from flowbot.slack.forms.policy.rule_input import RuleInput
from flowbot.slack.forms.policy.steps import (
    ROLES,
    STAGE,
    PolicyFormContent,
    Step,
    block_id,
    name_block_id,
    stage_block_id,
)
from flowbot.slack.forms.widgets import option
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChannelValue
from flowbot.slack.views import block_kit, policy, sentences
from flowbot.slack.views.block_kit import Block, Element

HINTS: Final[Mapping[PolicyField, str]] = {
    PolicyField.WEBSITES: "setup.hint_websites",
    PolicyField.VIEWERS: "setup.hint_viewers",
    PolicyField.EDITORS: "setup.hint_editors",
    PolicyField.APPROVERS: "setup.hint_approvers",
    PolicyField.QUORUM: "setup.hint_quorum",
    PolicyField.QUORUM_OVER: "setup.hint_quorum_over",
    PolicyField.GATES: "setup.hint_gates",
    PolicyField.EXPIRES: "setup.hint_expires",
    PolicyField.ESCALATE_AFTER: "setup.hint_escalate_after",
    PolicyField.CHANNEL: "setup.hint_channel",
    PolicyField.NOTIFY: "setup.hint_notify",
    PolicyField.BREAK_GLASS: "setup.hint_break_glass",
    PolicyField.OUTSIDERS: "setup.hint_outsiders",
    PolicyField.BREAKER_SENT: "setup.hint_breaker_sent",
    PolicyField.BREAKER_CLICKS: "setup.hint_breaker_clicks",
    PolicyField.BREAKER_CLOSES: "setup.hint_breaker_closes",
}
_REQUIRED: Final = frozenset(
    {PolicyField.EXPIRES, PolicyField.NOTIFY, PolicyField.LANGUAGE, PolicyField.WATCH, PolicyField.BREAKER_SENT}
)
OTHERS_MAX: Final = 10
"""The form offers the policies of at most so many other channels to start with."""


@dataclass(frozen=True, slots=True)
class StepBlocks:
    """Builds the blocks of the step that the content is at."""

    content: PolicyFormContent
    t: Translator

    def build(self) -> list[Block]:
        """Return the blocks."""
        builders = {Step.WEBSITES: self._websites, Step.PEOPLE: self._people, Step.APPROVALS: self._approvals}
        blocks = list(builders[self.content.metadata.step]())
        if self.content.problem:
            blocks.insert(0, block_kit.paragraph(f"⚠ {sentences.format_text(self.t, self.content.problem)}"))
        return blocks

    def _websites(self) -> Iterator[Block]:
        t, typed, context = self.t, self.content.typed, self.content.context
        yield block_kit.context(f"{t('setup.about')} {t('setup.step_websites')}")
        others = context.others[:OTHERS_MAX]
        for number, other in enumerate(others, 1):
            # A channel's name is not known here, so a screen reader tells the buttons apart by their number.
            hint = t("hint.copy_rules", number=number, total=len(others))
            value = ChannelValue(channel=other).dump()
            button = block_kit.button(t("setup.use_same"), ActionId.SETUP_SAME, value, hint=hint)
            yield block_kit.section(block_kit.mrkdwn(t("setup.same_as", channel=f"<#{other}>")), button)
        names = {**context.websites, **{each.website: each.after or str(each.website) for each in typed.renames}}
        if websites := widgets.website_options(names, t):
            menu = menu_input(ActionId.SETUP_WEBSITE, websites, typed.websites)
            yield from self._input(PolicyField.WEBSITES, menu)
        elif context.are_flows_known:
            yield block_kit.context(t("setup.no_websites"))
        if not context.are_flows_known:
            yield block_kit.context(t("setup.websites_untold"))
        box = box_input(t("setup.box_all_websites"), ticked=typed.all_websites)
        yield from self._input(PolicyField.ALL_WEBSITES, box)
        if PolicyField.NAMES in self.content.problems:
            yield self._problem(PolicyField.NAMES)
        for each in typed.renames:
            yield {
                "type": "input",
                "block_id": name_block_id(each.website),
                "label": block_kit.plain(policy.format_name_label(each.website, t)),
                "element": _name(each.after),
                "optional": True,
            }
        if len(typed.renames) == NAMES_MAX < len(names):
            yield block_kit.context(t("setup.names_cut"))
        if websites:
            yield block_kit.actions(block_kit.button(t("setup.edit_names"), ActionId.SETUP_NAMES, "1"))

    def _people(self) -> Iterator[Block]:
        t, typed, context = self.t, self.content.typed, self.content.context
        yield block_kit.context(t("setup.step_people"))
        held = (typed.viewers, typed.editors, typed.approvers)
        for role, fields in zip(held, ROLES, strict=True):
            if fields[0] is not PolicyField.APPROVERS or not typed.stages:
                yield from self._role(role, fields)
        yield from self._stages()
        if context.groups is None:
            yield block_kit.context(t("setup.groups_untold"))
        yield block_kit.actions(self._back_button())

    def _role(
        self, role: PolicyRole, fields: Sequence[PolicyField], stage: tuple[int, int] | None = None
    ) -> Iterator[Block]:
        """Build the fields of a role, or of a stage, given with its key and its number."""
        t, (everyone, people, groups) = self.t, fields
        yield from self._input(everyone, box_input(t("setup.box_everyone"), ticked=role.everyone), stage=stage)
        yield from self._input(people, people_input(role.people), stage=stage)
        if (menu := group_menu(role.groups, self.content.context, t)) is not None:
            yield from self._input(groups, menu, stage=stage)

    def _stages(self) -> Iterator[Block]:
        t, stages = self.t, self.content.typed.stages
        problem = self.content.problems.get(PolicyField.STAGES)
        wrong = min(problem.params.get("stage", 1), STAGES_MAX) if problem else None
        if stages:
            yield block_kit.context(t("setup.about_stages"))
        for number, stage in enumerate(stages[:STAGES_MAX], 1):
            if number == wrong:
                yield self._problem(PolicyField.STAGES)
            yield from self._role(stage.role, STAGE, (stage.key, number))
            if len(stages) > 1:
                remove = t("setup.stage_remove", stage=number)
                yield block_kit.actions(block_kit.button(remove, ActionId.SETUP_REMOVE_STAGE, str(stage.key)))
        if len(stages) > STAGES_MAX:
            yield block_kit.context(t("setup.stages_hidden", stage=STAGES_MAX + 1))
        if len(stages) < STAGES_MAX:
            add = t("setup.stage_add" if stages else "setup.stage_first")
            yield block_kit.actions(block_kit.button(add, ActionId.SETUP_ADD_STAGE, "1"))

    def _approvals(self) -> Iterator[Block]:
        t, typed = self.t, self.content.typed
        yield block_kit.context(t("setup.step_approvals"))
        yield from self._input(PolicyField.QUORUM, whole_number_input(typed.quorum, MAX_QUORUM), optional=False)
        words = {Gate.EDIT_ENABLED: t("setup.gate_edit_enabled"), Gate.DISABLE: t("setup.gate_disable")}
        gates = [option(words[gate], gate) for gate in CHOSEN_GATES]
        yield from self._input(PolicyField.GATES, boxes_input(gates, typed.gates))
        # Channels alone: a direct message is none to approve in.
        channels: Element = {"type": "conversations_select", "filter": {"include": ["public", "private"]}}
        if typed.channel is not None and not typed.channel.startswith("D"):
            channels["initial_conversation"] = str(typed.channel)
        yield from self._input(PolicyField.CHANNEL, channels)
        modes = [option(t(policy.NOTIFY_MODE_KEYS[mode]), mode) for mode in NotifyMode]
        default, rule, is_all = PolicyInput(), typed.rule or RuleInput(), self.content.metadata.more
        more = {
            **rule_elements(rule, t),
            PolicyField.SELF_APPROVAL: (
                typed.self_approval != default.self_approval,
                box_input(t("setup.box_self_approval"), ticked=typed.self_approval),
            ),
            PolicyField.EXPIRES: (
                typed.expires != default.expires,
                whole_number_input(typed.expires, MAX_EXPIRY_HOURS),
            ),
            **escalation_elements(rule, self.content.context, t),
            PolicyField.NOTIFY: (
                typed.notify != default.notify,
                widgets.select_input(ActionId.SETUP_CHOSEN, modes, typed.notify),
            ),
            PolicyField.BREAK_GLASS: (typed.break_glass != default.break_glass, people_input(typed.break_glass)),
            PolicyField.OUTSIDERS: (
                typed.outsiders_may_read != default.outsiders_may_read,
                box_input(t("setup.box_outsiders"), ticked=typed.outsiders_may_read),
            ),
            **report_elements(typed.reports or ReportInput(), t),
        }
        shown = {name: element for name, (is_set, element) in more.items() if is_set or is_all}
        for name, element in shown.items():
            yield from self._input(name, element, optional=name not in _REQUIRED)
        freezes = typed.freezes or ()
        if PolicyField.FREEZES in self.content.problems:
            yield self._problem(PolicyField.FREEZES)
        if freezes or is_all:
            channel, context = self.content.metadata.channel, self.content.context
            others = [freeze for freeze in context.freezes if not freeze.is_own_of(channel)]
            yield block_kit.header(t("freeze.title"))
            yield from freeze_blocks(freezes, others, t)
        is_whole = len(shown) == len(more) and (freezes or is_all)
        reveal = [] if is_whole else [block_kit.button(t("setup.more_settings"), ActionId.SETUP_MORE, "1")]
        yield block_kit.actions(self._back_button(), *reveal)

    def _back_button(self) -> Element:
        return block_kit.button(self.t("setup.back"), ActionId.SETUP_BACK, "1")

    def _input(
        self, name: PolicyField, element: Element, *, optional: bool = True, stage: tuple[int, int] | None = None
    ) -> Iterator[Block]:
        if name in self.content.problems:
            yield self._problem(name)
        metadata = self.content.metadata
        made: Block = {
            "type": "input",
            "block_id": block_id(name, metadata) if stage is None else stage_block_id(name, stage[0], metadata),
            "label": block_kit.plain(policy.format_label(name, self.t, stage=stage and stage[1])),
            "element": {"action_id": ActionId.SETUP_CHOSEN} | element,
            "optional": optional,
        }
        key = (
            "setup.hint_quorum_stages" if name is PolicyField.QUORUM and self.content.typed.stages else HINTS.get(name)
        )
        hint = format_digest_hint(self.t) if name is PolicyField.DIGEST else key and self.t(key)
        yield made | ({"hint": block_kit.plain(hint)} if hint else {})

    def _problem(self, name: PolicyField) -> Block:
        return block_kit.paragraph(f"⚠ {sentences.format_text(self.t, self.content.problems[name])}")


def _name(value: str | None) -> Element:
    made = {"type": "plain_text_input", "action_id": ActionId.SETUP_CHOSEN, "max_length": MAX_WEBSITE_NAME}
    return made | ({"initial_value": cut_utf16(value, MAX_WEBSITE_NAME)} if value else {})
