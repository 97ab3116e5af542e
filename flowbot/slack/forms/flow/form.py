"""The form of a flow: its ids, build and parse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final

from pydantic import ConfigDict, Field

from flowbot.domain.change import ChangeRequest
from flowbot.domain.fields import FIELDS, FieldKind, FormField, FormKind, FormValues, fits_field
from flowbot.domain.flow import DesiredFlow, FieldDifference, Flow
from flowbot.domain.ids import ChannelId, FlowId, FormToken, UserId, WebsiteId
from flowbot.domain.images import ImageInfo, ImageUpload
from flowbot.domain.text import shorten, utf16_length
from flowbot.domain.validation import is_optional
from flowbot.errors import Text
from flowbot.i18n.translator import Translator
from flowbot.services.flow_settings import FlowSettings
from flowbot.services.ports.enkapush import Segment
from flowbot.slack.forms import widgets
from flowbot.slack.forms.reason import parse_reason, reason_input
from flowbot.slack.forms.widgets import FieldLayout
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.view_state import FieldValue, PrivateMetadata, ShortText, ViewPayload, parse_metadata
from flowbot.slack.views import block_kit, flow_settings, form_status, push, sentences
from flowbot.slack.views.block_kit import Block, Element, View
from flowbot.slack.views.request_blocks import difference_blocks


class FormMetadata(PrivateMetadata):
    """A form's identity.

    Attributes:
        token: The form's own: a form that is sent twice with it is one change.
        channel: The channel it was opened in, whose policy counts.
        flow: The flow that is edited or duplicated.
        locale, timezone: The author's.
        website: The website whose segments it offers; `FlowForm.build` sets it.
        image, image_file: The ids of an image that is stored already and of its file in Slack; set by `FlowForm.build`.
        turn: Grows when the form is filled anew, which gives its fields new ids: Slack keeps what was typed as long as
            the ids stay.
        needs_approval: Whether an edit needs approval, so that the form has a field for the reason.
        needs_reason: Whether that field must not stay empty.
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
    image_file: ShortText = ""
    turn: Annotated[int, Field(ge=0)] = 0
    needs_approval: bool = False
    needs_reason: bool = False


@dataclass(frozen=True, slots=True)
class FlowFormData:
    """The contents of a form.

    Attributes:
        typed: The values of its fields.
        websites: The websites to choose from, with their names.
        segments: The segments of the website in `typed`; None where Enkapush did not answer.
        metadata: The form's identity. Its website and image are set from `typed`.
        before: The flow that is edited or duplicated.
        problem: The reason why the form is shown again.
        typed_at: When its values were typed, if that was in an earlier form that was never sent.
        changed_meanwhile: The changes that somebody else has made since then: fields left alone have followed.
        has_open_request: Whether the flow has an open request, so that no edit is taken.
        revises: Whether an edit revises its author's own open request.
        settings: What is known of the segment and UTM values of `before`.
        version_at: When the flow was as the form shows it, where that is an earlier version of it.
    """

    typed: FormValues
    websites: Mapping[WebsiteId, str]
    segments: Sequence[Segment] | None
    metadata: FormMetadata
    before: Flow | None = None
    problem: Text | None = None
    typed_at: datetime | None = None
    changed_meanwhile: Sequence[FieldDifference] = ()
    has_open_request: bool = False
    revises: bool = False
    settings: FlowSettings = field(default_factory=FlowSettings)
    version_at: datetime | None = None

    @property
    def website(self) -> WebsiteId | None:
        """The chosen website; None where none of those to choose from is chosen."""
        return next((each for each in self.websites if str(each) == self.typed.get("website", "")), None)

    @property
    def edited(self) -> Flow | None:
        """The flow that is edited; None where one is made."""
        return self.before if self.metadata.kind is FormKind.EDIT else None


