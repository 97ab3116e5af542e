"""The form of a flow: its ids, build and parse."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field

from flowbot.domain.fields import FIELDS, FormKind, FormValues, fits_field
from flowbot.domain.flow import FieldDifference, Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, WebsiteId
from flowbot.domain.validation import is_optional
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.slack.forms import widgets
from flowbot.slack.forms.widgets import FieldLayout, SegmentOption
from flowbot.slack.payloads import view_state
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FileRef, PrivateMetadata, ShortText, Values
from flowbot.slack.views import block_kit
from flowbot.slack.views import form_status as views
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.request_blocks import difference_list


class FormMetadata(PrivateMetadata):
    """A form's identity.

    Attributes:
        token: The form's own: what is sent with it twice is one change.
        channel: Where it was opened: whose policy counts.
        flow: The flow that is edited or duplicated.
        locale, timezone: How the author reads.
        website: Whose segments it offers; `FlowForm.build` sets it.
        image: The id of a picture that is kept already; `FlowForm.build` sets it.
        turn: Grows when the form is filled anew, which gives its fields new ids: Slack keeps what was typed as long as
            the ids stay.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    token: Annotated[FormToken, Field(min_length=1, max_length=150)]
    kind: FormKind
    channel: ChannelId
    flow: FlowId | None = None
    locale: ShortText | None = None
    timezone: ShortText | None = None
    website: WebsiteId | None = None
    image: ShortText = ""
    turn: Annotated[int, Field(ge=0)] = 0

    def dump(self) -> str:
        """As text."""
        return self.model_dump_json(exclude_defaults=True)


SUBMITS: Final[Mapping[FormKind, str]] = {
    FormKind.CREATE: "form.create",
    FormKind.EDIT: "form.save",
    FormKind.DUPLICATE: "form.create",
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
    "name": widgets.text_input,
    "title": widgets.text_input,
    "description": widgets.multiline_input,
    "url": widgets.url_input,
    "image": lambda _: widgets.file_input(),
    "wait": widgets.number_input,
    "button_1_title": widgets.text_input,
    "button_1_url": widgets.url_input,
    "button_2_title": widgets.text_input,
    "button_2_url": widgets.url_input,
    "utm_source": widgets.text_input,
    "utm_medium": widgets.text_input,
    "utm_campaign": widgets.text_input,
}


@dataclass(frozen=True, slots=True)
class FlowFormData:
    """What a form shows.

    Attributes:
        typed: What its fields hold.
        websites: Those that may be chosen, with their names.
        segments: Those of the website that `typed` names; None where Enkapush did not tell them.
        metadata: Which form it is. Its website and image are set from `typed`.
        before: The flow that is edited or duplicated.
        problem: Why it is shown again.
        typed_at: When what it holds was typed, if that was in an earlier form that was never sent.
        changed_meanwhile: What somebody else has changed since then: fields that were left alone have followed.
        remarks: What is worth another look.
        has_open_request: Whether a request for the flow waits, so that no edit is taken.
    """

    typed: FormValues
    websites: Mapping[WebsiteId, str]
    segments: Sequence[SegmentOption] | None
    metadata: FormMetadata
    before: Flow | None = None
    problem: Text | None = None
    typed_at: datetime | None = None
    changed_meanwhile: Sequence[FieldDifference] = ()
    remarks: Sequence[Text] = ()
    has_open_request: bool = False

    @property
    def edited(self) -> Flow | None:
        """The flow that is edited; None where one is made."""
        return self.before if self.metadata.kind is FormKind.EDIT else None


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """What came back: which form, what its fields hold, the picture that was added, and menus' entries in words."""

    metadata: FormMetadata
    typed: dict[str, str]
    file: FileRef | None
    chosen_labels: Mapping[str, str] = field(default_factory=dict)


class FlowForm:
    """The form to create, edit or duplicate a flow."""

    CALLBACK: Final = "flows.form"

    @classmethod
    def build(cls, data: FlowFormData, t: Translator) -> View:
        """The form as a modal. A value that no field can hold is left out, and its hint says so."""
        metadata = _metadata(data)
        fields = [_field(name, data, metadata, t) for name in FIELDS]
        return views.modal(metadata.kind, t, [*_head(data, metadata, t), *fields, *_foot(data, t)]) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(t(SUBMITS[metadata.kind]), views.TITLE_MAX),
            "notify_on_close": True,
        }

    @classmethod
    def parse(cls, view: Any) -> SubmittedForm | None:
        """The form as it is now, from the `view` of any of Slack's payloads; None where it is not such a form."""
        read = view_state.parse_view_state(view)
        metadata = FormMetadata.parse(read[0]) if read else None
        if read is None or metadata is None:
            return None
        entries = _entries(read[1], metadata)
        typed = {name: entry.text for name, entry in entries.items()}
        files = entries["image"].files
        chosen = {name: entry.label for name, entry in entries.items() if entry.label}
        return SubmittedForm(metadata, typed | {"image": metadata.image}, files[0] if files else None, chosen)

    @classmethod
    def field_errors(cls, problems: Mapping[str, Text], metadata: FormMetadata, t: Translator) -> dict[str, str]:
        """What is wrong, by the block that Slack shall show it at."""
        return {
            _block_id(name, metadata): views.format_text(problem.key, problem.params, t)
            for name, problem in problems.items()
        }

    @staticmethod
    def label_problems(problems: Mapping[str, Text], t: Translator) -> list[tuple[str, str]]:
        """The labels of fields, each with what is wrong there."""
        return [(_label(name, t), views.format_text(each.key, each.params, t)) for name, each in problems.items()]

    @staticmethod
    def suggest_websites(websites: Mapping[WebsiteId, str], query: str, t: Translator) -> View:
        """The answer to Slack's question which websites match what was typed (`block_suggestion`)."""
        return {"options": widgets.matching_options(widgets.website_options(websites, t), query)}

    @staticmethod
    def suggest_segments(segments: Sequence[SegmentOption], query: str, t: Translator) -> View:
        """The answer to Slack's question which segments match what was typed (`block_suggestion`)."""
        return {"options": widgets.matching_options(widgets.segment_options(segments, "", t), query)}


