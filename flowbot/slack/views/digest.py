"""The weekly digest of a channel."""

from collections.abc import Mapping, Sequence
from typing import Final

from flowbot.domain.change import ChangeKind
from flowbot.domain.digest import UNCLICKED_DAYS, WEEK_DAYS, Digest, FlowList
from flowbot.domain.report import Report
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.message import Message
from flowbot.slack.views.report import ReportAudience

NAME_MAX: Final = 60


async def load_digest(report: Report) -> Digest:
    """Return what the message of a digest's report shows."""
    return report.told.content_as(Digest)


def digest_message(digest: Digest, _audience: ReportAudience, t: Translator) -> Message:
    """Build a digest as a message. It names flows by number and name, which people of other organisations may read."""
    title = t("digest.title", first=t.format_day(digest.first), last=t.format_day(digest.last))
    headline = block_kit.rich_paragraph(block_kit.text_element(f"📊 {title}", bold=True))
    return Message((headline, block_kit.rich_text(*digest_elements(digest, t))))


def digest_elements(digest: Digest, t: Translator) -> list[Element]:
    """Build a digest's parts, for a rich text block; what is empty is left out, and what is not known is said to be."""
    summary = [t("digest.live", n=digest.live), *_figure_lines(digest, t)]
    if not digest.own and not digest.outside:
        summary.append(t("digest.unchanged"))
    parts = [("", summary)]
    for key, changed in (("digest.own", digest.own), ("digest.outside", digest.outside)):
        if changed:
            parts.append((t(key), _changed_lines(changed, t)))
    if digest.waiting.total:
        parts.append((t("digest.waiting"), [_format_flows(digest.waiting, t)]))
    if digest.unclicked is None:
        unknown = t("digest.clicks_unknown", n=digest.known_days, all=UNCLICKED_DAYS)
        parts.append((t("digest.unclicked", n=UNCLICKED_DAYS), [unknown]))
    elif digest.unclicked.total:
        parts.append((t("digest.unclicked", n=UNCLICKED_DAYS), [_format_flows(digest.unclicked, t)]))
    return [element for title, lines in parts for element in _part_elements(title, lines)]


def _figure_lines(digest: Digest, t: Translator) -> list[str]:
    """Format what the week sent and its click rate, each against the week before."""
    week, before = digest.week, digest.week_before
    if not week.is_known:
        return [t("digest.unknown")]
    rate, earlier = week.totals.click_rate, before.totals.click_rate
    sent = t.format_number(before.totals.sent) if before.is_known else t("digest.not_known")
    lines = [
        t("digest.sent", sent=week.totals.sent, before=sent),
        t("digest.click_rate", rate=_format_rate(rate, t), before=_format_rate(earlier, t)),
    ]
    for key, figures in (("digest.part", week), ("digest.part_before", before)):
        if figures.is_known and not figures.is_whole:
            lines.append(t(key, n=figures.days, all=WEEK_DAYS))
    return lines


def _format_rate(rate: float | None, t: Translator) -> str:
    return t("digest.not_known") if rate is None else t.format_percent(rate)


def _changed_lines(changed: Mapping[ChangeKind, FlowList], t: Translator) -> list[str]:
    # Keys: digest.did_create, digest.did_edit, digest.did_enable, digest.did_disable, digest.did_delete,
    # digest.did_restore
    return [t(f"digest.did_{kind}", flows=_format_flows(flows, t)) for kind, flows in changed.items()]


def _format_flows(flows: FlowList, t: Translator) -> str:
    named = [f"#{flow.id} {sentences.format_name(flow.name, t, limit=NAME_MAX)}" for flow in flows.named]
    more = flows.total - len(named)
    return t.format_list([*named, t("help.more", n=more)] if more > 0 else named)


def _part_elements(title: str, lines: Sequence[str]) -> list[Element]:
    heading = [block_kit.rich_line(block_kit.text_element(title, bold=True))] if title else []
    return [*heading, block_kit.bullets(block_kit.rich_line(block_kit.text_element(line)) for line in lines)]