@dataclass(frozen=True, slots=True)
class SubmittedForm:
    """A form as it came back: its identity, its values, the file that was added, and the labels chosen in menus.

    Attributes:
        file_info: What Slack says of the file.
    """

    metadata: FormMetadata
    typed: dict[str, str]
    file: ImageUpload | None
    chosen_labels: Mapping[str, str] = field(default_factory=dict)
    file_info: ImageInfo | None = None

    @property
    def shown_file(self) -> str | None:
        """The id of a new picture's file in Slack, where Slack is likely to show it."""
        if self.file is None:
            return self.typed.get("image_file")
        is_shown = self.file_info is not None and self.file_info.content_type in push.SHOWN_BY_SLACK
        return self.file.file if is_shown else None

    def to_request(self, requester: UserId, wanted: DesiredFlow, edited: Flow | None) -> ChangeRequest:
        """Return the request for the flow as it is wanted; `edited` is None where one is made."""
        stored = self.typed.get("image_file")
        return ChangeRequest(
            token=self.metadata.token,
            kind=self.metadata.kind.change_kind,
            requester=requester,
            channel=self.metadata.channel,
            website=edited.website_id if edited else wanted.content.website_id,
            flow=edited.id if edited else None,
            before=edited,
            wanted=wanted,
            picture=self.file or (ImageUpload(stored, "", "") if stored else None),
            typed=self.typed,
            reason=self.typed.get("reason", ""),
            locale=self.metadata.locale,
            timezone=self.metadata.timezone,
        )


_MENU_ACTION_IDS: Final[Mapping[FieldKind, ActionId]] = {
    FieldKind.WEBSITE: ActionId.FORM_WEBSITE,
    FieldKind.SEGMENT: ActionId.FORM_SEGMENT,
}
"""The menus that Slack asks flowbot about; all other fields share one id."""


class FlowForm:
    """The form to create, edit or duplicate a flow."""

    CALLBACK: Final = "flows.form"

    @classmethod
    def build(cls, data: FlowFormData, t: Translator) -> View:
        """Return the form as a modal. A value that no field can hold is left out, and its hint says so."""
        images = {name: data.typed.get(name, "") for name in ("image", "image_file")}
        metadata = data.metadata.model_copy(update={"website": data.website, **images})
        blocks = _head_blocks(data, t)
        for name, each in FIELDS.items():
            value = data.typed.get(name, "")
            element = _build_input(each, value if fits_field(name, value) else "", data, t)
            if (missing := _find_missing_choice(name, data)) is not None:
                blocks.append(block_kit.context(t(missing)))
            hint, optional = _hint(name, data, t), is_optional(name, data.edited)
            layout = FieldLayout(_block_id(name, metadata), _label(name, t), hint, optional)
            blocks.append(widgets.input_block(layout, element))
        if metadata.needs_approval:
            reason, is_optional_reason = data.typed.get("reason", ""), not metadata.needs_reason
            blocks.append(reason_input(t, optional=is_optional_reason, value=reason, turn=metadata.turn))
        submit = "form.save" if metadata.kind is FormKind.EDIT else "form.create"
        submit = "button.request_approval" if metadata.needs_approval else submit
        return form_status.modal_view(metadata.kind, t, blocks) | {
            "callback_id": cls.CALLBACK,
            "private_metadata": metadata.dump(),
            "submit": block_kit.plain(t(submit), block_kit.TITLE_MAX),
            "notify_on_close": True,
        }

    @classmethod
    def parse(cls, view: ViewPayload) -> SubmittedForm | None:
        """Return the form as it is now; None where it is another one."""
        metadata, values = parse_metadata(view, FormMetadata), view.state.values
        if metadata is None:
            return None
        entries = {
            name: values.get(_block_id(name, metadata), {}).get(_action_id(each), FieldValue())
            for name, each in FIELDS.items()
        }
        typed = {name: entry.text for name, entry in entries.items()} | {"image": metadata.image}
        if metadata.image_file:
            typed["image_file"] = metadata.image_file
        if reason := parse_reason(view, metadata.turn):
            typed["reason"] = reason
        labels = {name: entry.label for name, entry in entries.items() if entry.label}
        for file in entries["image"].files[:1]:
            upload = ImageUpload(file.id, file.url_private_download, file.name, file.size)
            return SubmittedForm(metadata, typed, upload, labels, ImageInfo(file.mimetype, file.size))
        return SubmittedForm(metadata, typed, None, labels)

    @classmethod
    def field_errors(cls, problems: Mapping[str, Text], metadata: FormMetadata, t: Translator) -> dict[str, str]:
        """Return the problems as sentences, by the block that Slack shows them at."""
        return {_block_id(name, metadata): sentences.format_text(t, problem) for name, problem in problems.items()}

    @staticmethod
    def label_problems(problems: Mapping[str, Text], t: Translator) -> list[tuple[str, str]]:
        """Return the labels of fields, each with its problem as a sentence."""
        return [(_label(name, t), sentences.format_text(t, problem)) for name, problem in problems.items()]

    @staticmethod
    def suggest_websites(websites: Mapping[WebsiteId, str], query: str, t: Translator) -> View:
        """Return the answer to Slack's `block_suggestion`: the websites that match what was typed."""
        names = {str(key): name for key, name in websites.items()}
        return {"options": widgets.matching_options(widgets.website_options(websites, t), names, query)}

    @staticmethod
    def suggest_segments(segments: Sequence[Segment], query: str, t: Translator) -> View:
        """Return the answer to Slack's `block_suggestion`: the segments that match what was typed."""
        names = {str(each.id): each.name for each in segments}
        return {"options": widgets.matching_options(widgets.segment_options(segments, "", t), names, query)}


