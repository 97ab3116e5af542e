"""A flow as flowbot thinks of it: an automated push notification, sent some time after a visitor subscribes."""

from dataclasses import dataclass, field
from datetime import datetime

from flowbot.domain.types import FlowId, WebsiteId


@dataclass(frozen=True, slots=True)
class Button:
    """A button under the notification; `title` and `url` are both as written, either may be empty."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Wait:
    """How long after subscribing the notification is sent; `unit` is `minutes`, `hours` or `days`."""

    amount: int
    unit: str


@dataclass(frozen=True, slots=True)
class Totals:
    """Running totals of a flow's notifications, without history."""

    sent: int = 0
    displayed: int = 0
    clicked: int = 0
    closed: int = 0

    @property
    def display_rate(self) -> float | None:
        """Displayed of sent, from 0 to 1; None where nothing was sent."""
        return self.displayed / self.sent if self.sent else None

    @property
    def click_rate(self) -> float | None:
        """Clicked of displayed, from 0 to 1; None where nothing was displayed."""
        return self.clicked / self.displayed if self.displayed else None


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow whole. `ttl` is in seconds; the times know their zone. Either is None where Enkapush names none."""

    id: FlowId
    website_id: WebsiteId
    name: str
    title: str
    description: str
    wait: Wait
    is_enabled: bool
    url: str = ""
    image_url: str | None = None
    ttl: int | None = 2_419_200
    is_silent: bool = False
    is_auto_hide: bool = False
    buttons: tuple[Button, Button] = (Button("", ""), Button("", ""))
    totals: Totals = field(default_factory=Totals)
    last_sent_at: datetime | None = None
    changed_at: datetime | None = None
    created_at: datetime | None = None
