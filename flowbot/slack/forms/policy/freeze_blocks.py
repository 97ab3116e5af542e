"""The blocks of the policy form's freezes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from flowbot.domain.freezes import MAX_FREEZE_NAME, Freeze
from flowbot.domain.public_holidays import list_countries
from flowbot.domain.text import cut_utf16
from flowbot.i18n.translator import Translator
from flowbot.services.policy_checks import PolicyField
from flowbot.slack.forms.policy.freeze_input import OWN_MAX, FreezeInput, FreezeKind, read_weekly
from flowbot.slack.forms.policy.steps import freeze_block_id
from flowbot.slack.forms.widgets import option, select_input
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element
from flowbot.slack.views.freezes import format_freeze, format_hours

EXAMPLE: Final = ("fri 17:00-24:00", "sat", "sun")
HOURS_MAX: Final = 500
"""In characters."""
_ADD_BUTTONS: Final = {
    ActionId.SETUP_ADD_WEEKLY: "setup.freeze_weekly",
    ActionId.SETUP_ADD_DAYS: "setup.freeze_days",
    ActionId.SETUP_ADD_HOLIDAYS: "setup.freeze_holidays",
}
ADDED_KINDS: Final[Mapping[str, FreezeKind]] = {
    ActionId.SETUP_ADD_WEEKLY: FreezeKind.WEEKLY,
    ActionId.SETUP_ADD_DAYS: FreezeKind.DAYS,
    ActionId.SETUP_ADD_HOLIDAYS: FreezeKind.HOLIDAYS,
}


def freeze_blocks(typed: Sequence[FreezeInput], others: Iterable[Freeze], t: Translator) -> Iterator[Block]:
    """Build the fields of the channel's own freezes, the others that cover it, and buttons for more.

    Args:
        typed: the channel's own; beyond `OWN_MAX`, which only an import makes, they are not shown and stay.
        others: those that the form cannot edit.
        t: the reader's words.
    """
    yield block_kit.context(t("freeze.about"))
    if lines := [f"{t('freeze.everywhere')} {format_freeze(freeze, t)}" for freeze in others]:
        yield block_kit.context("\n".join(lines))
    for number, freeze in enumerate(typed[:OWN_MAX], 1):
        yield from _entry_blocks(freeze, number, t)
    if len(typed) < OWN_MAX:
        yield block_kit.actions(*(block_kit.button(t(key), action, "1") for action, key in _ADD_BUTTONS.items()))


def country_options(chosen: Iterable[str], t: Translator) -> list[Element]:
    """Return the countries whose holidays are known, by name; and those chosen, which may be parts of one."""
    names = {code: t.format_country(code) for code in list_countries()}
    for region in chosen:
        country, _, part = region.partition("-")
        names[region] = f"{t.format_country(country)}, {part}" if part else names.get(region, region)
    labels = block_kit.distinct_labels(dict(sorted(names.items(), key=lambda item: item[1].casefold())))
    return [option(label, code) for code, label in labels.items()]


def _entry_blocks(freeze: FreezeInput, number: int, t: Translator) -> Iterator[Block]:
    def build_input(
        field: PolicyField, label: str, element: Element, hint: str = "", *, optional: bool = False
    ) -> Block:
        made: Block = {
            "type": "input",
            "block_id": freeze_block_id(field, freeze.key),
            "label": block_kit.plain(t(label, number=number)),
            "element": {"action_id": ActionId.SETUP_CHOSEN} | element,
            "optional": optional,
        }
        return made | ({"hint": block_kit.plain(hint)} if hint else {})

    yield build_input(PolicyField.FREEZE_NAME, "setup.freeze_name", _text_input(freeze.name, MAX_FREEZE_NAME))
    match freeze.kind:
        case FreezeKind.WEEKLY:
            weekly, hint = read_weekly(freeze.hours), t("setup.hint_freeze_hours", example=format_hours(EXAMPLE, t))
            hours = _text_input(format_hours(weekly, t) if weekly else freeze.hours, HOURS_MAX)
            yield build_input(PolicyField.FREEZE_HOURS, "setup.freeze_hours", hours, hint)
        case FreezeKind.DAYS:
            yield build_input(PolicyField.FREEZE_FROM, "setup.freeze_from", _picker("date", freeze.first_day))
            yield build_input(PolicyField.FREEZE_TO, "setup.freeze_to", _picker("date", freeze.last_day))
        case FreezeKind.HOLIDAYS:
            options = country_options([freeze.region] if freeze.region else [], t)
            countries = select_input(ActionId.SETUP_COUNTRY, options, freeze.region)
            yield build_input(PolicyField.FREEZE_COUNTRY, "setup.freeze_country", countries)
            half_day, hint = _picker("time", freeze.half_day_from), t("setup.hint_freeze_half_day")
            yield build_input(PolicyField.FREEZE_HALF_DAY, "setup.freeze_half_day", half_day, hint, optional=True)
    remove = t("setup.freeze_remove", number=number)
    yield block_kit.actions(block_kit.button(remove, ActionId.SETUP_REMOVE_FREEZE, str(freeze.key)))


def _text_input(value: str, most: int) -> Element:
    shown = {"initial_value": cut_utf16(value, most)} if value else {}
    return {"type": "plain_text_input", "max_length": most} | shown


def _picker(what: str, value: str) -> Element:
    return {"type": f"{what}picker"} | ({f"initial_{what}": value} if value else {})
