"""The elements of the policy form with which people, user groups and answers are chosen."""

from collections.abc import Iterable, Sequence

from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.text import is_blank
from flowbot.i18n.translator import Translator
from flowbot.services.policy_setup import PolicyFormData
from flowbot.slack.forms.widgets import STATIC_MAX, TICKED, option
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element


def group_options(chosen: Sequence[GroupId], context: PolicyFormData, t: Translator) -> list[Element]:
    """Return all user groups by name, and those chosen that are not among them, so that they are seen."""
    groups = context.groups or {}
    named = sorted((group.name.casefold(), id_, group.name) for id_, group in groups.items())
    labels = block_kit.distinct_labels({id_: id_ if is_blank(name) else name for _, id_, name in named})
    known = [option(label, id_) for id_, label in labels.items()]
    lost = [each for each in chosen if each not in groups]
    return [*known, *(option(t("setup.group_unknown", id=str(each)), each) for each in lost)]


def group_menu(chosen: Sequence[GroupId], context: PolicyFormData, t: Translator) -> Element | None:
    """Return a menu of the user groups; None where there is none."""
    options = group_options(chosen, context, t)
    return menu_input(ActionId.SETUP_GROUP, options, chosen) if options else None


def menu_input(action: ActionId, options: Sequence[Element], chosen: Iterable[str]) -> Element:
    """Return a menu for several choices. Slack asks for the entries of a long one (`PolicyForm.suggest_options`)."""
    wanted = set(map(str, chosen))
    initial = [each for each in options if each["value"] in wanted][:STATIC_MAX]
    made: Element = {"action_id": action} | ({"initial_options": initial} if initial else {})
    if len(options) <= STATIC_MAX:
        return made | {"type": "multi_static_select", "options": list(options)}
    return made | {"type": "multi_external_select", "min_query_length": 0}


def box_input(label: str, *, ticked: bool) -> Element:
    """Return one box to tick."""
    return boxes_input([option(label, TICKED)], {TICKED} if ticked else set())


def boxes_input(options: list[Element], ticked: Iterable[str]) -> Element:
    """Return boxes to tick."""
    initial = [each for each in options if each["value"] in ticked]
    return {"type": "checkboxes", "options": options} | ({"initial_options": initial} if initial else {})


def people_input(chosen: Sequence[UserId]) -> Element:
    """Return a menu of people."""
    return {"type": "multi_users_select"} | ({"initial_users": list(map(str, chosen))} if chosen else {})
