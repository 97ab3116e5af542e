"""A stand-in Enkapush, reached by its base URL only."""

from flowbot.sandbox.enkapush.faults import Fault
from flowbot.sandbox.enkapush.models import WEBSITES, Clock, Flow, FlowFields, Image, Segment
from flowbot.sandbox.enkapush.request_log import FormField, FormFile, LoggedRequest
from flowbot.sandbox.enkapush.seeds import generate_flows, seed_flows, seed_image, seed_segments
from flowbot.sandbox.enkapush.server import EnkapushSandbox
from flowbot.sandbox.enkapush.store import Store

__all__ = [
    "WEBSITES",
    "Clock",
    "EnkapushSandbox",
    "Fault",
    "Flow",
    "FlowFields",
    "FormField",
    "FormFile",
    "Image",
    "LoggedRequest",
    "Segment",
    "Store",
    "generate_flows",
    "seed_flows",
    "seed_image",
    "seed_segments",
]
