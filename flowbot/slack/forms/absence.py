"""The small form by which a person says until when they are away, and who stands in for them."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from flowbot.domain.ids import UserId
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, PrivateMetadata, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import TITLE_MAX, Block, Element, View

_DAY: Final = "day"
_STAND_IN: Final = "stand_in"


class AbsenceFormMetadata(PrivateMetadata):
    """The form's identity: the locale and time zone of the person who opened it."""

    locale: str | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class SubmittedAbsence:
    """The form as it was sent; `last_day` is None where none was chosen."""

    metadata: AbsenceFormMetadata
    last_day: date | None
    stand_in: UserId | None


class AbsenceForm:
    """The form of a person's own absence."""

    CALLBACK: Final = "absences.begin"

    @classmethod
    def build(cls, metadata: AbsenceFormMetadata, t: Translator) -> View:
        """Return the form as a modal."""
        day: Element = {"type": "datepicker", "action_id": ActionId.ABSENCE_DAY}
        person: Element = {"type": "users_select", "action_id": ActionId.ABSENCE_STAND_IN}
        blocks = [
            _input(_DAY, t("absence.day"), day, optional=False),
            _input(_STAND_IN, t("absence.person"), person, optional=True)
            | {"hint": block_kit.plain(t("absence.person_hint"))},
        ]
        return {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(t("form.save"), TITLE_MAX),
            **block_kit.modal(t("absence.title"), blocks, close=t("request.cancel")),
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedAbsence | None:
        """Return the form as it was sent; None where another version made it."""
        metadata = parse_metadata(view, AbsenceFormMetadata)
        if metadata is None:
            return None
        values = view.state.values
        chosen = values.get(_DAY, {}).get(ActionId.ABSENCE_DAY, FieldValue()).selected_date
        person = values.get(_STAND_IN, {}).get(ActionId.ABSENCE_STAND_IN, FieldValue()).selected_user
        try:
            day = date.fromisoformat(chosen)
        except ValueError:
            day = None
        return SubmittedAbsence(metadata, day, person)

    @classmethod
    def field_errors(cls, problem: Text, t: Translator) -> dict[str, str]:
        """Return a problem as a sentence, by the block of its field, so that what was chosen stays."""
        is_about_person = problem.key == "absence.oneself" or problem.key.startswith("absence.stand_in")
        return {_STAND_IN if is_about_person else _DAY: sentences.format_text(t, problem)}


def _input(block_id: str, label: str, element: Element, *, optional: bool) -> Block:
    return {
        "type": "input",
        "block_id": block_id,
        "label": block_kit.plain(label),
        "element": element,
        "optional": optional,
    }
