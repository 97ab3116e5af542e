"""A flow's segment and UTM values in words, with the date on which they were set."""

from typing import Final

from flowbot.domain.change import Change, ChangeKind
from flowbot.domain.fields import FIELDS
from flowbot.domain.flow import WriteOnlyFields
from flowbot.i18n.translator import Translator
from flowbot.services.flow_settings import FlowSettings
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Block

UTM_FIELDS: Final = ("utm_source", "utm_medium", "utm_campaign")
VALUE_MAX: Final = 150
"""Not a limit that Slack states: more than UTM values have."""


def format_setting(name: str, value: str, settings: FlowSettings, t: Translator) -> str:
    """Format the value of a write-only field, a segment by its name where that is known."""
    if name == "segment":
        return sentences.format_segment(value, settings.segment_names.get(value), t)
    return block_kit.single_line(value, VALUE_MAX)


def format_known(name: str, settings: FlowSettings, t: Translator) -> str | None:
    """Format a known value with its date; no text where none was given, None where it is not known."""
    known, is_doubtful = settings.find(name), settings.is_doubtful(name)
    if known is None or not known.value:
        return None if known is None or is_doubtful else ""
    key = "flow.known_doubtful" if is_doubtful else "flow.known"
    value = format_setting(name, known.value, settings, t)
    return t(key, value=value, when=t.format_datetime(known.set_at))


def format_after(name: str, sent: WriteOnlyFields, settings: FlowSettings, t: Translator) -> str | None:
    """Format the value that a field has once `sent` is written, as `format_known`."""
    value: str | None = getattr(sent, name)
    return format_known(name, settings, t) if value is None else format_setting(name, value, settings, t)


def utm_rows(settings: FlowSettings, t: Translator, sent: WriteOnlyFields | None = None) -> list[tuple[str, str]]:
    """Return labels and values of the UTM fields, once `sent` is written; one row where none of them is known."""
    texts = {name: format_after(name, sent or WriteOnlyFields(), settings, t) for name in UTM_FIELDS}
    unknown = t("flow.segment_untold")
    if all(text is None for text in texts.values()):
        return [(t("field.utm"), unknown)]
    return [(t(FIELDS[name].label), unknown if text is None else text) for name, text in texts.items() if text != ""]


def restore_remark_blocks(change: Change, t: Translator) -> list[Block]:
    """Build what an applied restore lacks, or may have otherwise than the deleted flow; nothing for other changes."""
    request, wanted = change.request, change.request.wanted
    if request.kind is not ChangeKind.RESTORE or wanted is None:
        return []
    remarks = [t("request.restore_no_picture")] if change.lacks_image else []
    unknown = [name for name in ("segment", *UTM_FIELDS) if getattr(wanted.write_only, name) is None]
    remarks += [t(key, fields=_join_labels(names, t)) for key, names in (
        ("request.restore_unknown", unknown), ("request.restore_doubtful", request.doubtful),
    ) if names]  # fmt: skip
    return [block_kit.context(f"⚠ {remark}") for remark in remarks]


def _join_labels(names: list[str] | tuple[str, ...], t: Translator) -> str:
    labels = [t(FIELDS[name].label) for name in names if name not in UTM_FIELDS]
    utm = [t(FIELDS[name].label) for name in names if name in UTM_FIELDS]
    return t.format_list([*labels, *([t("field.utm")] if len(utm) == len(UTM_FIELDS) else utm)])
