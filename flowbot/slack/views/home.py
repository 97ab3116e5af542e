"""How the Home tab looks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flowbot.domain.change import ChangeState
from flowbot.domain.flow import FlowButton
from flowbot.domain.ids import ChangeId
from flowbot.domain.policy import Permission
from flowbot.i18n.translator import Translator
from flowbot.services.inbox import ChannelAccess
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import ChangeValue
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views import request_blocks as parts
from flowbot.slack.views.block_kit import Block, Element, Message, View
from flowbot.slack.views.request_message import EMOJI, format_state

WAITING_MAX: Final = 10
CHANNELS_MAX: Final = 20
WEBSITES_MAX: Final = 10
TEXT_MAX: Final = 150
REASON_MAX: Final = 300
"""Enough to recognise a text: the message, one press away, has it whole. A view has 250 kB and 100 blocks at most."""


@dataclass(frozen=True, slots=True)
class HomeContent:
    """What one person finds; `more` is how many more wait for them, `links` where the messages of requests are."""

    for_me: Sequence[RequestDetails]
    by_me: Sequence[RequestDetails]
    recent: Sequence[RequestDetails]
    more: int
    reach: Sequence[ChannelAccess]
    is_certain: bool
    links: Mapping[ChangeId, str]


def loading_view(t: Translator) -> View:
    """What stands there until the rest is known."""
    return _view([block_kit.section(block_kit.plain(t("home.loading")))])


def notice_view(message: Message) -> View:
    """A message in the place of everything."""
    return _view(message.blocks)


def home_view(shown: HomeContent, t: Translator, now: datetime) -> View:
    """The whole tab.

    Args:
        shown: what is on it.
        t: the reader's words.
        now: the moment.
    """
    blocks = [
        *_waiting(shown, t, now),
        block_kit.divider(),
        *_asked(shown, t, now),
        block_kit.divider(),
        *_channels(shown, t),
        block_kit.divider(),
        *_recent(shown, t, now),
        block_kit.context(t("home.as_of", when=t.format_datetime(now))),
    ]
    return _view(blocks)


def _view(blocks: Iterable[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}


# --- what waits -------------------------------------------------------------------------------------------------


def _waiting(shown: HomeContent, t: Translator, now: datetime) -> list[Block]:
    blocks = [block_kit.header(t("request.waiting_for_me"))]
    for each in shown.for_me:
        blocks += [_open_entry(each, t, now), *_content(each, t), _decisions(each, shown, t)]
    if not shown.for_me:
        blocks.append(block_kit.context(t("home.nothing_waits")))
    if shown.more > 0:
        blocks.append(block_kit.context(t("help.more", n=shown.more)))
    return blocks


def _open_entry(request: RequestDetails, t: Translator, now: datetime) -> Block:
    """What is asked by whom, and how far it is."""
    who = sentences.sentence_elements(
        t, "request.by", {"person": [block_kit.user_element(request.change.request.requester)]}
    )
    far = [block_kit.text_element(f" · {parts.format_progress(request, t)}"), *_expires(request, t, now)]
    return block_kit.rich_text(block_kit.rich_line(*_subject(request, t), block_kit.text_element("\n"), *who, *far))


def _subject(request: RequestDetails, t: Translator) -> list[Element]:
    change = request.change
    what = block_kit.text_element(f"{EMOJI[change.state]} {t(f'kind.{change.request.kind}')} ")
    return [what, block_kit.text_element(parts.format_subject(change, t), bold=True)]


def _expires(request: RequestDetails, t: Translator, now: datetime) -> list[Element]:
    expires = parts.expiry_elements(request, t, now)
    return [block_kit.text_element(" · "), *expires] if expires else []


def _content(request: RequestDetails, t: Translator) -> list[Block]:
    """What is decided on: the push in short, what an edit changes, and why."""
    found: list[Block] = []
    if (content := request.content) is not None:
        title, text = (
            block_kit.isolate(_short(block_kit.single_line(part))) for part in (content.title, content.description)
        )
        after = t("flow.after", wait=sentences.format_wait(content.wait, t))
        told = block_kit.text_element(f"\n{text}\n{parts.format_request_website(request, t)} · {after}")
        found.append(block_kit.rich_text(block_kit.quote(block_kit.text_element(title, bold=True), told)))
    found += parts.edit_blocks(request, t, _short)
    return [*found, *parts.reason_blocks(block_kit.clip(request.change.request.reason.strip(), REASON_MAX), t)]


def _short(value: Any) -> Any:
    match value:
        case str():
            return block_kit.clip(value, TEXT_MAX)
        case FlowButton():
            return FlowButton(block_kit.clip(value.title, TEXT_MAX), block_kit.clip(value.url, TEXT_MAX))
        case _:
            return value


def _decisions(request: RequestDetails, shown: HomeContent, t: Translator) -> Block:
    approve = _button(request, ActionId.APPROVE, t("button.approve"), t, "primary") | parts.confirm_dialog(request, t)
    reject = _button(request, ActionId.REJECT, t("button.reject"), t, "danger")
    return block_kit.actions(approve, reject, *_way(request, shown, t))


def _button(
    request: RequestDetails, action: ActionId, label: str, t: Translator, style: block_kit.Style | None = None
) -> Element:
    """A button that tells, where it is only heard, which request it belongs to."""
    value, hint = ChangeValue(change=request.change.id).dump(), f"{label}: {parts.format_title(request.change, t)}"
    return block_kit.button(label, action, value, style=style, hint=hint)


def _way(request: RequestDetails, shown: HomeContent, t: Translator) -> list[Element]:
    """A button that leads to the request's message, where that is known."""
    link = shown.links.get(request.change.id)
    return [block_kit.link_button(t("button.open"), ActionId.CHANGE_OPEN, link)] if link else []


