"""Help: what a person may do in a channel."""

from collections.abc import Iterable, Mapping
from typing import Final

from flowbot.domain.freezes import FrozenTime
from flowbot.domain.policy import Permission, Reason
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import Permissions
from flowbot.services.flow_queries import visible_website_names
from flowbot.slack.views import block_kit, sentences
from flowbot.slack.views.block_kit import Block
from flowbot.slack.views.freezes import frozen_elements
from flowbot.slack.views.message import Message

ROLES: Final = (Permission.VIEW, Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS, Permission.SETUP)
WEBSITES_MAX: Final = 30


def help_message(
    rights: Permissions, commands: Mapping[str, Permission | None], t: Translator, frozen: FrozenTime | None = None
) -> Message:
    """Build the help: what the reader may do in this channel, with which websites, and when nothing goes live.

    Args:
        rights: the reader's permissions in the channel.
        commands: the commands by their English word, each with the permission that it needs, if any.
        t: translates for the reader.
        frozen: the channel's freeze that is on, or next.
    """
    blocks: list[Block] = [block_kit.header(t("help.title")), block_kit.paragraph(t("help.what"))]
    refusal, policy = rights.decisions[Permission.VIEW], rights.policy
    if not rights.may(Permission.VIEW):
        blocks.append(block_kit.paragraph(t(refusal.reason.key)))
    elif policy is not None:
        names = list(visible_website_names(policy, rights.website_names).values())
        is_all = policy.websites == "all"
        listed = t("help.all_websites") if is_all else sentences.format_long_list(names, t, limit=WEBSITES_MAX)
        if listed:
            blocks.append(block_kit.labelled_lines([(t("help.websites"), listed)]))
    # Keys: role.view, role.edit, role.approve, role.break_glass, role.setup
    if roles := [t(f"role.{role}") for role in ROLES if rights.may(role)]:
        blocks.append(block_kit.labelled_lines([(t("help.you_may"), t.format_list(roles))]))
    if frozen is not None and rights.may(Permission.VIEW):
        blocks.append(block_kit.rich_paragraph(block_kit.text_element("❄ "), *frozen_elements(frozen, t)))
    if rights.may(Permission.SETUP) and refusal.reason is Reason.NO_POLICY:
        blocks.append(block_kit.paragraph(t("help.admin_policy")))
    allowed = [word for word, permission in commands.items() if permission is None or rights.may(permission)]
    return Message((*blocks, *usage_blocks(allowed, t)))


def usage_blocks(words: Iterable[str], t: Translator) -> list[Block]:
    """Build the usage of commands, by their English words, a line each or more."""
    # Keys: usage.list, usage.show, and so on for each command
    usages = [usage.partition(" — ") for word in words for usage in t(f"usage.{word}").split("\n")]
    lines = [
        block_kit.rich_line(block_kit.text_element(command, code=True), block_kit.text_element(f" — {purpose}"))
        for command, _, purpose in usages
    ]
    return [block_kit.rich_text(block_kit.bullets(lines)), block_kit.context(t("help.mention"))]
