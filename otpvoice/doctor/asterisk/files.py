"""What stands in Asterisk's configuration files, read by Asterisk itself: ``AST_CONFIG()`` on a channel of our own.

``GET asterisk/variable`` knows no functions, only ``GET channels/{id}/variable`` does; so there is a ``Local`` channel
that nobody dials, for as long as we read. It is no media leg, and what is wrong with those does not touch it. It says
what stands there now, which Asterisk need not have loaded yet; passwords are never asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from urllib.parse import quote

from otpvoice.ari import errors
from otpvoice.doctor.asterisk.reach import Reached
from otpvoice.doctor.asterisk.visit import Visit, visit
from otpvoice.doctor.finding import Check, Finding

FILES = Check("asterisk.files", "Can Asterisk's configuration files be read, through Asterisk?")
NO_FUNCTION = FILES.unsure(
    "no_function",
    "func_config.so is not loaded: what stands in http.conf, ari.conf and asterisk.conf can't be seen from here",
    "asterisk -rx 'module load func_config.so', or load = func_config.so in modules.conf. Or look by hand: http.conf"
    " [general] sessionlimit = 1000; [/ari] and [/media] with deny and permit; ari.conf [general]"
    " websocket_write_timeout = 5000 and channelvars = HANGUPCAUSE_KEYS(); asterisk.conf [options] verbose = 0 and"
    " debug = 0.",
)
UNREAD = FILES.unsure(
    "unread",
    "Asterisk's configuration files could not be read: {reason}",
    "Look by hand: http.conf [general] sessionlimit, [/ari], [/media]; ari.conf [general] websocket_write_timeout;"
    " asterisk.conf [options] verbose and debug.",
)

Place: TypeAlias = tuple[str, str, str]
"""File, section, name."""
SINGLE: Final[Sequence[Place]] = (
    ("http.conf", "general", "sessionlimit"),
    ("http.conf", "/ari", "type"),
    ("http.conf", "/media", "type"),
    ("ari.conf", "general", "websocket_write_timeout"),
    ("ari.conf", "general", "channelvars"),
    ("http.conf", "general", "bindport"),
    ("http.conf", "general", "tlsbindaddr"),
    ("asterisk.conf", "options", "verbose"),
    ("asterisk.conf", "options", "debug"),
)
LISTS: Final[Sequence[Place]] = tuple(
    ("http.conf", section, name) for section in ("/ari", "/media") for name in ("deny", "permit", "acl")
)
LONGEST_LIST: Final = 20
LIVES: Final = 30
"""Seconds for the channel, at most."""
MODULE: Final = "func_config.so"


@dataclass(frozen=True, slots=True)
class Files:
    """What was read: where nothing is set, None or nothing. ``finding``: about the reading itself."""

    finding: Finding
    single: Mapping[Place, str | None] = field(default_factory=dict)
    lists: Mapping[Place, Sequence[str]] = field(default_factory=dict)
    logs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What ``logger.conf`` says of each log that was asked for, by its name there; nothing: it is not there."""

    @property
    def read(self) -> bool:
        """Is anything known?"""
        return bool(self.single)


async def look(reached: Reached, *, running: frozenset[str], logs: Sequence[str] = ()) -> Files:
    """Read what the other checks judge. ``running``: the modules that do. ``logs``: names that a log may have."""
    if MODULE not in running:
        return Files(NO_FUNCTION())
    try:
        async with visit(reached) as here:
            return await _read(here, logs)
    except errors.AriError as error:
        return Files(UNREAD(reason=str(error)))


async def _read(here: Visit, logs: Sequence[str]) -> Files:
    channel = f"{here.app}-files"
    # A name in a dialplan that nobody has: should anybody dial it, nothing answers.
    # Should we be killed, it ends by itself.
    lives = {"TIMEOUT(absolute)": str(LIVES)}
    order = {"endpoint": f"Local/s@{here.app}/n", "app": here.app, "channelId": channel, "variables": lives}
    try:
        await here.rest.post("channels/create", order)
        # Of a name that is given twice the last one holds: templates come first.
        single = {place: await _value(here, channel, place, "-1") for place in SINGLE}
        lists = {place: await _values(here, channel, place) for place in LISTS}
        told = {log: await _values(here, channel, ("logger.conf", "logfiles", log)) for log in logs}
    finally:
        await here.rest.delete(f"channels/{channel}")
    return Files(FILES.ok(f"{len(single) + len(lists)} settings read"), single, lists, told)


async def _values(here: Visit, channel: str, place: Place) -> Sequence[str]:
    values: list[str] = []
    while len(values) < LONGEST_LIST and (value := await _value(here, channel, place, str(len(values)))) is not None:
        values.append(value)
    return values


async def _value(here: Visit, channel: str, place: Place, index: str) -> str | None:
    expression = quote(f"AST_CONFIG({','.join(place)},{index})", safe="")
    try:
        answer = await here.rest.get(f"channels/{channel}/variable?variable={expression}")
    except errors.ChannelGone:
        raise
    except errors.Refused as refused:
        if refused.status == 500:
            # "Unable to read provided function": it is not set, or the file is not there.
            return None
        raise
    return str(answer["value"]) if isinstance(answer, dict) else None
