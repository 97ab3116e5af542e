"""Disks so small that a test can fill them."""

import errno
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

MEGABYTE: Final = 1 << 20


@dataclass(frozen=True)
class Disk:
    """A small file system of a test's own."""

    folder: Path

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def fill(self) -> None:
        """Fill the disk to the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (MEGABYTE, 4096, 1):
                _write_until_full(file.fileno(), bytes(size))

    def free(self) -> None:
        """Free the space again."""
        self._ballast.unlink()


def _write_until_full(file: int, block: bytes) -> None:
    try:
        while True:
            os.write(file, block)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


@contextmanager
def small_disk(megabytes: int, *, owner: str | None = None) -> Iterator[Disk]:
    """Mount a disk; skip where that is not possible, with CI=true too, since no package brings that right."""
    folder = Path(tempfile.mkdtemp(prefix="flowbot-disk-"))
    try:
        _mount(folder, megabytes)
        try:
            if owner is not None:
                shutil.chown(folder, owner, owner)
            yield Disk(folder)
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


def _mount(folder: Path, megabytes: int) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "flowbot-tests", str(folder)]
    if os.geteuid() == 0 and shutil.which("mount") is not None:
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0:
            return
    pytest.skip("for want of a disk to fill: here nobody may mount one; root may, outside of most containers")
