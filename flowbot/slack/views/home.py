"""How the Home tab looks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from flowbot.domain.changes import ChangeId, State
from flowbot.domain.content import Difference
from flowbot.domain.flows import Button
from flowbot.locales import Translator
from flowbot.services.home import Reach
from flowbot.services.requests import RequestShown
from flowbot.slack.ids import Action
from flowbot.slack.values import ChangeValue
from flowbot.slack.views import flows, kit
from flowbot.slack.views import request_parts as parts
from flowbot.slack.views.kit import Block, Element, Message
from flowbot.slack.views.requests import CONFIRM, EMOJI, state_word

View = dict[str, Any]

WAITING_MAX: Final = 10
CHANNELS_MAX: Final = 20
WEBSITES_MAX: Final = 10
TEXT_MAX: Final = 150
REASON_MAX: Final = 300
"""Enough to recognise a text: the message, one press away, has it whole. A view has 250 kB and 100 blocks at most."""


@dataclass(frozen=True, slots=True)
class HomeShown:
    """What one person finds; `more` is how many more wait for them, `links` where the messages of requests are."""

    for_me: Sequence[RequestShown]
    by_me: Sequence[RequestShown]
    recent: Sequence[RequestShown]
    more: int
    reach: Sequence[Reach]
    is_certain: bool
    links: Mapping[ChangeId, str]


def loading(t: Translator) -> View:
    """What stands there until the rest is known."""
    return _view([kit.section(kit.plain(t("home.loading")))])


def said(message: Message) -> View:
    """A message in the place of everything."""
    return _view(message.blocks)


def home(shown: HomeShown, t: Translator, now: datetime) -> View:
    """The whole tab.

    Args:
        shown: what is on it.
        t: the reader's words.
        now: the moment.
    """
    blocks = [
        *_waiting(shown, t, now),
        kit.divider(),
        *_asked(shown, t, now),
        kit.divider(),
        *_channels(shown, t),
        kit.divider(),
        *_recent(shown, t, now),
        kit.context(t("home.as_of", when=t.moment(now))),
    ]
    return _view(blocks)


def _view(blocks: Iterable[Block]) -> View:
    return {"type": "home", "blocks": list(blocks)}


# --- what waits -------------------------------------------------------------------------------------------------


def _waiting(shown: HomeShown, t: Translator, now: datetime) -> list[Block]:
    blocks = [kit.header(t("request.waiting_for_me"))]
    for each in shown.for_me:
        blocks += [_entry(each, shown, t, _deadline(each, t, now)), *_content(each, t), _decisions(each, t)]
    if not shown.for_me:
        blocks.append(kit.context(t("home.nothing_waits")))
    if shown.more > 0:
        blocks.append(kit.context(t("help.more", n=shown.more)))
    return blocks


def _content(request: RequestShown, t: Translator) -> list[Block]:
    """What is decided on: the push in short, what an edit changes, and why."""
    found: list[Block] = []
    if request.content is not None:
        title, text = (kit.isolated(kit.clip(flows.one_line(part), TEXT_MAX)) for part in _texts(request))
        where = f"\n{parts.website(request, t)} · {flows.wait(request.content.wait, t)}"
        found.append(kit.rich(kit.quote(kit.words(title, bold=True), kit.words(f"\n{text}"), kit.words(where))))
    edits = [_clipped(difference) for difference in request.edits]
    found += parts.difference_list(edits, request.website_names, t, title=t("request.changes"))
    return [*found, *parts.reason(kit.clip(request.change.asked.reason.strip(), REASON_MAX), t)]


def _texts(request: RequestShown) -> tuple[str, str]:
    content = request.content
    return (content.title, content.description) if content else ("", "")


def _clipped(difference: Difference) -> Difference:
    return replace(difference, before=_short(difference.before), after=_short(difference.after))


def _short(value: Any) -> Any:
    match value:
        case str():
            return kit.clip(value, TEXT_MAX)
        case Button():
            return Button(kit.clip(value.title, TEXT_MAX), kit.clip(value.url, TEXT_MAX))
        case _:
            return value


def _decisions(request: RequestShown, t: Translator) -> Block:
    value = ChangeValue(change=request.change.id).dump()
    number = parts.flow_id(request.change)
    named = {"what": parts.what(request.change, t)}
    approve = kit.button(
        t("button.approve"), Action.APPROVE, value, style="primary", hint=t("home.approve_hint", **named)
    )
    reject = kit.button(t("button.reject"), Action.REJECT, value, style="danger", hint=t("home.reject_hint", **named))
    keys = CONFIRM.get(request.change.asked.kind)
    if keys is not None and request.content is not None:
        told = t(keys[1], website=parts.website(request, t), wait=flows.wait(request.content.wait, t))
        title, yes, no = t(keys[0], id=str(number)), t("button.approve"), t("request.cancel")
        approve["confirm"] = kit.confirm(title, told, yes=yes, no=no)
    return kit.actions(approve, reject)


# --- what was asked, and what became of it ------------------------------------------------------------------------


def _asked(shown: HomeShown, t: Translator, now: datetime) -> list[Block]:
    blocks = [kit.header(t("request.asked_by_me"))]
    for each in shown.by_me:
        is_open = each.change.state is State.PENDING
        told = _deadline(each, t, now) if is_open else t.ago(each.change.changed_at, now)
        blocks.append(_entry(each, shown, t, told))
        blocks += [_withdrawal(each, t)] if is_open else []
    return blocks if shown.by_me else [*blocks, kit.context(t("home.nothing_asked"))]


def _withdrawal(request: RequestShown, t: Translator) -> Block:
    value = ChangeValue(change=request.change.id).dump()
    hint = t("home.withdraw_hint", what=parts.what(request.change, t))
    return kit.actions(kit.button(t("button.withdraw"), Action.WITHDRAW, value, hint=hint))


def _recent(shown: HomeShown, t: Translator, now: datetime) -> list[Block]:
    entries = [_entry(each, shown, t, t.ago(each.change.changed_at, now)) for each in shown.recent]
    return [kit.header(t("home.recent")), *(entries or [kit.context(t("home.nothing_recent"))])]


def _entry(request: RequestShown, shown: HomeShown, t: Translator, told: str) -> Block:
    """One request: what, by whom, how far, with a way to its message. Its `mrkdwn` holds flowbot's own words alone."""
    change, link = request.change, shown.links.get(request.change.id)
    subject = kit.plain(f"{EMOJI[change.state]} {t(f'kind.{change.asked.kind}')} {parts.subject(change, t)}")
    who = t("request.by", person=f"<@{change.asked.requester}>")
    way = kit.link_button(t("button.open"), Action.CHANGE_OPEN, link) if link else None
    rows = [who, f"{state_word(request, t)} · {told}"]
    return kit.section(subject, way) | {"fields": [kit.mrkdwn(row, kit.FIELD_MAX) for row in rows]}


