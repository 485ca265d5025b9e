"""``otpvoice doctor``: look at an installation, print what was found and what to do about it, and say so by exit code.

It needs no running otpvoice, and changes nothing. With ``--call`` it rings somebody, through the one that runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import Final

import uvloop

from otpvoice.cli import address, logged
from otpvoice.cli.doctor_call import place
from otpvoice.cli.doctor_report import Report
from otpvoice.cli.stopping import sigterm_as_sigint
from otpvoice.doctor import CHECKS, Finding, Patient, Status, examine
from otpvoice.doctor.examination import is_meant
from otpvoice.doctor.loop_test import CALL

EX_USAGE: Final = 2
EX_CONFIG: Final = 78
EX_SIGINT: Final = 130


def doctor(
    *,
    only: Sequence[str] = (),
    call: str | None = None,
    url: str | None = None,
    admin_url: str | None = None,
    key: str | None = None,
    as_json: bool = False,
) -> int:
    """Print the report. ``only``: words of checks, or what they begin with. ``call``: ring this number, too.

    ``url``: the hook's, where calls are placed; ``admin_url``: where health is asked for.

    Returns the exit code: 0 where nothing failed (there may be warnings), 1 where something did, 78 where settings are
    wrong, 2 for wrong usage, 130 after Ctrl-C or SIGTERM.
    """
    unknown = [word for word in only if not any(is_meant(check.word, [word]) for check in CHECKS)]
    if unknown:
        words = ", ".join(check.word for check in CHECKS)
        sys.stderr.write(f"there is no check {', '.join(unknown)}; those that there are: {words}\n")
        return EX_USAGE
    if call is None and any(is_meant(CALL.word, [word]) for word in only):
        sys.stderr.write(f"{CALL.word} is looked at by --call TO: it rings somebody\n")
        return EX_USAGE
    report = Report(as_json=as_json)
    health_url = admin_url or address.admin_url(os.environ, url)
    patient = Patient(os.environ, health_url, as_root=os.geteuid() == 0)
    try:
        with sigterm_as_sigint(), logged.to_stderr():
            findings = uvloop.run(_examined(patient, only, report))
            if call is not None:
                for finding in place(call, url=url, key=key, dtmf_mode=_dtmf_mode(findings), tell=report.tell):
                    findings.append(finding)
                    report.add(finding)
    except KeyboardInterrupt:
        sys.stderr.write("stopped; a call that was taken goes on: otpvoice calls\n" if call else "stopped\n")
        return EX_SIGINT
    code = exit_code(findings)
    report.close(code)
    return code


def exit_code(findings: Sequence[Finding]) -> int:
    """Return what the command ends with."""
    failed = [finding for finding in findings if finding.status is Status.FAILED]
    if any(finding.check == "settings" for finding in failed):
        return EX_CONFIG
    return 1 if failed else 0


async def _examined(patient: Patient, only: Sequence[str], report: Report) -> list[Finding]:
    findings: list[Finding] = []
    async for finding in examine(patient, only):
        findings.append(finding)
        report.add(finding)
    return findings


def _dtmf_mode(findings: Sequence[Finding]) -> str:
    return next(_modes(findings), "unknown")


def _modes(findings: Sequence[Finding]) -> Iterator[str]:
    """Of the first trunk; a fault is called after its mode."""
    for finding in findings:
        if finding.check == "trunk":
            if finding.fault.startswith("dtmf_"):
                yield finding.fault.removeprefix("dtmf_")
            elif "dtmf_mode" in finding.details:
                yield str(finding.details["dtmf_mode"])
