"""A real Asterisk on loopback, with the project's own configuration, in a folder of its own.

Refuses to share ports, folders or a password with another one.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import aiohttp

from otpvoice.testkit.configuration import defaults, render, source_folder
from otpvoice.testkit.instance import Instance, started
from otpvoice.testkit.ports import PortBlock
from otpvoice.testkit.programs import find

__all__ = ["AsteriskInstance"]

# A Unix socket's path has 107 bytes (unix(7)), and a test's temporary folder can be deep.
_LONGEST_SOCKET: Final = 107


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The arguments of ``AsteriskInstance.start``."""

    trunk: tuple[str, int]
    codecs: str
    verbose: int
    debug: int
    settings: Mapping[str, str]
    extra_config: Mapping[str, str]
    extensions: str | None
    rtp_ports: int


class AsteriskInstance(Instance):
    """A running Asterisk: made by ``start``, ended by ``stop`` or ``async with``.

    ``ari_url`` is the base URL of its HTTP server (``http://127.0.0.1:PORT``, without ``/ari``).
    """

    def __init__(self, folder: Path, wanted: _Wanted) -> None:
        """Claim ports and choose a password; nothing runs before ``start``."""
        super().__init__(folder, folder / "log" / "messages.log")
        self.ari_user = "otpvoice"
        self.ari_password = secrets.token_urlsafe(24)
        self._wanted = wanted
        self._program = find("asterisk")
        self._ports = PortBlock.claim(wanted.rtp_ports + 10)
        self._short_folder: tempfile.TemporaryDirectory[str] | None = None
        self._run_folder = folder / "run"
        if not _holds_socket(self._run_folder):
            self._short_folder = _short_folder()
            self._run_folder = Path(self._short_folder.name)

    @classmethod
    async def start(
        cls,
        folder: Path,
        *,
        trunk: tuple[str, int],
        codecs: str = "ulaw",
        verbose: int | None = None,
        debug: int | None = None,
        settings: Mapping[str, str] | None = None,
        extra_config: Mapping[str, str] | None = None,
        extensions: str | None = None,
        rtp_ports: int = 1000,
    ) -> Self:
        """Start one and wait until it is fully booted.

        Calls to ``PJSIP/<number>@trunk`` go to the SIP address ``trunk``; calls from that host reach the context
        ``from-trunk``. ``extensions`` is dialplan text, also ``#include "/path"``; ``extra_config`` maps a file's name
        to text that is appended to it, or that makes it; ``settings`` are values for names in
        ``asterisk/defaults.env``, such as ``TRUNK_KIND``. ``rtp_ports``: two per SIP leg. Raises ``NotInstalled``,
        ``StartFailed``, or ``Unfit`` for settings that can't be.
        """
        wanted = _Wanted(
            trunk, codecs, verbose or 0, debug or 0, settings or {}, extra_config or {}, extensions, rtp_ports
        )
        # Absolute: the server's working directory is the folder itself.
        return await started(lambda: cls(folder.absolute(), wanted))

    @property
    def ari_url(self) -> str:
        """Base URL of the HTTP server; REST is below ``/ari``, media sockets below ``/media``."""
        return f"http://127.0.0.1:{self._ports.tcp}"

    @property
    def sip_port(self) -> int:
        """UDP port of the SIP transport on 127.0.0.1."""
        return self._ports.udp

    @property
    def rtp_range(self) -> tuple[int, int]:
        """First and last UDP port for RTP."""
        return self._ports.media

    async def cli(self, command: str) -> str:
        """The output of a console command, such as ``core show channels concise``.

        Speaks to the control socket as ``asterisk -rx`` does (main/asterisk.c, ast_remotecontrol), without a process.
        """
        reader, writer = await asyncio.open_unix_connection(str(self._run_folder / "asterisk.ctl"))
        try:
            # It greets with "host/pid/version"; nothing else may be taken for output.
            await reader.readuntil(b"\n")
            writer.write(b"cli quit after " + command.encode() + b"\0")
            await writer.drain()
            said = await reader.read()
        finally:
            writer.close()
        lines = said.replace(b"\0", b"").decode(errors="replace").splitlines()
        # Log lines that are sent to every console are marked by a byte ≥ 0x7f (VERBOSE_MAGIC) or a colour sequence.
        return "\n".join(line for line in lines if not line.startswith("\x7f"))

    async def load_dialplan(self, text: str) -> None:
        """Replace what ``extensions`` gave at the start, and reload; what this instance had included is gone, too.

        ``ValueError``: Asterisk did not read it to its end, for a file that is not there or a bracket left open. After
        a line that is none it reads on, with a warning in its log.
        """
        # The last context of the file: it is there when all before it was read.
        fence = f"loaded-{secrets.token_hex(8)}"
        (self.folder / "etc" / "extensions_local.conf").write_text(f"{text}\n[{fence}]\n")
        begin = self._log_size()
        await self.cli("dialplan reload")
        if f"Context '{fence}' created" not in await self.cli(f"dialplan show {fence}"):
            raise ValueError(f"Asterisk did not take the dialplan; its log says:\n{self._log_since(begin)}")

    def _command(self) -> Sequence[str | Path]:
        return [self._program, "-C", self.folder / "etc" / "asterisk.conf", "-f"]

    async def _answers(self) -> bool:
        # 503 until it is fully booted, 404 until the ARI modules are loaded.
        headers = {"Authorization": aiohttp.encode_basic_auth(self.ari_user, self.ari_password)}
        try:
            async with (
                aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=1)) as session,
                session.get(f"{self.ari_url}/ari/asterisk/ping") as answer,
            ):
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def _ask_to_stop(self) -> None:
        # SIGTERM waits up to 15 s for calls to end.
        await self.cli("core stop now")

    def _release(self) -> None:
        self._ports.release()
        if self._short_folder is not None:
            self._short_folder.cleanup()

    def _prepare(self) -> None:
        etc = self.folder / "etc"
        folders = {name: self.folder / name for name in ("log", "spool", "db", "keys", "cache")}
        folders["run"] = self._run_folder
        for made in (*folders.values(), folders["spool"] / "recording", folders["keys"] / "keys"):
            made.mkdir(parents=True, exist_ok=True)
        values = {f"AST_{name.upper()}_DIR": str(path) for name, path in {**folders, "etc": etc}.items()}
        shutil.rmtree(etc, ignore_errors=True)  # of an attempt whose port was taken
        render(etc, {**values, **self._addresses(), **self._options(), **self._wanted.settings})
        more = {"asterisk.conf": self._program_folders()}
        if self._wanted.extensions is not None:
            more["extensions_local.conf"] = self._wanted.extensions
        for name, text in self._wanted.extra_config.items():
            more[name] = f"{more.get(name, '')}\n{text}\n"
        for name, text in more.items():
            with (etc / name).open("a") as file:
                file.write(text)

    def _options(self) -> dict[str, str]:
        default = defaults(source_folder())
        # More than the hard limit can't be had, and asking for it leaves a warning.
        files = min(int(default["MAX_FILES"]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        levels = default["LOG_LEVELS"]
        return {
            "ARI_USER": self.ari_user,
            "ARI_PASSWORD": self.ari_password,
            "TRUNK_CODECS": self._wanted.codecs,
            # Locally administered, and not another instance's.
            "ENTITY_ID": "02:" + secrets.token_bytes(5).hex(":"),
            "MAX_FILES": str(files),
            "VERBOSE": str(self._wanted.verbose),
            "DEBUG": str(self._wanted.debug),
            "LOG_LEVELS": f"{levels},debug" if self._wanted.debug else levels,
        }

    def _addresses(self) -> dict[str, str]:
        host, port = self._wanted.trunk
        first, last = self._ports.media
        return {
            "ARI_PORT": str(self._ports.tcp),
            "SIP_BIND": "127.0.0.1",
            "SIP_PORT": str(self._ports.udp),
            "RTP_START": str(first),
            "RTP_END": str(last),
            "TRUNK_HOST": host,
            "TRUNK_PORT": str(port),
        }

    def _program_folders(self) -> str:
        """Where an unpacked Asterisk has its modules and sounds; an installed one knows."""
        folders = self._program.with_name("asterisk.directories")
        return "\n" + folders.read_text() if folders.exists() else ""


def _holds_socket(folder: Path) -> bool:
    """Is a control socket's path in this folder short enough? A longer one is cut, and made somewhere else."""
    return len(os.fsencode(folder / "asterisk.ctl")) <= _LONGEST_SOCKET


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder whose path is short, whatever TMPDIR says."""
    folder = tempfile.TemporaryDirectory(prefix="otpvoice-ast-", ignore_cleanup_errors=True)
    if _holds_socket(Path(folder.name)):
        return folder
    folder.cleanup()
    return tempfile.TemporaryDirectory(prefix="otpvoice-ast-", dir="/tmp", ignore_cleanup_errors=True)
