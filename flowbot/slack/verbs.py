"""The commands' own words, in English and Turkish: which command each of them means, or is near to."""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from flowbot.domain.text import fold


class Verb(StrEnum):
    """What a command does: its first word, in English."""

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


TURKISH: Final[Mapping[str, Verb]] = {
    "yardım": Verb.HELP,
    "liste": Verb.LIST,
    "göster": Verb.SHOW,
    "oluştur": Verb.CREATE,
    "düzenle": Verb.EDIT,
    "kopyala": Verb.DUPLICATE,
    "etkinleştir": Verb.ENABLE,
    "durdur": Verb.DISABLE,
    "sil": Verb.DELETE,
    "onaylar": Verb.APPROVALS,
    "geçmiş": Verb.HISTORY,
    "ayarlar": Verb.SETUP,
}


def plainest(word: str) -> str:
    """The word without case and accents, so that `GÖSTER`, `göster` and `goster` are one."""
    decomposed = unicodedata.normalize("NFKD", fold(word))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).rstrip(".,!?:;")


_WORDS: Final[Mapping[str, Verb]] = {
    **{str(verb): verb for verb in Verb},
    **{plainest(word): verb for word, verb in TURKISH.items()},
}
_MEANT: Final[Mapping[str, str]] = {
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
"""Words of this field that people try before they know the command's own."""
_OTHER_WORDS: Final = {plainest(word): command for command, words in _MEANT.items() for word in words.split()}
_SHORTEST_BEGINNING: Final = 3


def verb_for(word: str) -> Verb | None:
    """Which command a word means, and help where there is none; None for a word that is no command's."""
    return _WORDS.get(plainest(word)) if word else Verb.HELP


def nearest_to(word: str) -> str | None:
    """The command that was probably meant: by another word for it, its beginning, or a slip of the hand."""
    if re.fullmatch(r"#?[0-9]{1,18}", word, re.ASCII):
        return f"{Verb.SHOW} {word}"
    plain = plainest(word)
    if plain in _OTHER_WORDS:
        return _OTHER_WORDS[plain]
    begun = [known for known in _WORDS if len(plain) >= _SHORTEST_BEGINNING and known.startswith(plain)]
    close = begun or difflib.get_close_matches(plain, _WORDS, n=1, cutoff=0.6)
    return spelled(close[0]) if close else None


def spelled(plain_word: str) -> str:
    """The word as it is written, with its accents."""
    return next((word for word in TURKISH if plainest(word) == plain_word), plain_word)
