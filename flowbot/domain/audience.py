"""Audience: whom the push of a change goes to, and how many approvals each stage needs for so many."""

from collections.abc import Collection, Sequence

from flowbot.domain.change import ChangeRequest
from flowbot.domain.flow import Flow
from flowbot.domain.ids import UserId, WebsiteId
from flowbot.domain.known_settings import KnownSettings
from flowbot.domain.votes import Vote, VoteChoice


def find_segment(request: ChangeRequest, known: KnownSettings, flow: Flow | None) -> str | None:
    """Return the segment that a request's push goes to; None where that is not known, or doubtful.

    Args:
        request: the request; what it sends itself counts first.
        known: what is known of its flow.
        flow: the flow, by whose last change the known segment may be doubtful.
    """
    sent = request.wanted.write_only.segment if request.wanted else None
    if sent:
        return sent
    segment = known.segment
    is_doubtful = segment is None or flow is None or segment.is_doubtful(flow.changed_at)
    return None if segment is None or is_doubtful else segment.value or None


def find_website(request: ChangeRequest) -> WebsiteId:
    """Return the website whose subscribers get the push, as of after the change."""
    return request.wanted.content.website_id if request.wanted else request.website


def bound_quorums(
    quorum: int, raised: int, able: Sequence[Collection[UserId] | None], votes: Collection[Vote]
) -> tuple[int, ...]:
    """Return how many approvals each stage needs of `raised`: not more than can come together, at least `quorum`.

    Nobody counts in two stages: people are given to one each, as whoever has voted already is.

    Args:
        quorum: the approvals that each stage needs whatever the audience.
        raised: the approvals that each stage needs for the audience.
        able: by stage the people who may approve; None where they are no bound.
        votes: the votes so far.
    """
    voted = {person for vote in votes for person in vote.people}
    given = [_count_given(stage, people, votes) for stage, people in enumerate(able)]
    assigned: dict[UserId, int] = {}
    for _ in range(raised):
        for stage, people in enumerate(able):
            if people is not None and given[stage] < raised and _assign(stage, able, voted, assigned, set()):
                given[stage] += 1
    return tuple(
        raised if people is None else max(quorum, min(raised, count)) for people, count in zip(able, given, strict=True)
    )


def _count_given(stage: int, able: Collection[UserId] | None, votes: Collection[Vote]) -> int:
    """Count the approvals in a stage that were given by, or for, those who may approve in it."""
    approvals = (vote for vote in votes if vote.stage == stage and vote.choice is VoteChoice.APPROVE)
    return sum(able is not None and (vote.right_of or vote.person) in able for vote in approvals)


def _assign(
    stage: int,
    able: Sequence[Collection[UserId] | None],
    taken: Collection[UserId],
    assigned: dict[UserId, int],
    visited: set[UserId],
) -> bool:
    """Give one more person to a stage, where that takes somebody from another stage that finds a substitute."""
    for person in able[stage] or ():
        if person in taken or person in visited:
            continue
        visited.add(person)
        other = assigned.get(person)
        if other is None or (other != stage and _assign(other, able, taken, assigned, visited)):
            assigned[person] = stage
            return True
    return False