def _action_id(field: FormField) -> ActionId:
    return _MENU_ACTION_IDS.get(field.kind, ActionId.FORM_TYPED)


def _block_id(name: str, metadata: FormMetadata) -> str:
    """Return the field's name, with the turn and, for the segment, the website: Slack forgets old values by new ids."""
    turn = f".{metadata.turn}" if metadata.turn else ""
    website = f".website_{metadata.website or 0}" if name == "segment" else ""
    return f"{name}{website}{turn}"


def _label(name: str, t: Translator) -> str:
    return t(FIELDS[name].label, number=2 if name.startswith("button_2") else 1)


def _hint(name: str, data: FlowFormData, t: Translator) -> str | None:
    """Return what stands under a field."""
    known = _known_hint(name, data, t) if FIELDS[name].is_write_only else None
    if not fits_field(name, data.typed.get(name, "")):
        key = "form.hint_too_long_edit" if data.edited else "form.hint_too_long"
    elif name == "image" and data.typed.get(name):
        key = "form.hint_image_kept"
    else:
        key = FIELDS[name].hint_for(data.metadata.kind) or ""
    return known or (t(key) if key else None)


def _find_missing_choice(name: str, data: FlowFormData) -> str | None:
    """Return the key of the sentence that says why there is no segment to choose; None where there is one."""
    if name != "segment" or data.segments:
        return None
    if data.segments is None:
        return "form.hint_segment_unread"
    return "form.hint_no_segments" if data.website else None


def _known_hint(name: str, data: FlowFormData, t: Translator) -> str | None:
    """Return what is known of the flow's value under an empty field of an edit, or one that a duplicate has filled."""
    known, given, before = data.settings.find(name), data.typed.get(name, ""), data.before
    is_moved = before is None or data.typed.get("website") != str(before.website_id)
    is_doubtful = data.settings.is_doubtful(name)
    if known is None or (name == "segment" and is_moved) or not (known.value or (data.edited and not is_doubtful)):
        return None
    when = t.format_datetime(known.set_at)
    if data.edited is None:
        key = "form.hint_copied_doubtful" if is_doubtful else "form.hint_copied"
        return t(key, when=when) if given == known.value else None
    if not known.value:
        return t("form.hint_known_none")
    key = "form.hint_known_doubtful" if is_doubtful else "form.hint_known"
    return t(key, value=flow_settings.format_setting(name, known.value, data.settings, t), when=when)


