"""The policy of a channel, the names of websites and the freezes, as they are stored."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, cast, literal, null, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from flowbot.domain.absences import Absence
from flowbot.domain.change import ChangeKind, ChangeState
from flowbot.domain.freezes import Freeze
from flowbot.domain.ids import ChannelId, FlowId, WebsiteId
from flowbot.domain.policy import ChannelPolicy, PolicyBook
from flowbot.services.ports.policies import ChannelScope, FlowTimes
from flowbot.storage.documents import Document
from flowbot.storage.tables import absences, changes, channel_policies, freezes, websites
from flowbot.storage.unreadable import MalformedCellError, fetch_readable, keep_readable, row_reader

_ABSENCE: Final = Document(Absence)
_SCOPE: Final = union_all(
    select(
        literal("policy").label("kind"),
        channel_policies.c.channel_id,
        channel_policies.c.document,
        cast(null(), websites.c.website_id.type).label("website_id"),
        cast(null(), websites.c.name.type).label("name"),
        channel_policies.c.position,
        cast(null(), websites.c.name.type).label("starts"),
        cast(null(), websites.c.name.type).label("ends"),
        cast(null(), absences.c.person.type).label("person"),
    ).where(channel_policies.c.channel_id == bindparam("channel")),
    select(
        literal("website"),
        null(),
        null(),
        websites.c.website_id,
        websites.c.name,
        websites.c.position,
        null(),
        null(),
        null(),
    ),
    select(literal("freeze"), null(), freezes.c.document, null(), null(), freezes.c.position, null(), null(), null()),
    select(
        literal("time"),
        null(),
        null(),
        changes.c.flow_id,
        changes.c.kind,
        null(),
        changes.c.progress["starts_at"].as_string(),
        changes.c.asked[("timed", "ends_at")].as_string(),
        null(),
    ).where(changes.c.state == ChangeState.SCHEDULED.value),
    select(literal("absence"), null(), absences.c.document, null(), null(), null(), null(), null(), absences.c.person),
).order_by("position")
"""A channel's policy, all websites by name, all freezes and absences, and the times of all that is scheduled."""


async def fetch_scope(connection: AsyncConnection, channel: ChannelId) -> ChannelScope:
    """Read a channel's policy, the websites' names, the channel's freezes, absences and flows' times, by one query.

    Raises:
        UnreadableRowError: the policy cannot be read.
    """
    rows = (await connection.execute(_SCOPE, {"channel": channel})).all()
    policies = [read_policy(row) for row in rows if row.kind == "policy"]
    names = keep_readable(connection, (row for row in rows if row.kind == "website"), read_website)
    found = keep_readable(connection, (row for row in rows if row.kind == "freeze"), read_freeze)
    covering = tuple(freeze for _, freeze in found if freeze.covers_channel(channel))
    times: dict[FlowId, FlowTimes] = {}
    for row in rows:
        if row.kind == "time" and isinstance(row.website_id, int):
            flow = FlowId(row.website_id)
            times[flow] = times.get(flow, FlowTimes()).joined(_read_times(row))
    away = keep_readable(connection, (row for row in rows if row.kind == "absence"), read_absence)
    return ChannelScope(channel, next(iter(policies), None), dict(names), covering, times, away)


def _read_times(row: Row[Any]) -> FlowTimes:
    """Read when a scheduled change starts and ends its flow."""
    match row.name:
        case ChangeKind.ENABLE:
            return FlowTimes(_read_moment(row.starts), _read_moment(row.ends))
        case ChangeKind.DISABLE:
            return FlowTimes(ends=_read_moment(row.starts))
        case _:
            return FlowTimes()


def _read_moment(text: str | None) -> datetime | None:
    """Read a moment from a document; None for none, and for what is no moment."""
    try:
        moment = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment


async def fetch_scopes(
    connection: AsyncConnection, channels: Collection[ChannelId]
) -> Mapping[ChannelId, ChannelScope]:
    """Read the scopes of several channels. A policy or freeze that cannot be read counts as none."""
    wanted = select(channel_policies).where(channel_policies.c.channel_id.in_(channels))
    policies = {policy.id: policy for policy in await fetch_readable(connection, channel_policies, wanted, read_policy)}
    names = await fetch_website_names(connection)
    found, away = await fetch_freezes(connection), await fetch_absences(connection)
    return {
        channel: ChannelScope(
            channel,
            policies.get(channel),
            names,
            tuple(freeze for _, freeze in found if freeze.covers_channel(channel)),
            absences=away,
        )
        for channel in channels
    }


async def fetch_freezes(connection: AsyncConnection) -> tuple[tuple[int, Freeze], ...]:
    """Read all freezes with their positions, in their order."""
    return await fetch_readable(connection, freezes, select(freezes).order_by(freezes.c.position), read_freeze)


async def fetch_absences(connection: AsyncConnection) -> tuple[Absence, ...]:
    """Read all absences."""
    return await fetch_readable(connection, absences, select(absences).order_by(absences.c.person), read_absence)


async def fetch_website_names(connection: AsyncConnection) -> dict[WebsiteId, str]:
    """Read the names of websites, in their order."""
    ordered = select(websites).order_by(websites.c.position)
    return dict(await fetch_readable(connection, websites, ordered, read_website))


@row_reader(channel_policies)
def read_policy(row: Row[Any]) -> ChannelPolicy:
    """Read a policy from its row; a rule that cannot be read must not be guessed.

    Raises:
        UnreadableRowError: it cannot be read.
    """
    policy = ChannelPolicy.model_validate(row.document)
    if policy.id != row.channel_id:
        raise MalformedCellError("document is another channel's")
    return policy


@row_reader(freezes)
def read_freeze(row: Row[Any]) -> tuple[int, Freeze]:
    """Read a freeze's position and the freeze from its row."""
    return row.position, Freeze.model_validate(row.document)


def absence_row(absence: Absence) -> dict[str, Any]:
    """Build the row of an absence."""
    document = _ABSENCE.write(absence)
    return {"person": str(absence.person), "document": {name: document[name] for name in ("until", "stand_in")}}


@row_reader(absences)
def read_absence(row: Row[Any]) -> Absence:
    """Read an absence from its row."""
    absence = _ABSENCE.read({**row.document, "person": row.person})
    if absence.until.tzinfo is None:
        raise MalformedCellError("document has a moment in no zone")
    return absence


@row_reader(websites)
def read_website(row: Row[Any]) -> tuple[WebsiteId, str]:
    """Read a website's id and name from its row."""
    (named,) = PolicyBook(websites={row.website_id: row.name}).websites.items()
    return named
