"""Handled requests of Slack's: each once, whoever comes first."""

import asyncio

from flowbot.services.ports.deliveries import DeliveryKey
from flowbot.storage.repositories.deliveries import DeliveryRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import NOON, SECOND

KEY, OTHER = DeliveryKey("a" * 64), DeliveryKey("b" * 64)


async def test_a_request_is_taken_once(database: Database) -> None:
    deliveries = DeliveryRepository(database)
    assert not await deliveries.was_recorded(KEY)
    assert await deliveries.record_once(KEY, NOON)
    assert await deliveries.was_recorded(KEY)
    assert not await deliveries.record_once(KEY, NOON + SECOND)
    assert not await deliveries.was_recorded(OTHER)
    assert await deliveries.record_once(OTHER, NOON)


async def test_of_two_processes_that_take_it_at_once_one_does(database: Database, elsewhere: Database) -> None:
    stores = DeliveryRepository(database), DeliveryRepository(elsewhere)
    for number in range(10):
        key = DeliveryKey(f"{number:064}")
        taken = await asyncio.gather(*(store.record_once(key, NOON) for store in stores * 3))
        assert sorted(taken) == [False] * 5 + [True]


async def test_what_is_older_is_forgotten(database: Database) -> None:
    deliveries = DeliveryRepository(database)
    await deliveries.record_once(KEY, NOON - SECOND)
    await deliveries.record_once(OTHER, NOON)
    assert await deliveries.delete_older_than(NOON) == 1
    assert not await deliveries.was_recorded(KEY)
    assert await deliveries.was_recorded(OTHER)
