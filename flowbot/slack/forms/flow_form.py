"""The flow form: its ids, how it is built, and how it is read, in one place, so that no id leaks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from flowbot.domain.fields import FIELDS, FormKind, FormValues, fits_field
from flowbot.domain.flow import FieldDifference, Flow
from flowbot.domain.ids import WebsiteId
from flowbot.domain.lint import Remark
from flowbot.domain.validation import FieldProblem, may_be_empty
from flowbot.locales import Translator
from flowbot.slack.forms import choices, inputs, state
from flowbot.slack.forms.choices import SegmentChoice
from flowbot.slack.forms.inputs import Place
from flowbot.slack.forms.metadata import FormMetadata
from flowbot.slack.forms.state import FileRef, Values
from flowbot.slack.ids import Action
from flowbot.slack.views import forms as views
from flowbot.slack.views import kit
from flowbot.slack.views.kit import Block, Element, View
from flowbot.slack.views.request_parts import difference_list

SUBMITS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.create",
    FormKind.EDIT: "form.save",
    FormKind.DUPLICATE: "form.create",
}
LABELS: Final[Mapping[str, str]] = {
    "website": "field.website",
    "name": "field.name",
    "title": "field.title",
    "description": "field.description",
    "url": "field.url",
    "image": "field.image",
    "wait": "field.wait",
    "wait_unit": "field.wait_unit",
    "segment": "field.segment",
    "button_1_title": "field.button_title",
    "button_1_url": "field.button_url",
    "button_2_title": "field.button_title",
    "button_2_url": "field.button_url",
    "silent": "field.silent",
    "auto_hide": "field.auto_hide",
    "ttl": "field.ttl",
    "utm_source": "field.utm_source",
    "utm_medium": "field.utm_medium",
    "utm_campaign": "field.utm_campaign",
}
HINTS: Final[Mapping[str, str]] = {
    "name": "form.hint_name",
    "url": "form.hint_url",
    "wait": "form.hint_wait",
    "button_1_title": "form.hint_button",
    "ttl": "form.hint_ttl",
    "utm_source": "form.hint_utm",
}
IMAGE_HINTS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.hint_image",
    FormKind.EDIT: "form.hint_image_edit",
    FormKind.DUPLICATE: "form.hint_image_copy",
}
SEGMENT_HINTS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.hint_segment",
    FormKind.EDIT: "form.hint_untold",
    FormKind.DUPLICATE: "form.hint_segment_copy",
}
UTM: Final = frozenset({"utm_source", "utm_medium", "utm_campaign"})
_TICKED: Final[Mapping[str, str]] = {"silent": "form.box_silent", "auto_hide": "form.box_auto_hide"}
_PLAIN: Final[Mapping[str, Callable[[str], Element]]] = {
    "name": inputs.text,
    "title": inputs.text,
    "description": inputs.tall_text,
    "url": inputs.url,
    "image": lambda _: inputs.picture(),
    "wait": inputs.number,
    "button_1_title": inputs.text,
    "button_1_url": inputs.url,
    "button_2_title": inputs.text,
    "button_2_url": inputs.url,
    "utm_source": inputs.text,
    "utm_medium": inputs.text,
    "utm_campaign": inputs.text,
}


@dataclass(frozen=True, slots=True)
class FormData:
    """What a form shows.

    Attributes:
        typed: What its fields hold.
        websites: Those that may be chosen, with their names.
        segments: Those of the website that `typed` names; None where Enkapush did not tell them.
        metadata: Which form it is. Its website and image are set from `typed`.
        before: The flow that is edited or duplicated.
        trouble: Why it is shown again.
        brought_back: When what it holds was typed, if that was in an earlier form that was never sent.
        meanwhile: What somebody else has changed since then: fields that were left alone have followed.
        remarks: What is worth another look.
        is_asked: Whether a request for the flow waits, so that no edit is taken.
    """

    typed: FormValues
    websites: Mapping[WebsiteId, str]
    segments: Sequence[SegmentChoice] | None
    metadata: FormMetadata
    before: Flow | None = None
    trouble: FieldProblem | None = None
    brought_back: datetime | None = None
    meanwhile: Sequence[FieldDifference] = ()
    remarks: Sequence[Remark] = ()
    is_asked: bool = False

    @property
    def edited(self) -> Flow | None:
        """The flow that is edited; None where one is made."""
        return self.before if self.metadata.kind is FormKind.EDIT else None


@dataclass(frozen=True, slots=True)
class Submitted:
    """What came back: which form, what its fields hold, the picture that was added, and menus' entries in words."""

    metadata: FormMetadata
    typed: dict[str, str]
    file: FileRef | None
    chosen: Mapping[str, str] = field(default_factory=dict)


