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
"""Of the ten seconds that a stop may take. What hangs for longer, such as a silent database, is left behind."""


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; within ten seconds after it the process has ended."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stopping() -> None:
        if not stop.is_set():
            cut = threading.Timer(FORCED_EXIT_SECONDS, _exit_now)
            cut.daemon = True
            cut.start()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping)
    return stop


def _exit_now() -> None:
    """End at once, as a crash would: what is kept in the database is gone on with by another process or the next."""
    log.error("stop.cut_short", seconds=FORCED_EXIT_SECONDS)
    logging.shutdown()
    os._exit(0)
