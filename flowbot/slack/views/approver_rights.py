"""The right by which somebody may approve, as the reason why they are asked."""

from flowbot.domain.approval_rule import EVERYONE
from flowbot.domain.ids import ChannelId, GroupId
from flowbot.i18n.translator import Translator
from flowbot.services.listed_rights import ListedRight
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.sentences import sentence_elements


def right_elements(right: ListedRight, channel: ChannelId, t: Translator) -> list[Element]:
    """Build the sentence on why its reader may approve a request, for what that reader alone sees.

    Args:
        right: the right by which they may.
        channel: the channel of the request.
        t: the reader's words.
    """
    places = {"channel": [block_kit.channel_element(channel)]}
    if right.right_of is not None:
        places["person"] = [block_kit.user_element(right.right_of)]
        return sentence_elements(t, "request.why_stand_in", places)
    if right.is_escalated:
        return [block_kit.text_element(t("escalation.why"))]
    if right.basis == EVERYONE:
        return sentence_elements(t, "request.why_everyone", places)
    if right.basis.startswith(GroupId.letters):
        places["group"] = [block_kit.group_element(right.basis)]
        return sentence_elements(t, "request.why_group", places)
    return sentence_elements(t, "request.why_named", places)
