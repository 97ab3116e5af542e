"""Retention: deletes drafts, images, deliveries, figures and absences that nothing needs any more."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flowbot.domain.figures import KEEP_FIGURES
from flowbot.services.forms import KEEP_DRAFTS
from flowbot.services.ports.absences import AbsenceStore
from flowbot.services.ports.deliveries import DeliveryStore
from flowbot.services.ports.figures import FigureStore
from flowbot.services.ports.form_storage import DraftStore, ImageStore

KEEP_IMAGES: Final = timedelta(days=30)
KEEP_DELIVERIES: Final = timedelta(hours=1)
"""A recording is refused after five minutes, or ten where the clocks differ by as much as a signature may."""


@dataclass(frozen=True, slots=True)
class Retention:
    """The stores whose rows are kept for a while only."""

    drafts: DraftStore
    images: ImageStore
    deliveries: DeliveryStore
    figures: FigureStore
    absences: AbsenceStore

    async def delete_expired(self, now: datetime) -> None:
        """Delete what is older than it has to be.

        Raises:
            DependencyError: the database did not answer.
        """
        await self.drafts.delete_older_than(now - KEEP_DRAFTS)
        await self.images.delete_unused(now - KEEP_IMAGES)
        await self.deliveries.delete_older_than(now - KEEP_DELIVERIES)
        await self.figures.delete_older_than((now - KEEP_FIGURES).date())
        await self.absences.delete_ended(now)