def _deadline(request: RequestShown, t: Translator, now: datetime) -> str:
    """How many approvals there are, and until when the rest may come."""
    told, at = parts.progress_text(request, t), request.expires_at
    if at is None or at <= now:
        return told
    return f"{told}\n{t('request.expires', when=kit.moment(at, t.moment(at)))}"


# --- where one may do what ----------------------------------------------------------------------------------------


def _channels(shown: HomeShown, t: Translator) -> list[Block]:
    blocks = [kit.header(t("home.channels"))]
    if shown.reach:
        blocks.append(kit.rich(kit.bullets(_channel(each, t) for each in shown.reach[:CHANNELS_MAX])))
    else:
        blocks.append(kit.context(t("home.no_channels")))
    if len(shown.reach) > CHANNELS_MAX:
        blocks.append(kit.context(t("help.more", n=len(shown.reach) - CHANNELS_MAX)))
    if not shown.is_certain:
        blocks.append(kit.context(t("home.uncertain")))
    return blocks


def _channel(reach: Reach, t: Translator) -> Element:
    roles = t.listed([t(f"role.{permission}") for permission in reach.may])
    return kit.line(kit.channel(reach.channel), kit.words(f" — {_websites(reach, t)}: {roles}"))


def _websites(reach: Reach, t: Translator) -> str:
    if reach.websites is None:
        return t("help.all_websites")
    names = [kit.isolated(name) for name in reach.websites]
    more = [t("help.more", n=len(names) - WEBSITES_MAX)] if len(names) > WEBSITES_MAX else []
    return t.listed([*names[:WEBSITES_MAX], *more]) or t("flow.none")
