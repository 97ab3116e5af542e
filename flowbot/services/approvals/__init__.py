"""Asking for approval, deciding, and what a decision starts. Every click is authorised afresh."""

from flowbot.services.approvals.approvals import Approvals
from flowbot.services.approvals.asking import OpenAlreadyError
from flowbot.services.approvals.deciding import DecidedAlreadyError
from flowbot.services.approvals.timekeeping import Timekeeping

__all__ = ["Approvals", "DecidedAlreadyError", "OpenAlreadyError", "Timekeeping"]
