"""The faults of the stand-ins, at random."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final

from flowbot.sandbox.enkapush import Fault
from flowbot.sandbox.enkapush.faults import Hang
from tests.crashes.bot_processes import Deployment
from tests.journeys.world import APPROVALS

METHODS: Final = (
    "*", "chat.postMessage", "chat.postEphemeral", "chat.update", "conversations.info", "conversations.members",
    "users.info", "usergroups.list", "views.open", "views.update", "views.publish", "auth.test", "response_url",
)  # fmt: skip
AT_SLACK: Final[tuple[dict[str, Any], ...]] = (
    {"status": 503}, {"status": 500}, {"retry_after": 1}, {"retry_after": 8}, {"delay": 0.5}, {"delay": 4},
    {"hang": True}, {"lose_answer": True}, {"body": "<html>Back soon</html>"}, {"body": '{"ok": tr'},
    {"error": "internal_error"}, {"error": "fatal_error"}, {"error": "an_error_of_tomorrow"},
    {"error": "is_archived", "channel": APPROVALS}, {"error": "restricted_action_thread_locked", "in_thread": True},
)  # fmt: skip
AT_ENKAPUSH: Final[tuple[Callable[..., Fault], ...]] = (
    lambda **where: Fault.delay(1, **where),
    lambda **where: Fault.delay(6, **where),
    lambda **where: Fault.status(500, **where),
    lambda **where: Fault.status(503, after_effect=True, **where),
    lambda **where: Fault.status(200, '{"data": []}', **where),
    lambda **where: Fault.too_many(1, **where),
    lambda **where: Fault.too_many("soon", **where),
    Fault.html,
    Fault.empty,
    Fault.truncated,
    Fault.reset,
    lambda **where: Fault.reset(after_effect=True, **where),
    Fault.hang,
    lambda **where: Fault.hang(after_effect=True, **where),
    lambda **where: Fault.hang(outlives_sender=True, **where),
    lambda **where: Fault(Hang(after_effect=True, outlives_sender=True), **where),
)
WRITES: Final[tuple[Callable[..., Fault], ...]] = (
    lambda **where: Fault.write(3, **where),
    lambda **where: Fault.write(20, **where),
    lambda **where: Fault.write(copies=0, **where),
    lambda **where: Fault.write(ignored=("description",), **where),
    lambda **where: Fault.write(answered_id=1, **where),
)
"""Writes that are late, or otherwise than they were sent. None that Enkapush itself carries out twice."""


async def make_weather(deployment: Deployment, random: Random) -> None:
    """Add faults, end them, and let what hangs go on, until it is cancelled."""
    while True:
        match random.randrange(10):
            case 0 | 1:
                deployment.heal()
                await asyncio.sleep(random.uniform(2, 5))
            case 2:
                deployment.enkapush.release()
            case 3 | 4 | 5:
                fault = random.choice(AT_SLACK)
                deployment.slack.faults.add(random.choice(METHODS), **{"times": random.randint(1, 3)} | fault)
            case 6:
                deployment.enkapush.faults.add(random.choice(WRITES)(method=random.choice(("POST", "PATCH", "DELETE"))))
            case _:
                method = random.choice(("*", "GET", "POST", "PATCH", "DELETE"))
                path = random.choice(("*", "/flows", "/flows/*"))
                times = random.randint(1, 3)
                deployment.enkapush.faults.add(random.choice(AT_ENKAPUSH)(method=method, path=path, times=times))
        await asyncio.sleep(random.uniform(0.3, 2))