def _head_blocks(data: FlowFormData, t: Translator) -> list[Block]:
    """Return what stands above the fields: why the form is shown again, what has changed, its flow, and the preview."""
    blocks: list[Block] = []
    if data.problem:
        blocks.append(block_kit.paragraph(f"⚠ {sentences.format_text(t, data.problem)}"))
    if data.version_at:
        blocks.append(block_kit.paragraph(t("form.version", when=t.format_datetime(data.version_at))))
    if data.typed_at:
        restored = block_kit.plain(t("form.brought_back", when=t.format_datetime(data.typed_at)))
        start_over = block_kit.button(t("form.start_over"), ActionId.FORM_START_OVER, data.metadata.token)
        blocks.append(block_kit.section(restored, start_over))
    if data.changed_meanwhile:
        blocks += difference_blocks(data.changed_meanwhile, data.websites, t, title=t("form.meanwhile"))
        blocks.append(block_kit.context(t("form.moved_on")))
    if data.edited and data.has_open_request:
        blocks.append(block_kit.paragraph(f"⏳ {t('form.asked', id=str(data.edited.id))}"))
    elif data.revises:
        blocks.append(block_kit.paragraph(t("form.revises")))
    elif data.metadata.needs_approval:
        blocks.append(block_kit.paragraph(t("form.needs_approval")))
    if data.before is None:
        about = t("form.about_new")
    elif data.metadata.kind is FormKind.DUPLICATE:
        about = t("form.about_copy", id=str(data.before.id))
    else:
        state = t("flow.enabled" if data.before.is_enabled else "flow.disabled")
        about = t("show.summary", id=str(data.before.id), state=state)
    preview = block_kit.button(t("form.preview"), ActionId.FORM_PREVIEW, data.metadata.token)
    return [*blocks, block_kit.section(block_kit.plain(about), preview)]


def format_copy_name(name: str, t: Translator) -> str:
    """Return the name of a copy of a flow, which says that it is one, cut to what the field holds."""
    room = FIELDS["name"].max_utf16 - utf16_length(t("form.copy_name", name=""))
    # The name goes into a field and to Enkapush: without the isolates that a sentence gets.
    return t("form.copy_name", name="\0").replace("\0", shorten(name, room)) if name.strip() else name


def _build_input(field: FormField, value: str, data: FlowFormData, t: Translator) -> Element:
    """Return the input of a field, filled with its value."""
    match field.kind:
        case FieldKind.TEXT | FieldKind.URL:
            # Slack's `url_text_input` loses what it shows when the view is updated (slackapi/bolt-js#1828).
            return widgets.text_input(value)
        case FieldKind.LONG_TEXT:
            return widgets.multiline_input(value)
        case FieldKind.NUMBER:
            return widgets.number_input(value, field.max_number)
        case FieldKind.CHECKBOX:
            return widgets.checkbox_input(t(field.box), ticked=bool(value))
        case FieldKind.IMAGE:
            return widgets.file_input()
        case _:
            placeholder = t("form.choose_website") if field.kind is FieldKind.WEBSITE else None
            options = _menu_options(field, value, data, t)
            return widgets.select_input(_action_id(field), options, value, placeholder)


def _menu_options(field: FormField, value: str, data: FlowFormData, t: Translator) -> list[Element]:
    """Return the entries of a field that is a menu."""
    match field.kind:
        case FieldKind.WEBSITE:
            return widgets.website_options(data.websites, t)
        case FieldKind.SEGMENT:
            return widgets.segment_options(data.segments or (), value, t)
        case FieldKind.TTL:
            return widgets.ttl_options(value, t)
        case _:
            return widgets.choice_options(field.choices, value, t)
