"""Statistics: a chart by day, the sums, and the best and the worst flows."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from flowbot.domain.figures import Span
from flowbot.i18n.translator import Translator
from flowbot.services.flow_statistics import MIN_SENT, Basis, FlowStatistics, RankedFlow
from flowbot.slack.views import block_kit, push, sentences
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.message import Message

NAME_MAX: Final = 80
WEBSITES_MAX: Final = 5
"""Websites that are named."""
SPANS_MAX: Final = 8
"""Days, or days in a row, that are named."""


def statistics_message(statistics: FlowStatistics, t: Translator, now: datetime) -> Message:
    """Build the statistics of a flow, or of a channel's websites."""
    found, flow = statistics, statistics.flow
    # Keys: stats.period, stats.since_created
    time = t("stats.period", n=found.period) if found.basis is Basis.DAYS else t("stats.since_created")
    subject = t("stats.title") if flow is None else f"#{flow.id} {sentences.format_name(flow.name, t, limit=NAME_MAX)}"
    blocks = [block_kit.header(f"{subject} · {time}"), block_kit.context(*_list_facts(found, t))]
    if found.as_of is not None:
        blocks.append(block_kit.context(push.format_as_of(found.as_of, t, now)))
    if found.basis is not Basis.DAYS:
        # Keys: stats.no_whole_day, stats.watch_off
        blocks.append(block_kit.paragraph(t(f"stats.{found.basis}")))
    if found.points:
        blocks.append(_chart(found, time, t))
    blocks.append(block_kit.rich_paragraph(block_kit.text_element(push.format_totals(found.totals, t))))
    if notes := [*_list_notes(found, t)]:
        blocks.append(block_kit.context(*notes))
    blocks += _ranking("stats.best", found.best, t)
    blocks += _ranking("stats.worst", found.worst, t)
    return Message(tuple(blocks))


def _list_facts(found: FlowStatistics, t: Translator) -> Iterator[str]:
    """Yield the websites, and the days."""
    if found.websites is None:
        yield t("stats.all_websites")
    else:
        names = [sentences.format_website(each, found.website_names, t) for each in sorted(found.websites)]
        more = len(names) - WEBSITES_MAX
        yield ", ".join(names[:WEBSITES_MAX]) + (f" +{more}" if more > 0 else "")
    if found.span is not None:
        yield t.format_days(found.span.first, found.span.last)


def _list_notes(found: FlowStatistics, t: Translator) -> Iterator[str]:
    """Yield what the chart does not show: another period, days that are not known, totals that went back."""
    if found.points and found.period is not found.request.period:
        yield t("stats.shorter", n=found.request.period)
    if found.unknown:
        yield t("stats.unknown", days=_format_spans(found.unknown, t))
    if found.shrunk:
        yield t("stats.shrunk", days=_format_spans(found.shrunk, t))


def _format_spans(spans: Sequence[Span], t: Translator) -> str:
    shown = [t.format_days(each.first, each.last) for each in spans[-SPANS_MAX:]]
    return ", ".join([*(["…"] if len(spans) > SPANS_MAX else []), *shown])


def _chart(found: FlowStatistics, title: str, t: Translator) -> Block:
    totals = [point.totals for point in found.points]
    series = {
        t("stat.sent"): [each.sent for each in totals],
        t("stat.displayed"): [each.displayed for each in totals],
        t("stat.clicked"): [each.clicked for each in totals],
        t("stat.closed"): [each.closed for each in totals],
    }
    labels = [t.format_days(point.span.first, point.span.last) for point in found.points]
    return block_kit.line_chart(title, labels, series)


def _ranking(key: str, flows: Sequence[RankedFlow], t: Translator) -> list[Block]:
    """Build a titled list of flows with their click rates; nothing where there is none."""
    if not flows:
        return []
    # Keys: stats.best, stats.worst
    title = block_kit.rich_line(block_kit.text_element(t(key, n=MIN_SENT), bold=True))
    lines = [block_kit.rich_line(block_kit.text_element(_format_ranked(each, t))) for each in flows]
    return [block_kit.rich_text(title, block_kit.bullets(lines))]


def _format_ranked(ranked: RankedFlow, t: Translator) -> str:
    flow, rate = ranked.flow, ranked.totals.click_rate or 0.0
    name = sentences.format_name(flow.name, t, limit=NAME_MAX)
    facts = (t("flow.click_rate", rate=t.format_percent(rate)), sentences.format_sent(ranked.totals, t))
    return " · ".join([f"#{flow.id} {name}", *facts])
