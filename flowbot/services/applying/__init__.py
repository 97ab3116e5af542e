"""Writing to Enkapush and finding out what became of it."""

from flowbot.services.applying.applying import Applying
from flowbot.services.applying.tools import LeaseLostError, Tools

__all__ = ["Applying", "LeaseLostError", "Tools"]
