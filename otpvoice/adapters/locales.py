"""Read the language packs: one TOML file a language, the package's own first, then those of the admin.

What a file must hold is decided in ``core.locale``; here all that is wrong with all of them is reported at once.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

from otpvoice.core.locale import Locale, Locales, parse_locale

PACKAGED: Final = Path(__file__).parents[1] / "locales"


def load_locales(*folders: Path, default: str = "en") -> Locales:
    """Return the packaged languages and those of ``folders``; a later file replaces an earlier one of the same name.

    Raises ``ValueError`` with a line for each thing that is wrong, in all files, or without a pack for ``default``;
    ``OSError`` for a folder that can't be read.
    """
    files = {path.stem: path for folder in (PACKAGED, *folders) for path in _files(folder)}
    packs: list[Locale] = []
    problems: list[str] = []
    for name, path in sorted(files.items()):
        try:
            pack = parse_locale(tomllib.loads(path.read_text("utf-8-sig")), str(path))
            if pack.tag != name:
                problems.append(f'{path}: tag = "{pack.tag}" must be the name of the file')
            packs.append(pack)
        except UnicodeDecodeError:
            problems.append(f"{path}: is not UTF-8 text")
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{path}: {error}")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise ValueError("\n".join(problems))
    return Locales(packs, default)


def _files(folder: Path) -> list[Path]:
    # iterdir, not glob: a folder that was named and is not there is a mistake to report, and glob would find nothing.
    return [path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith(".")]
