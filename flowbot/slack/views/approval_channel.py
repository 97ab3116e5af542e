"""What is said in a channel where requests are posted, and which has no policy of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flowbot.domain.ids import ChangeId, ChannelId, FlowId
from flowbot.i18n.translator import Translator
from flowbot.services.request_details import RequestDetails
from flowbot.slack.payloads.action_ids import ActionId
from flowbot.slack.payloads.button_values import FlowValue
from flowbot.slack.views import block_kit, request_blocks, sentences
from flowbot.slack.views.approvals import RequestList, entry_block, rest_blocks
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.help import usage_blocks
from flowbot.slack.views.message import Message


@dataclass(frozen=True, slots=True)
class ApprovalChannelContent:
    """What is said there.

    Attributes:
        channels: The channels whose requests are posted there.
        requests: The open requests that the reader may see, oldest first.
        links: The known links to the requests' messages.
        missing: The flow that was asked for, and that none of these requests is about.
        words: English words of the commands whose usage is told.
    """

    channels: Sequence[ChannelId]
    requests: RequestList
    links: Mapping[ChangeId, str]
    missing: FlowId | None = None
    words: Sequence[str] = ()


def approval_channel_message(content: ApprovalChannelContent, t: Translator, now: datetime) -> Message:
    """Build which channels' requests are posted here, and what the open ones are about."""
    requests, blocks = content.requests, [block_kit.header(t("served.title"))]
    if content.missing is not None:
        blocks.append(block_kit.paragraph(t("served.no_request", id=str(content.missing))))
    named = {str(channel): [block_kit.channel_element(channel)] for channel in content.channels}
    channels = {"channels": sentences.list_elements(named, t)}
    blocks.append(block_kit.rich_paragraph(*sentences.sentence_elements(t, "served.serves", channels)))
    for each in requests.first:
        blocks += [entry_block(each, content.links.get(each.change.id), t, now), *_show_blocks(each, t)]
    if not requests.count:
        blocks.append(block_kit.context(t("served.none_open")))
    blocks += rest_blocks(requests, t)
    return Message((*blocks, *(usage_blocks(content.words, t) if content.words else ())))


def _show_blocks(details: RequestDetails, t: Translator) -> list[Block]:
    """Build the button that shows the request's flow as its own channel may see it."""
    request = details.change.request
    if request.flow is None:
        return []
    value = FlowValue(flow=request.flow, channel=request.channel).dump()
    hint = t("hint.show", flow=f"#{request.flow} {request_blocks.format_flow_name(details.change, t)}")
    return [block_kit.actions(block_kit.button(t("button.show"), ActionId.SHOW, value, hint=hint))]