class FlowForm:
    """The form to create, edit or duplicate a flow."""

    CALLBACK: Final = "flows.form"

    @classmethod
    def build(cls, data: FormData, t: Translator) -> View:
        """The form as a modal. A value that no field can hold is left out, and its hint says so."""
        metadata = _metadata(data)
        fields = [_field(name, data, metadata, t) for name in FIELDS]
        return views.modal(metadata.kind, t, [*_head(data, metadata, t), *fields, *_foot(data, t)]) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": kit.plain(t(SUBMITS[metadata.kind]), views.TITLE_MAX),
            "notify_on_close": True,
        }

    @classmethod
    def parse(cls, view: Any) -> Submitted | None:
        """The form as it is now, from the `view` of any of Slack's payloads; None where it is not such a form."""
        read = state.read(view)
        metadata = FormMetadata.read(read[0]) if read else None
        if read is None or metadata is None:
            return None
        entries = _entries(read[1], metadata)
        typed = {name: entry.text for name, entry in entries.items()}
        files = entries["image"].files
        chosen = {name: entry.words for name, entry in entries.items() if entry.words}
        return Submitted(metadata, typed | {"image": metadata.image}, files[0] if files else None, chosen)

    @classmethod
    def errors(cls, problems: Mapping[str, FieldProblem], metadata: FormMetadata, t: Translator) -> dict[str, str]:
        """What is wrong, by the block that Slack shall show it at."""
        return {
            _block_id(name, metadata): views.told(problem.key, problem.params, t) for name, problem in problems.items()
        }

    @staticmethod
    def labelled(problems: Mapping[str, FieldProblem], t: Translator) -> list[tuple[str, str]]:
        """The labels of fields, each with what is wrong there."""
        return [(_label(name, t), views.told(each.key, each.params, t)) for name, each in problems.items()]

    @staticmethod
    def website_options(websites: Mapping[WebsiteId, str], query: str, t: Translator) -> View:
        """The answer to Slack's question which websites match what was typed (`block_suggestion`)."""
        return {"options": choices.matching(choices.websites(websites, t), query)}

    @staticmethod
    def segment_options(segments: Sequence[SegmentChoice], query: str, t: Translator) -> View:
        """The answer to Slack's question which segments match what was typed (`block_suggestion`)."""
        return {"options": choices.matching(choices.segments(segments, "", t), query)}


def _metadata(data: FormData) -> FormMetadata:
    given = data.typed.get("website", "")
    website = next((each for each in data.websites if str(each) == given), None)
    return data.metadata.model_copy(update={"website": website, "image": data.typed.get("image", "")})


def _block_id(name: str, metadata: FormMetadata) -> str:
    """The field's name. A new turn has new ids, and so has the segment for another website: Slack forgets the old."""
    turn = f".{metadata.turn}" if metadata.turn else ""
    website = f".website_{metadata.website or 0}" if name == "segment" else ""
    return f"{name}{website}{turn}"


def _entries(values: Values, metadata: FormMetadata) -> dict[str, state.Entry]:
    nothing = state.Entry()
    blocks = {name: values.get(_block_id(name, metadata), {}) for name in FIELDS}
    return {name: block.get(_action_id(name), nothing) for name, block in blocks.items()}


def _action_id(name: str) -> str:
    own = {"website": Action.FORM_WEBSITE, "segment": Action.FORM_SEGMENT}
    return own.get(name, Action.FORM_TYPED)


def _label(name: str, t: Translator) -> str:
    return t(LABELS[name], number=2 if name.startswith("button_2") else 1)


def _field(name: str, data: FormData, metadata: FormMetadata, t: Translator) -> Block:
    place = Place(_block_id(name, metadata), _label(name, t), _hint(name, data, t), may_be_empty(name, data.edited))
    given = data.typed.get(name, "")
    return inputs.block(place, _element(name, given if fits_field(name, given) else "", data, t))


def _element(name: str, value: str, data: FormData, t: Translator) -> Element:
    if name in _TICKED:
        return inputs.box(t(_TICKED[name]), ticked=bool(value))
    if name in _PLAIN:
        return _PLAIN[name](value)
    options = {
        "website": lambda: choices.websites(data.websites, t),
        "segment": lambda: choices.segments(data.segments or (), value, t),
        "wait_unit": lambda: choices.units(value, t),
        "ttl": lambda: choices.ttls(value, t),
    }
    return inputs.menu(_action_id(name), options[name](), value)


def _hint(name: str, data: FormData, t: Translator) -> str | None:
    """What helps to fill the field."""
    if not fits_field(name, data.typed.get(name, "")):
        return t("form.hint_too_long_edit" if data.edited else "form.hint_too_long")
    key = _hint_key(name, data)
    return t(key) if key else None


def _hint_key(name: str, data: FormData) -> str | None:
    kind = data.metadata.kind
    if name == "image":
        return "form.hint_image_kept" if data.typed.get(name) else IMAGE_HINTS[kind]
    if name == "segment":
        return SEGMENT_HINTS[kind] if data.segments is not None else "form.hint_segment_unread"
    if name in UTM and data.edited:
        return "form.hint_untold"
    return HINTS.get(name)


def _head(data: FormData, metadata: FormMetadata, t: Translator) -> list[Block]:
    """Which flow it is about and, above that, why the form is shown again, and why it could not be saved now."""
    blocks: list[Block] = []
    if data.trouble:
        blocks.append(kit.section(kit.plain(f"⚠ {views.told(data.trouble.key, data.trouble.params, t)}")))
    if data.brought_back:
        over = kit.button(t("form.start_over"), Action.FORM_START_OVER, metadata.token)
        blocks.append(kit.section(kit.plain(t("form.brought_back", when=t.moment(data.brought_back))), over))
    if data.meanwhile:
        blocks += difference_list(data.meanwhile, data.websites, t, title=t("form.meanwhile"))
        blocks.append(kit.context(t("form.moved_on")))
    if data.edited and data.is_asked:
        blocks.append(kit.section(kit.plain(f"⏳ {t('form.asked', id=str(data.edited.id))}")))
    return [*blocks, kit.context(_about(data, t))]


def _about(data: FormData, t: Translator) -> str:
    flow, kind = data.before, data.metadata.kind
    if flow is None:
        return t("form.about_new")
    if kind is FormKind.DUPLICATE:
        return t("form.about_copy", id=str(flow.id))
    return t("show.summary", id=str(flow.id), state=t("flow.enabled" if flow.is_enabled else "flow.disabled"))


def _foot(data: FormData, t: Translator) -> list[Block]:
    look = kit.actions(kit.button(t("form.preview"), Action.FORM_PREVIEW, data.metadata.token))
    return [*views.remarks(data.remarks, t), look]
