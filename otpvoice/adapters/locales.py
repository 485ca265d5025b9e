"""Read the language packs: one TOML file a language, the package's own first, then those of the admin.

What a file must hold is decided in ``core.locale_file``; here all that is wrong with all of them is reported at once.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from otpvoice.core.locale import Locale, Locales, is_tag, parse_locale
from otpvoice.core.locale_file import laid_over, problems

PACKAGED: Final = Path(__file__).parents[1] / "locales"
LARGEST: Final = 65_536
"""Bytes of a file."""


def load_locales(*folders: Path, default: str = "en") -> Locales:
    """Return the packaged languages and those of ``folders``; a later file replaces an earlier one of the same name.

    A region's file (``pt-BR.toml``) is laid over its language's (``pt.toml``), wherever the two lie, and says only what
    differs; without one it stands alone. Raises ``ValueError`` with a line for each thing that is wrong, in all files,
    or without a pack for ``default``; ``OSError`` for a folder that can't be read.
    """
    files = [path for folder in (PACKAGED, *folders) for path in _files(folder)]
    misnamed = {path: why for path in files if (why := _misnamed(path)) is not None}
    paths = {path.stem: path for path in files if path not in misnamed}
    documents: dict[str, Mapping[str, Any]] = {}
    wrong: dict[str, list[str]] = {}
    packs: list[Locale] = []
    for name in sorted(paths, key=lambda name: (name.count("-"), name)):  # a language before its regions
        language = next((above for above in _above(name) if above in paths), None)
        try:
            document = _read(paths[name])
        except ValueError as error:
            wrong[name] = [str(error)]
            continue
        if language is not None and language not in documents:
            continue  # its language's file can't be read, which is said; what it is without it means nothing
        if language is not None:
            document = laid_over(document, documents[language])
        documents[name] = document
        # What a region has from its language is said of its language.
        wrong[name] = [one for one in _wrong(name, document) if one not in wrong.get(language or "", ())]
        if not any(wrong.values()):
            packs.append(parse_locale(document))
    lines = [f"{path}: {why}" for path, why in sorted(misnamed.items())]
    lines += [f"{paths[name]}: {problem}" for name in sorted(wrong) for problem in wrong[name]]
    if lines:
        raise ValueError("\n".join(lines))
    return Locales(packs, default)


def _misnamed(path: Path) -> str | None:
    """Return what is wrong with a file's name. It is the cause of all that would be said of what is in it."""
    tag = path.stem.replace("_", "-")
    if path.suffix != ".toml":
        return f"must be named {path.stem}.toml, in small letters at its end"
    if tag != path.stem and is_tag(tag):
        return f"must be named {tag}.toml: a language tag has hyphens"
    return None if is_tag(tag) else "must be named by a language tag, as in pt.toml or pt-BR.toml"


def _wrong(name: str, document: Mapping[str, Any]) -> list[str]:
    found = list(problems(document))
    if isinstance(tag := document.get("tag"), str) and tag != name:
        found.insert(0, f'tag must be the name of the file, as in tag = "{name}"')
    return found


def _above(name: str) -> list[str]:
    """Return what a tag is a region, or a way of writing, of: the nearest first."""
    subtags = name.split("-")
    return ["-".join(subtags[:length]) for length in range(len(subtags) - 1, 0, -1)]


def _read(path: Path) -> dict[str, Any]:
    """Return what is in a file. Raises ``ValueError`` with what is wrong with it."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise ValueError(f"is longer than {LARGEST} bytes, which no language needs")
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"can't be read: {error.strerror}") from None


def _files(folder: Path) -> list[Path]:
    # iterdir, not glob: a folder that was named and is not there is a mistake to report, and glob would find nothing.
    return [path for path in folder.iterdir() if path.suffix.lower() == ".toml" and not path.name.startswith(".")]
