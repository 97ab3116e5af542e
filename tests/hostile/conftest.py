"""The same world as the journeys'."""

from tests.journeys.conftest import (
    http,
    journey_database,
    postgresql_journey,
    postgresql_with_policy,
    running,
    sqlite_journey,
    sqlite_with_policy,
    world,
)

__all__ = [
    "http",
    "journey_database",
    "postgresql_journey",
    "postgresql_with_policy",
    "running",
    "sqlite_journey",
    "sqlite_with_policy",
    "world",
]
