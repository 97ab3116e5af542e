"""The lists of open requests, `/flows approvals`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from flowbot.domain.change import ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.views import block_kit, request_blocks, sentences
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.freezes import find_request_freeze, format_frozen
from flowbot.slack.views.message import Message
from flowbot.slack.views.request_message import EMOJI, format_state
from flowbot.slack.views.times import list_times

LISTED_MAX: Final = 10
"""Requests in a list; four lists stay below the 50 blocks that Slack allows."""


@dataclass(frozen=True, slots=True)
class RequestList:
    """A list of requests.

    Attributes:
        first: Its first ones, at most LISTED_MAX.
        count: How many it has.
    """

    first: Sequence[RequestDetails]
    count: int


NO_REQUESTS: Final = RequestList((), 0)


class ListedRequests(NamedTuple):
    """The lists of open requests, by what the reader has to do with them.

    Attributes:
        for_me: Those that the reader may approve.
        by_me: The reader's own that are open.
        here: The others that wait in this channel.
        scheduled: Those that wait for their time alone.
    """

    for_me: RequestList
    by_me: RequestList
    here: RequestList
    scheduled: RequestList = NO_REQUESTS


def approvals_message(requests: ListedRequests, links: Mapping[ChangeId, str], t: Translator, now: datetime) -> Message:
    """Build the lists of open requests.

    Args:
        requests: the lists.
        links: the known links to the requests' messages.
        t: the reader's words.
        now: the moment.
    """
    lists = (
        ("request.waiting_for_me", requests.for_me),
        ("request.asked_by_me", requests.by_me),
        ("request.waiting_here", requests.here),
        ("request.scheduled", requests.scheduled),
    )
    if not any(listed.count for listed in requests):
        return Message((block_kit.header(t("request.approvals")), block_kit.paragraph(t("request.nothing_waits"))))
    blocks: list[Block] = []
    for key, listed in lists:
        if not listed.count:
            continue
        blocks.append(block_kit.header(t(key)))
        blocks += [entry_block(each, links.get(each.change.id), t, now) for each in listed.first]
        blocks += rest_blocks(listed, t)
    return Message(tuple(blocks))


def rest_blocks(listed: RequestList, t: Translator) -> list[Block]:
    """Build how many more requests a list has; nothing where it has no more."""
    rest = listed.count - len(listed.first)
    return [block_kit.context(t("help.more", n=rest))] if rest else []


def entry_block(details: RequestDetails, link: str | None, t: Translator, now: datetime) -> Block:
    """Build a request in one block. Its `mrkdwn` holds ids and flowbot's own words alone."""
    change, expires_at = details.change, details.expires_at
    kind = sentences.format_kind(change.request.kind, t)
    text = f"{EMOJI[change.state]} {kind} {request_blocks.format_subject(change, t)}"
    status = format_state(details, t)
    if change.state is ChangeState.PENDING:
        status += f" · {request_blocks.format_progress(details, t)}"
        if expires_at is not None and expires_at > now:
            when = block_kit.mrkdwn_date(expires_at, t.format_datetime(expires_at))
            status = f"{status}\n{t('request.expires', when=when)}"
        if (wish := change.progress.wish) is not None:
            status = f"{status}\n{t('remark.wish', person=f'<@{wish.by}>')}"
    times = [
        t(key, when=block_kit.mrkdwn_date(moment, t.format_datetime(moment))) for key, moment in list_times(change)
    ]
    # The start says that it is scheduled.
    said = [] if times and change.state is ChangeState.SCHEDULED else [status]
    status = "\n".join([*said, " · ".join(times)] if times else said)
    requester = t("request.by", person=f"<@{change.request.requester}>")
    cells = [block_kit.mrkdwn(cell, block_kit.FIELD_MAX) for cell in (requester, status)]
    if (frozen := find_request_freeze(details, t, now)) is not None:
        cells.append(block_kit.plain(f"❄ {format_frozen(frozen, t)}", block_kit.FIELD_MAX))
    hint = request_blocks.format_hint(t("button.open"), change, t)
    button = request_blocks.open_button(link, t, hint=hint) if link else None
    return block_kit.section(block_kit.plain(text), button) | {"fields": cells}
