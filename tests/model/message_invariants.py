"""Checks of what people were told in Slack, and whom a message mentioned."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import WAITING_STATES, Change, ChangeState
from flowbot.domain.ids import ChangeId
from flowbot.i18n.translator import Translators
from flowbot.services.ports.messages import MessageKey, MessageRole
from flowbot.slack.notify.outcome_notices import ENDED
from tests.model.fake_slack import REFUSAL, REMARK, REMINDER, FakeSlack, Post, is_notice, is_of_report, told_state

WORDS: Final = Translators(fixed="en", zone=ZoneInfo("UTC")).for_reader(None)


class MessageInvariants:
    """Each end is told once where its requester sees it, and nobody is mentioned twice for one thing.

    A message may come again only for each time that its sending was cut off: by a crash or a frozen process, a
    database that did not answer, or an answer of Slack's that was lost.
    """

    def __init__(self, slack: FakeSlack) -> None:
        self._slack = slack

    def check(self, changes: list[Change]) -> None:
        """Check everything that was sent, at any moment."""
        known = {change.id: change for change in changes}
        sent: dict[MessageKey, list[Post]] = defaultdict(list)
        told: dict[tuple[ChangeId, ChangeState], list[Post]] = defaultdict(list)
        for post in self._slack.posts:
            if is_of_report(post.key):
                continue
            change = known[ChangeId(post.key.subject)]
            sent[post.key].append(post)
            state = told_state(post.key)
            if state is not None:
                assert state in ENDED, f"told {state} of {change}"
                if post.is_seen_by(change.request.requester):
                    told[change.id, state].append(post)
            _check_mentions(post, change)
        for key, posts in sent.items():
            if key.role == REMINDER:
                reminders = known[ChangeId(key.subject)].progress.reminders
                assert len(posts) <= reminders, f"reminded {len(posts)} times instead of {reminders}: {key}"
            if key.role in {REMINDER, REFUSAL}:
                # Each process says once that the channel takes no message.
                continue
            check_mentioned_once(key, posts)
            check_sent_once(key, posts)
        for end, posts in told.items():
            whole = [post for post in posts if not was_cut_off(post)]
            assert len(whole) <= 1, f"told {len(whole)} times where it was seen: {end}"

    def check_at_rest(self, change: Change) -> None:
        """Check what people see of a change after a recovery without faults."""
        if not change.has_team_message:
            if change.request.cause is not None:
                # A report tells of it.
                return
            assert self._slack.shown[change.id] == change.version, f"its author was not told: {change}"
            return
        assert change.message_channel is not None
        assert change.message_ts is not None
        self._check_shown(change, self._slack.find(change.message_channel, change.message_ts))
        own = [post for post in self._slack.posts if post.key.subject == change.id]
        self._check_copies(change, own)
        if change.has_waited and change.state in ENDED:
            self._check_told(change, own)

    def _check_shown(self, change: Change, message: Post | None) -> None:
        assert message is not None, f"no message of {change}"
        # Keys: request.state_draft, request.state_pending, and so on for each ChangeState
        state = WORDS(f"request.state_{change.state}")
        is_shown = state.lower() in json.dumps(message.body, ensure_ascii=False).lower()
        assert is_shown or message.is_deleted, f"{change.state}: {message}"

    def _check_copies(self, change: Change, own: list[Post]) -> None:
        copies = [post for post in own if post.key.role == MessageRole.DIRECT and not was_cut_off(post)]
        for copy in copies:
            is_decidable = any(block["type"] == "actions" for block in copy.body["blocks"])
            assert is_decidable == (change.state in WAITING_STATES), f"{change.state}: {copy}"

    def _check_told(self, change: Change, own: list[Post]) -> None:
        requester, ends = change.request.requester, [post for post in own if told_state(post.key) is not None]
        seen = [post for post in ends if post.is_seen_by(requester)]
        key = MessageKey.for_state(change.id, MessageRole.DIRECT_NOTICE, change.state, requester)
        if not any(told_state(post.key) is change.state for post in seen):
            assert {(key, "direct"), (key, "private")} <= self._slack.refused, f"not told of its end: {change}"
            return
        whole = [post for post in seen if not was_cut_off(post)]
        assert not whole or told_state(whole[-1].key) is change.state, f"told {whole[-1].key} last: {change}"
        for post in whole:
            is_first = not any(window.was_interrupted for window in self._slack.windows if window.key == post.key)
            if post.thread is not None and is_first:
                assert post.mentions == (requester,), f"not mentioned: {post}"


def check_mentioned_once(key: MessageKey, posts: Sequence[Post]) -> None:
    """Check that nobody was mentioned twice by a message that came again."""
    mentions = Counter(person for post in posts for person in set(post.mentions))
    assert max(mentions.values(), default=0) <= 1, f"mentioned more than once: {key}, {mentions}"


def check_sent_once(key: MessageKey, posts: Sequence[Post]) -> None:
    """Check that a message was sent once, and once more only for each time that its sending was cut off."""
    claimed = [post for post in posts if post.window is not None]
    whole = [post for post in claimed if not was_cut_off(post)]
    assert len(whole) <= 1, f"sent {len(whole)} times though nothing was cut off: {key}"
    assert all(post.window is None or post.window.is_over for post in whole), f"not recorded: {key}"
    is_deletable = key.role == MessageRole.REQUEST
    assert len(claimed) == len(posts) or is_deletable, f"sent without a claim: {key}"
    lost = sum(post.is_deleted for post in posts)
    assert len(posts) - len(claimed) <= lost, f"posted anew though it was there: {key}"


def was_cut_off(post: Post) -> bool:
    """Check whether other processes could not know that the message was sent."""
    return post.window is not None and post.window.was_interrupted


def _check_mentions(post: Post, change: Change) -> None:
    requester = change.request.requester
    is_mentioning = change.rule is not None and change.rule.notify is NotifyMode.MENTION
    if post.key.role.startswith(f"{REMARK}."):
        # New content calls the approvers; what others say, who asked.
        assert requester not in post.mentions or len(post.mentions) == 1, f"mentions more than who asked: {post}"
        return
    if is_notice(post.key):
        # What waits for approvals again calls the approvers as a reminder does, unless nobody is to be called.
        is_quiet = change.rule is not None and change.rule.notify is NotifyMode.NONE
        waits_again = told_state(post.key) is None and not is_quiet
        assert waits_again or set(post.mentions) <= {requester}, f"mentions others than who asked: {post}"
        return
    assert requester not in post.mentions, f"mentions who asked: {post}"
    if post.key.role == MessageRole.REQUEST and not is_mentioning:
        assert not post.mentions, f"mentions people though the policy says otherwise: {post}"
