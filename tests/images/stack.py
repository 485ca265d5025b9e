"""The compose stack as an admin runs it, with secrets, ports and a network of its own; and questions to the engine.

It is made of a copy of ``docker/``: what whoever works here has set in ``docker/.env`` may be a real trunk. It runs the
commands that the manual says. What it starts ends with ``down``; whoever calls the tests removes the rest.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self

from otpvoice.testkit.ports import PortBlock

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKER: Final = ROOT / "docker"
SECRETS: Final = ("ari_password", "redis_password", "redis_url", "api_key", "secret_key", "webhook_secrets")
FILES: Final = ("compose.yaml", "compose.host.yaml", ".env.example", "make-secrets.sh")
OF_ADMINS: Final = ("TRUNK_", "OTPVOICE_", "LOCAL_NETS", "EXTERNAL_ADDRESS", "COMPOSE_PROFILES", "COMPOSE_FILE")
"""What the shell of whoever works here may have, and no stack of the tests."""
RTP_PORTS: Final = 20
LONGEST: Final = 240.0
"""Seconds for any one command."""


class CommandFailed(Exception):
    """A command of docker's ended otherwise than expected. The message has what it said."""


def run(
    command: Sequence[str | Path],
    *,
    fails: bool = False,
    stdin: str = "",
    environ: dict[str, str] | None = None,
    raw: bool = False,
) -> Any:
    """Return what a command prints, stdout and stderr; ``raw``: stdout alone, as bytes. ``fails``: it has to."""
    done = subprocess.run(
        [str(word) for word in command],
        input=stdin.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if raw else subprocess.STDOUT,
        env=environ,
        timeout=LONGEST,
        check=False,
    )
    if (done.returncode != 0) != fails:
        said = (done.stdout + (done.stderr or b"")).decode(errors="replace")
        raise CommandFailed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said[-4000:]}")
    return done.stdout if raw else done.stdout.decode(errors="replace")


def docker(*words: str | Path, fails: bool = False, stdin: str = "") -> str:
    """Run ``docker …``; return what it prints."""
    return str(run(["docker", *words], fails=fails, stdin=stdin))


def inspect(name: str) -> dict[str, Any]:
    """Return what the engine knows of a container or an image."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", name))
    return found[0]


@dataclass(slots=True)
class Stack:
    """``folder``: for the copy, with ``.env``, secrets and own configuration. ``environ``: what the admin's shell has
    beside the usual. ``project``: what stands behind the project's name, so that two of them can run.

    ``with Stack(…) as stack`` gives its ports back; what was started is ended by ``compose("down")``.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)
    project: str = ""
    _ports: PortBlock = field(default_factory=lambda: PortBlock.claim(RTP_PORTS + 10))

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(DOCKER / name, self.folder / name)
        run([self.folder / "make-secrets.sh"])
        for name in ("asterisk", "otpvoice"):
            (self.folder / "config" / name).mkdir(parents=True)
        self.environ = {
            # Whoever works at this machine may have a stack of his own running.
            "SUBNET": f"10.157.{84 + os.getpid() % 160}.0/24",
            "HTTP_PUBLISH": f"127.0.0.1:{self._ports.tcp}",
            "ADMIN_PUBLISH": f"127.0.0.1:{self._ports.udp + 1}",
            "SIP_PORT": str(self._ports.udp),
            "RTP_START": str(self._ports.media[0]),
            "RTP_END": str(self._ports.media[0] + RTP_PORTS - 1),
            **self.environ,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ports.release()

    @property
    def secrets_folder(self) -> Path:
        return self.folder / "secrets"

    @property
    def secrets(self) -> dict[str, str]:
        """All that was made, by name."""
        return {name: (self.secrets_folder / name).read_text() for name in SECRETS}

    def compose(self, *words: str | Path, fails: bool = False, stdin: str = "", profile: str | None = "demo") -> str:
        """Run ``docker compose …``; return what it prints. Without a profile, ``.env`` says which."""
        return str(run(self._command(profile, *words), fails=fails, stdin=stdin, environ=self._environ))

    def stdout(self, *words: str | Path, stdin: str = "") -> bytes:
        """Run ``docker compose …``; return what it writes to stdout."""
        return bytes(run(self._command("demo", *words), stdin=stdin, environ=self._environ, raw=True))

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run ``docker compose …`` beside what follows; what it prints is in ``stdout``."""
        command = [str(word) for word in self._command("demo", *words)]
        return subprocess.Popen(
            command,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def container(self, service: str) -> str:
        """Return the id of a service's container, running or not."""
        found = self.compose("ps", "--all", "--quiet", service).split()
        assert len(found) == 1, found
        return found[0]

    def inside(self, service: str, *command: str, fails: bool = False) -> str:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", service, *command, fails=fails)

    def record(self, call_id: str) -> dict[str, Any]:
        """Return a call's record, as it lies in the demo's Redis; empty where none does."""
        key = f"otpvoice:{{default}}:call:{call_id}"
        said = self.stdout("exec", "-T", "demo-redis", "redis-cli", "--raw", "get", key).decode()
        return dict(json.loads(said)) if said.strip() else {}

    def set(self, *lines: str, without: Sequence[str] = ()) -> None:
        """Edit ``.env``: these lines are added; those of the variables in ``without`` go."""
        path = self.folder / ".env"
        kept = [line for line in path.read_text().splitlines() if line.split("=")[0] not in without]
        path.write_text("\n".join([*kept, *lines, ""]))

    def _command(self, profile: str | None, *words: str | Path) -> list[str | Path]:
        chosen = ["--profile", profile] if profile is not None else []
        return ["docker", "compose", "--file", self.folder / "compose.yaml", *chosen, *words]

    @property
    def _environ(self) -> dict[str, str]:
        shell = {name: value for name, value in os.environ.items() if not name.startswith(OF_ADMINS)}
        name = os.environ.get("COMPOSE_PROJECT_NAME", "otpvoice-test") + self.project
        return {**shell, "COMPOSE_PROJECT_NAME": name, **self.environ}


def until(stream: IO[str], pattern: str) -> tuple[re.Match[str], str]:
    """Read lines until one matches. Returns the match and all that was read; ``AssertionError`` with it at the end."""
    said: list[str] = []
    for line in stream:
        said.append(line)
        if (match := re.search(pattern, line)) is not None:
            return match, "".join(said)
    raise AssertionError(f"nothing like {pattern} in:\n{''.join(said)}")
