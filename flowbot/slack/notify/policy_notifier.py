"""The notifier of changed policies."""

from dataclasses import dataclass

import structlog

from flowbot.domain.ids import UserId
from flowbot.domain.policy import Permission, list_entitled
from flowbot.errors import DependencyError, Text, UserError
from flowbot.i18n.translator import Translators
from flowbot.services.policy_setup import PolicySetup, SavedPolicy
from flowbot.services.users import CurrentUser
from flowbot.slack.api.messages import Responder
from flowbot.slack.payloads.incoming import ReplyTarget
from flowbot.slack.views import policy, sentences

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PolicyNotifier:
    """Tells a channel that its policy was changed."""

    setup: PolicySetup
    responder: Responder
    locales: Translators

    async def announce(self, user: CurrentUser, saved: SavedPolicy) -> None:
        """Post the change to the channel; where that fails, notify the admin."""
        channel = saved.after.id
        names = await self._load_names(saved)
        t = self.locales.for_channel(saved.after, user.locale)
        message = policy.policy_changed_message(
            user.id, saved.before, saved.after, names, t, renames=saved.renames, freezes=saved.freezes
        )
        try:
            await self.responder.reply_publicly(ReplyTarget(channel, user.id, ""), message)
        except (UserError, DependencyError) as error:
            log.warning("setup_form.channel_not_told", error=str(error))
            t = self.locales.for_reader(user.locale, user.timezone)
            why = error.text.params.get("why")
            text = Text("setup.untold_for", {"why": why}) if isinstance(why, Text) else Text("setup.untold")
            notice = sentences.sentence_message(t, text)
            try:
                await self.responder.notify_person(channel, user.id, notice)
            except DependencyError as fault:
                log.warning("setup_form.admin_not_told", error=str(fault))

    async def _load_names(self, saved: SavedPolicy) -> policy.Names:
        """Load the names of the websites, user groups and people of both policies."""
        context = await self.setup.load_form(saved.after.id)
        groups = {id_: group.name or str(id_) for id_, group in (context.groups or {}).items()}
        people = {
            principal
            for each in (saved.before, saved.after)
            if each is not None
            for principal in (*list_entitled(each, Permission.VIEW), *each.approval.break_glass)
            if isinstance(principal, UserId)
        }
        return policy.Names(context.websites, groups, await self.setup.find_names(people))
