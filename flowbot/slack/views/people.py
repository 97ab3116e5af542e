"""People in messages: mentioned, or by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.votes import Decider
from flowbot.i18n.translator import Translator
from flowbot.slack.views import block_kit
from flowbot.slack.views.block_kit import Element
from flowbot.slack.views.sentences import sentence_elements


@dataclass(frozen=True, slots=True)
class People:
    """The way people are written: with a name where there is one, which notifies nobody, else as a mention.

    Attributes:
        groups: The names of user groups, for a new message that lists them and notifies nobody.
    """

    names: Mapping[UserId, str] = field(default_factory=dict)
    groups: Mapping[GroupId, str] = field(default_factory=dict)

    def element(self, user: UserId) -> Element:
        """Build a person, for a rich text block."""
        if user not in self.names:
            return block_kit.user_element(user)
        return block_kit.text_element(self.names[user])

    def elements(self, users: Sequence[UserId]) -> list[Element]:
        """Build people, separated by commas."""
        found: list[Element] = []
        for user in users:
            found += [block_kit.text_element(", "), self.element(user)] if found else [self.element(user)]
        return found

    def decider(self, decider: Decider, t: Translator) -> list[Element]:
        """Build who decided, with the approver in whose place."""
        if decider.right_of is None:
            return [self.element(decider.person)]
        both = {"person": [self.element(decider.person)], "absent": [self.element(decider.right_of)]}
        return sentence_elements(t, "absence.in_place_of", both)

    def deciders(self, deciders: Sequence[Decider], t: Translator) -> list[Element]:
        """Build those who decided, separated by commas."""
        found: list[Element] = []
        for decider in deciders:
            found += [*([block_kit.text_element(", ")] if found else []), *self.decider(decider, t)]
        return found


MENTIONED: Final = People()
