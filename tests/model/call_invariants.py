"""Checks that those whose turn it is were called once, and that every remark was told."""

from collections.abc import Collection, Iterable, Sequence

from flowbot.domain.approval_rule import NotifyMode
from flowbot.domain.change import Change
from flowbot.domain.ids import GroupId, UserId
from flowbot.domain.votes import Vote, approvals_in
from flowbot.services.ports.messages import MessageKey, MessageRole
from tests.model.fake_slack import REMARK, FakeSlack, Post
from tests.model.message_invariants import was_cut_off


def check_calls(slack: FakeSlack, change: Change, votes: Sequence[Vote], away: Collection[UserId]) -> None:
    """Check after a recovery without faults whom messages have called for a request that waits for approvals.

    Args:
        slack: the workspace.
        change: the request.
        votes: the votes on it.
        away: everybody who was away at one time: their stand-ins may be called instead.
    """
    rule, progress = change.rule, change.progress
    assert rule is not None, f"waits for approvals without a rule: {change}"
    for number in range(1, progress.remarks + 1):
        role = f"{REMARK}.{number}"
        is_refused = any((key.subject, key.role) == (change.id, role) for key, _ in slack.refused)
        told = [post for post in slack.posts if (post.key.subject, post.key.role) == (change.id, role)]
        assert told or is_refused, f"remark {number} was told nobody: {change}"
    stage = next(
        (
            number
            for number in range(len(rule.stages))
            if len(approvals_in(votes, number)) < max([rule.quorum, *progress.quorums[number : number + 1]])
        ),
        None,
    )
    if stage and rule.notify is not NotifyMode.NONE:
        key = MessageKey.for_stage(change.id, progress.round, stage)
        _check_called(slack, key, rule.stages[stage], {change.request.requester, *away}, rule.notify)
    if progress.escalated_at is not None:
        key = MessageKey.for_round(change.id, MessageRole.ESCALATION, progress.round)
        _check_called(slack, key, (), {change.request.requester, *away}, rule.notify)


def _check_called(
    slack: FakeSlack, key: MessageKey, named: Iterable[str], excepted: Collection[UserId], notify: NotifyMode
) -> None:
    """Check that a call was posted, and that it mentions everybody whom the policy names."""
    posts = [post for post in slack.posts if post.key == key]
    assert posts, f"not called: {key}"
    if notify is NotifyMode.MENTION and not any(map(was_cut_off, posts)) and _was_first(slack, posts[0]):
        expected = {entry for entry in named if isinstance(entry, GroupId | UserId) and entry not in excepted}
        assert expected <= set(posts[0].mentions), f"{expected} were not mentioned: {posts[0]}"


def _was_first(slack: FakeSlack, post: Post) -> bool:
    return not any(window.was_interrupted for window in slack.windows if window.key == post.key)
