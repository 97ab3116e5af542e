"""The words of commands, in English and Turkish."""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flowbot.domain.text import fold


class CommandWord(StrEnum):
    """The commands, by their English word."""

    HELP = "help"
    LIST = "list"
    SHOW = "show"
    CREATE = "create"
    EDIT = "edit"
    DUPLICATE = "duplicate"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    APPROVALS = "approvals"
    HISTORY = "history"
    SETUP = "setup"


TURKISH: Final[Mapping[str, CommandWord]] = {
    "yardım": CommandWord.HELP,
    "liste": CommandWord.LIST,
    "göster": CommandWord.SHOW,
    "oluştur": CommandWord.CREATE,
    "düzenle": CommandWord.EDIT,
    "kopyala": CommandWord.DUPLICATE,
    "etkinleştir": CommandWord.ENABLE,
    "durdur": CommandWord.DISABLE,
    "sil": CommandWord.DELETE,
    "onaylar": CommandWord.APPROVALS,
    "geçmiş": CommandWord.HISTORY,
    "ayarlar": CommandWord.SETUP,
}


def normalize_word(word: str) -> str:
    """Return the word without case and accents, so that `GÖSTER`, `göster` and `goster` are one."""
    decomposed = unicodedata.normalize("NFKD", fold(word))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).rstrip(".,!?:;")


_WORDS: Final[Mapping[str, CommandWord]] = {
    **{str(command): command for command in CommandWord},
    **{normalize_word(word): command for word, command in TURKISH.items()},
}
_SYNONYMS: Final[Mapping[str, str]] = {
    "list": "find search all",
    "show": "view open get",
    "create": "new add make",
    "edit": "change update",
    "duplicate": "copy clone",
    "enable": "start activate on resume",
    "disable": "stop pause deactivate off",
    "delete": "remove",
    "approvals": "pending requests queue waiting",
    "history": "log audit",
    "setup": "settings policy config",
    "liste": "ara bul hepsi",
    "göster": "bak gör",
    "oluştur": "yarat yeni ekle",
    "düzenle": "değiştir güncelle",
    "kopyala": "çoğalt",
    "etkinleştir": "aç başlat",
    "durdur": "kapat devre dur",
    "sil": "kaldır",
    "onaylar": "bekleyenler istekler",
    "ayarlar": "politika kurallar",
}
"""Other words for a command, which people try before they know its own."""
_SYNONYM_WORDS: Final = {
    normalize_word(word): command for command, words in _SYNONYMS.items() for word in words.split()
}
_PREFIX_MIN: Final = 3


def find_word(word: str) -> CommandWord | None:
    """Return the command that a word means, help for no word, or None for an unknown word."""
    return _WORDS.get(normalize_word(word)) if word else CommandWord.HELP


def suggest_word(word: str) -> str | None:
    """Return the command that was probably meant by a synonym, a prefix or a typing error; None if none is near."""
    if re.fullmatch(r"#?[0-9]{1,18}", word, re.ASCII):
        return f"{CommandWord.SHOW} {word}"
    plain = normalize_word(word)
    if plain in _SYNONYM_WORDS:
        return _SYNONYM_WORDS[plain]
    completed = [known for known in _WORDS if len(plain) >= _PREFIX_MIN and known.startswith(plain)]
    close = completed or difflib.get_close_matches(plain, _WORDS, n=1, cutoff=0.6)
    return accented_word(close[0]) if close else None


def accented_word(plain_word: str) -> str:
    """Return the word as it is written, with its accents."""
    return next((word for word in TURKISH if normalize_word(word) == plain_word), plain_word)
