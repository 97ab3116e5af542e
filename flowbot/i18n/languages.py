"""The languages that flowbot speaks."""

from importlib.resources import files
from typing import Final

LANGUAGES: Final = tuple(
    sorted(folder.name for folder in files(__package__).iterdir() if folder.joinpath("messages.po").is_file())
)
"""The languages that have a folder here: to add a language, add one."""
