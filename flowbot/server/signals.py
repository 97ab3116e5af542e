"""A stop on SIGTERM or SIGINT, within ten seconds."""

import asyncio
import logging
import os
import signal
import threading
from typing import Final

import structlog

log = structlog.get_logger(__name__)

FORCED_EXIT_SECONDS: Final = 9.0
"""Of the ten seconds that a stop may take. Work that hangs for longer, on a silent database say, is left behind."""


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set. The process ends within ten seconds after it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def exit_now() -> None:
        # As after a crash, this process or another finishes what the database holds.
        log.error("stop.cut_short", seconds=FORCED_EXIT_SECONDS)
        logging.shutdown()
        os._exit(0)

    def start_stop() -> None:
        if not stop.is_set():
            timer = threading.Timer(FORCED_EXIT_SECONDS, exit_now)
            timer.daemon = True
            timer.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, start_stop)
    return stop
