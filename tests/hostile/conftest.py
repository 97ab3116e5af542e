"""The same world as the journeys'."""

from tests.journeys.conftest import http, journey_database, running, world

__all__ = ["http", "journey_database", "running", "world"]
