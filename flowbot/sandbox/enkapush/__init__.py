"""A stand-in Enkapush, reached by its base URL only."""

from flowbot.sandbox.enkapush.faults import Fault
from flowbot.sandbox.enkapush.journal import Record, SentField, SentFile
from flowbot.sandbox.enkapush.records import WEBSITES, Clock, Flow, FlowFields, Image, Segment
from flowbot.sandbox.enkapush.seeds import seed_flows, seed_image, seed_segments
from flowbot.sandbox.enkapush.server import EnkapushSandbox
from flowbot.sandbox.enkapush.store import Store
from flowbot.sandbox.enkapush.synthetic import synthetic_flows

__all__ = [
    "WEBSITES",
    "Clock",
    "EnkapushSandbox",
    "Fault",
    "Flow",
    "FlowFields",
    "Image",
    "Record",
    "Segment",
    "SentField",
    "SentFile",
    "Store",
    "seed_flows",
    "seed_image",
    "seed_segments",
    "synthetic_flows",
]