# --- what was asked, and what became of it ------------------------------------------------------------------------


def _asked(shown: HomeContent, t: Translator, now: datetime) -> list[Block]:
    """One's own: each that waits with its button, then the others a line each."""
    blocks = [block_kit.header(t("request.asked_by_me"))]
    for each in shown.by_me:
        if each.change.state is ChangeState.PENDING:
            withdraw = _button(each, ActionId.WITHDRAW, t("button.withdraw"), t)
            blocks += [_own(each, t, now), block_kit.actions(withdraw, *_way(each, shown, t))]
    over = [each for each in shown.by_me if each.change.state is not ChangeState.PENDING]
    if over:
        blocks.append(block_kit.rich_text(block_kit.bullets(_closed(each, shown, t, now) for each in over)))
    if not shown.by_me:
        may_ask = any(Permission.EDIT in each.permissions for each in shown.reach)
        blocks.append(block_kit.context(t("home.nothing_asked" if may_ask else "home.may_not_ask")))
    return blocks


def _own(request: RequestDetails, t: Translator, now: datetime) -> Block:
    far = f"\n{format_state(request, t)} · {parts.format_progress(request, t)}"
    return block_kit.rich_text(
        block_kit.rich_line(*_subject(request, t), block_kit.text_element(far), *_expires(request, t, now))
    )


def _closed(request: RequestDetails, shown: HomeContent, t: Translator, now: datetime) -> Element:
    """A request that does not wait any more, in a line; it leads to its message."""
    change, link = request.change, shown.links.get(request.change.id)
    told = block_kit.text_element(f" — {format_state(request, t)}, {t.format_time_ago(change.changed_at, now)}")
    way = [block_kit.text_element(" · "), _link(t("button.open"), link)] if link else []
    return block_kit.rich_line(*_subject(request, t), told, *way)


def _link(label: str, url: str) -> Element:
    return {"type": "link", "url": url, "text": label}


def _recent(shown: HomeContent, t: Translator, now: datetime) -> list[Block]:
    listed = block_kit.rich_text(block_kit.bullets(_closed(each, shown, t, now) for each in shown.recent))
    return [block_kit.header(t("home.recent")), listed if shown.recent else block_kit.context(t("home.nothing_recent"))]


# --- where one may do what ----------------------------------------------------------------------------------------


def _channels(shown: HomeContent, t: Translator) -> list[Block]:
    blocks = [block_kit.header(t("home.channels"))]
    if shown.reach:
        blocks.append(block_kit.rich_text(block_kit.bullets(_channel(each, t) for each in shown.reach[:CHANNELS_MAX])))
    else:
        blocks.append(block_kit.context(t("home.no_channels")))
    if len(shown.reach) > CHANNELS_MAX:
        blocks.append(block_kit.context(t("help.more", n=len(shown.reach) - CHANNELS_MAX)))
    if not shown.is_certain:
        blocks.append(block_kit.context(t("home.uncertain")))
    return blocks


def _channel(reach: ChannelAccess, t: Translator) -> Element:
    roles = t.format_list([t(f"role.{permission}") for permission in reach.permissions])
    return block_kit.rich_line(
        block_kit.channel_element(reach.channel), block_kit.text_element(f" {_websites(reach, t)} — {roles}")
    )


def _websites(reach: ChannelAccess, t: Translator) -> str:
    if reach.websites is None:
        return t("home.all_websites")
    names = [block_kit.isolate(name) for name in reach.websites]
    more = [t("help.more", n=len(names) - WEBSITES_MAX)] if len(names) > WEBSITES_MAX else []
    return t.format_list([*names[:WEBSITES_MAX], *more]) or t("flow.none")
