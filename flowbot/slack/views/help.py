"""What this person may do in this channel."""

from collections.abc import Iterable
from typing import Final

from flowbot.domain.policy import Permission, Reason
from flowbot.i18n.translator import Translator
from flowbot.services.authorization import Permissions
from flowbot.services.flow_queries import visible_website_names
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Block, Element, Message

COMMANDS: Final[tuple[tuple[str, Permission], ...]] = (
    ("list", Permission.VIEW),
    ("show", Permission.VIEW),
    ("create", Permission.EDIT),
    ("edit", Permission.EDIT),
    ("duplicate", Permission.EDIT),
    ("enable", Permission.EDIT),
    ("disable", Permission.EDIT),
    ("delete", Permission.EDIT),
    ("approvals", Permission.VIEW),
    ("history", Permission.VIEW),
    ("setup", Permission.SETUP),
)
ROLES: Final = (Permission.VIEW, Permission.EDIT, Permission.APPROVE, Permission.BREAK_GLASS, Permission.SETUP)
MOST_WEBSITES: Final = 30


def help_message(rights: Permissions, t: Translator) -> Message:
    """Help, naming what the reader may do here, with which websites."""
    blocks: list[Block] = [block_kit.header(t("help.title")), block_kit.section(block_kit.plain(t("help.what")))]
    refusal = rights.decisions[Permission.VIEW]
    if rights.may(Permission.VIEW):
        blocks += _websites(rights, t)
    else:
        blocks.append(block_kit.section(block_kit.plain(t(refusal.reason.key))))
    if roles := [t(f"role.{role}") for role in ROLES if rights.may(role)]:
        blocks.append(block_kit.rich_text(_labelled(t("help.you_may"), t.format_list(roles))))
    if rights.may(Permission.SETUP) and refusal.reason is Reason.NO_POLICY:
        blocks.append(block_kit.section(block_kit.plain(t("help.admin_policy"))))
    blocks.append(block_kit.rich_text(block_kit.bullets(_commands(rights, t))))
    return Message(t("help.summary"), tuple(blocks))


def _websites(rights: Permissions, t: Translator) -> Iterable[Block]:
    if rights.policy is None:
        return
    names = [block_kit.isolate(name) for name in visible_website_names(rights.policy, rights.website_names).values()]
    shown, more = names[:MOST_WEBSITES], len(names) - MOST_WEBSITES
    listed = t.format_list([*shown, t("help.more", n=more)] if more > 0 else shown)
    everything = t("help.all_websites") if rights.policy.websites == "all" else ""
    yield block_kit.rich_text(_labelled(t("help.websites"), everything or listed or t("flow.none")))


def _commands(rights: Permissions, t: Translator) -> Iterable[Element]:
    allowed = [key for key, permission in COMMANDS if rights.may(permission)]
    for key in [*allowed, "help"]:
        for form in t(f"usage.{key}").split("\n"):
            typed, _, does = form.partition(" — ")
            yield block_kit.rich_line(block_kit.text_element(typed, code=True), block_kit.text_element(f" — {does}"))


def _labelled(label: str, value: str) -> Element:
    return block_kit.rich_line(block_kit.text_element(f"{label}: ", bold=True), block_kit.text_element(value))