def _metadata(data: FlowFormData) -> FormMetadata:
    given = data.typed.get("website", "")
    website = next((each for each in data.websites if str(each) == given), None)
    return data.metadata.model_copy(update={"website": website, "image": data.typed.get("image", "")})


def _block_id(name: str, metadata: FormMetadata) -> str:
    """The field's name. A new turn has new ids, and so has the segment for another website: Slack forgets the old."""
    turn = f".{metadata.turn}" if metadata.turn else ""
    website = f".website_{metadata.website or 0}" if name == "segment" else ""
    return f"{name}{website}{turn}"


def _entries(values: Values, metadata: FormMetadata) -> dict[str, view_state.FieldValue]:
    nothing = view_state.FieldValue()
    blocks = {name: values.get(_block_id(name, metadata), {}) for name in FIELDS}
    return {name: block.get(_action_id(name), nothing) for name, block in blocks.items()}


def _action_id(name: str) -> str:
    own = {"website": ActionId.FORM_WEBSITE, "segment": ActionId.FORM_SEGMENT}
    return own.get(name, ActionId.FORM_TYPED)


def _label(name: str, t: Translator) -> str:
    return t(FIELDS[name].label, number=2 if name.startswith("button_2") else 1)


def _field(name: str, data: FlowFormData, metadata: FormMetadata, t: Translator) -> Block:
    place = FieldLayout(
        _block_id(name, metadata), _label(name, t), _hint(name, data, t), is_optional(name, data.edited)
    )
    given = data.typed.get(name, "")
    return widgets.input_block(place, _element(name, given if fits_field(name, given) else "", data, t))


def _element(name: str, value: str, data: FlowFormData, t: Translator) -> Element:
    if name in _TICKED:
        return widgets.checkbox_input(t(_TICKED[name]), ticked=bool(value))
    if name in _PLAIN:
        return _PLAIN[name](value)
    options = {
        "website": lambda: widgets.website_options(data.websites, t),
        "segment": lambda: widgets.segment_options(data.segments or (), value, t),
        "wait_unit": lambda: widgets.unit_options(value, t),
        "ttl": lambda: widgets.ttl_options(value, t),
    }
    return widgets.select_input(_action_id(name), options[name](), value)


def _hint(name: str, data: FlowFormData, t: Translator) -> str | None:
    """What helps to fill the field."""
    if not fits_field(name, data.typed.get(name, "")):
        return t("form.hint_too_long_edit" if data.edited else "form.hint_too_long")
    key = _hint_key(name, data)
    return t(key) if key else None


def _hint_key(name: str, data: FlowFormData) -> str | None:
    kind = data.metadata.kind
    if name == "image":
        return "form.hint_image_kept" if data.typed.get(name) else IMAGE_HINTS[kind]
    if name == "segment":
        return SEGMENT_HINTS[kind] if data.segments is not None else "form.hint_segment_unread"
    if name in UTM and data.edited:
        return "form.hint_untold"
    return FIELDS[name].hint


def _head(data: FlowFormData, metadata: FormMetadata, t: Translator) -> list[Block]:
    """Which flow it is about and, above that, why the form is shown again, and why it could not be saved now."""
    blocks: list[Block] = []
    if data.problem:
        blocks.append(
            block_kit.section(block_kit.plain(f"⚠ {views.format_text(data.problem.key, data.problem.params, t)}"))
        )
    if data.typed_at:
        over = block_kit.button(t("form.start_over"), ActionId.FORM_START_OVER, metadata.token)
        blocks.append(block_kit.section(block_kit.plain(t("form.brought_back", when=t.moment(data.typed_at))), over))
    if data.changed_meanwhile:
        blocks += difference_list(data.changed_meanwhile, data.websites, t, title=t("form.meanwhile"))
        blocks.append(block_kit.context(t("form.moved_on")))
    if data.edited and data.has_open_request:
        blocks.append(block_kit.section(block_kit.plain(f"⏳ {t('form.asked', id=str(data.edited.id))}")))
    return [*blocks, block_kit.context(_about(data, t))]


def _about(data: FlowFormData, t: Translator) -> str:
    flow, kind = data.before, data.metadata.kind
    if flow is None:
        return t("form.about_new")
    if kind is FormKind.DUPLICATE:
        return t("form.about_copy", id=str(flow.id))
    return t("show.summary", id=str(flow.id), state=t("flow.enabled" if flow.is_enabled else "flow.disabled"))


def _foot(data: FlowFormData, t: Translator) -> list[Block]:
    look = block_kit.actions(block_kit.button(t("form.preview"), ActionId.FORM_PREVIEW, data.metadata.token))
    return [*views.remarks(data.remarks, t), look]
