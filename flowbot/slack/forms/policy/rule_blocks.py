"""The elements of the policy form's fields about what an approval takes beyond its quorum, and the escalation."""

from typing import Final

from flowbot.domain.approval_rule import MAX_EXPIRY_HOURS
from flowbot.domain.text import cut_utf16
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms.policy.choices import box_input, group_menu, people_input
from flowbot.slack.forms.policy.report_blocks import whole_number_input
from flowbot.slack.forms.policy.rule_input import RuleInput
from flowbot.slack.views.block_kit import Element

_LINES_MAX: Final = 500
"""In characters."""


def rule_elements(typed: RuleInput, t: Translator) -> dict[PolicyField, tuple[bool, Element]]:
    """Build the elements of what an approval takes beyond its quorum, each with whether it is set."""
    default = RuleInput()
    lines = {"initial_value": cut_utf16(typed.quorum_over, _LINES_MAX)} if typed.quorum_over else {}
    quorums: Element = {"type": "plain_text_input", "multiline": True, "max_length": _LINES_MAX, **lines}
    stand_ins = box_input(t("setup.box_stand_ins"), ticked=typed.stand_ins)
    reason = box_input(t("setup.box_reason_required"), ticked=typed.reason_required)
    return {
        PolicyField.QUORUM_OVER: (bool(typed.quorum_over), quorums),
        PolicyField.STAND_INS: (typed.stand_ins != default.stand_ins, stand_ins),
        PolicyField.REASON_REQUIRED: (typed.reason_required != default.reason_required, reason),
    }


def escalation_elements(
    typed: RuleInput, context: PolicyFormData, t: Translator
) -> dict[PolicyField, tuple[bool, Element]]:
    """Build the elements of the escalation, each with whether there is one."""
    escalated = typed.escalate_to
    is_set = bool(typed.escalate_after or escalated.principals)
    elements = {PolicyField.ESCALATE_AFTER: whole_number_input(typed.escalate_after, MAX_EXPIRY_HOURS)}
    if escalated.everyone:
        # Only an import says so: ticked, it can be taken back.
        elements[PolicyField.ESCALATE_TO] = box_input(t("setup.box_everyone"), ticked=True)
    elements[PolicyField.ESCALATE_PEOPLE] = people_input(escalated.people)
    if (menu := group_menu(escalated.groups, context, t)) is not None:
        elements[PolicyField.ESCALATE_GROUPS] = menu
    return {name: (is_set, element) for name, element in elements.items()}
