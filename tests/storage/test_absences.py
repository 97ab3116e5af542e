"""Absences: one a person, with their events, and deleted once they are over."""

from datetime import timedelta

import pytest

from flowbot.domain.absences import Absence
from flowbot.domain.ids import UserId
from flowbot.storage.repositories.absences import AbsenceRepository
from flowbot.storage.repositories.changes import ChangeRepository
from flowbot.storage.unit_of_work import Database
from tests.storage.change_cases import NOON, new_event

AYSE, BURAK, EMMA = map(UserId, ("U0AYSE", "U0BURAK", "U0EMMA"))
DAY = timedelta(days=1)


@pytest.fixture
def absences(database: Database) -> AbsenceRepository:
    return AbsenceRepository(database)


async def list_actions(store: ChangeRepository) -> list[str]:
    return [event.action async for event in store.all_events()]


async def test_a_person_has_one_absence_the_last_that_was_said(
    absences: AbsenceRepository, store: ChangeRepository
) -> None:
    await absences.save(Absence(AYSE, NOON + DAY, BURAK), new_event("person.away"))
    await absences.save(Absence(AYSE, NOON + 2 * DAY), new_event("person.away"))
    assert await absences.get_all() == (Absence(AYSE, NOON + 2 * DAY),)
    assert await list_actions(store) == ["person.away", "person.away"]


async def test_the_end_of_an_absence_is_noted_once(absences: AbsenceRepository, store: ChangeRepository) -> None:
    await absences.save(Absence(AYSE, NOON + DAY, BURAK), new_event("person.away"))
    assert await absences.delete(AYSE, new_event("person.back"))
    assert not await absences.delete(AYSE, new_event("person.back"))
    assert await absences.get_all() == ()
    assert await list_actions(store) == ["person.away", "person.back"]


async def test_only_absences_that_are_over_are_deleted(absences: AbsenceRepository) -> None:
    later = Absence(EMMA, NOON + timedelta(microseconds=1))
    for absence in (Absence(AYSE, NOON, BURAK), Absence(BURAK, NOON - DAY), later):
        await absences.save(absence, new_event("person.away"))
    await absences.delete_ended(NOON)
    assert await absences.get_all() == (later,)
