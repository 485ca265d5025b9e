"""What is written between the parentheses of ``Stasis(…)``, taken apart as main/app.c ``__ast_app_separate_args`` does.

Substitutes nothing: that was done before. Quotes and backslashes go, parentheses and brackets stay and hide commas.
"""

from __future__ import annotations

import re
from typing import Final

MAX_ARGUMENTS: Final = 128  # apps/app_stasis.c MAX_ARGS; the name of the application comes on top
LONGEST: Final = 8191  # EXT_DATA_SIZE, with the final nought


def joined(*arguments: str) -> str:
    """What ``separate`` takes apart into these."""
    escaped = (re.sub(r'(["\\()\[\]])', r"\\\1", argument) for argument in arguments)
    return ",".join(f'"{argument}"' if "," in argument else argument for argument in escaped)


def separate(text: str) -> list[str]:
    """``otpvoice,"say=a, b",x=\\"`` → ``["otpvoice", "say=a, b", 'x="']``. Blanks and empty arguments are kept."""
    text = text.encode(errors="surrogateescape")[:LONGEST].decode(errors="surrogateescape")
    arguments: list[str] = []
    at = 0
    depth = {"(": 0, "[": 0}
    quoted = False
    while at < len(text) and len(arguments) < MAX_ARGUMENTS:
        argument = ""
        while at < len(text):
            character = text[at]
            at += 1
            match character:
                case "(" | "[":
                    depth[character] += 1
                case ")" | "]":
                    opening = "(" if character == ")" else "["
                    depth[opening] = max(0, depth[opening] - 1)
                case '"':
                    quoted = not quoted
                    continue
                case "\\":
                    character = text[at : at + 1]
                    at += 1
                case "," if not (quoted or any(depth.values())):
                    break
            argument += character
        else:
            return [*arguments, argument]
        arguments.append(argument)
    # After the last comma; or all that is too much, as it was written.
    return [*arguments, text[at:]] if text else []
