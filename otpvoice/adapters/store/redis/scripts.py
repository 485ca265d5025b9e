"""The scripts, each put together of what it begins with and what it does."""

from __future__ import annotations

from importlib import resources
from typing import Final

_POSTING: Final = ("writing", "outbox")
_TELLING: Final = ("writing", "owning", "outbox", "telling")
_OWNING: Final = ("writing", "owning")

_BEGINNINGS: Final[dict[str, tuple[str, ...]]] = {
    "accept": _TELLING,
    "save": _TELLING,
    "finish": _TELLING,
    "erase": _POSTING,
    "adopt": _OWNING,
    "left_behind": _OWNING,
    "claim": (),
    "release": (),
    "told": (),
    "due": (),
    "take": _POSTING,
    "delivered": _POSTING,
    "give_back": _POSTING,
    "put_back": _POSTING,
    "give_up": _POSTING,
    "disable": _POSTING,
    "replay": _POSTING,
    "letters": (),
    "depth": (),
    "register": (),
    "unregister": (),
}


def _text(name: str) -> str:
    folder = resources.files("otpvoice.adapters.store.redis").joinpath("scripts")
    return "\n".join(folder.joinpath(f"{part}.lua").read_text(encoding="utf-8") for part in (*_BEGINNINGS[name], name))


SCRIPTS: Final = {name: _text(name) for name in _BEGINNINGS}
"""Each of them takes one key, ``keys.root`` of the account, and says in its first comment what its arguments are."""
