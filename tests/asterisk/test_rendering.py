"""What render.sh makes of templates and values, the same in any POSIX shell; what it refuses, and how it says so."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from otpvoice.testkit.configuration import source_folder

RENDERER = source_folder() / "render.sh"
GIVEN = {"ARI_PASSWORD": "correct-horse-battery", "TRUNK_HOST": "sip.example.net"}
SCRIPT = """
set -eu
umask 077
export LC_ALL=C
. "$1"
read_defaults "$2/defaults.env"
take_environment
render_all "$2" /nonexistent "$3"
printf '%s' "$problems"
"""
SHELLS = [shell for shell in (["dash"], ["bash", "--posix"], ["busybox", "sh"]) if shutil.which(shell[0])]
# What the shipped names can be, by the comment above each.
NUMBER = "must be a number from"
HOST = "must be an IPv4 address or a host name"
NETWORKS = "must be IPv4 addresses or networks, with a comma between"
NAME = "must be of letters, digits and . _ + ~ * % & = $ ! -"
LINE = "must be one line without control characters, and without spaces around it"


def made(source: Path, given: Mapping[str, str], folder: Path) -> dict[str, str] | list[str]:
    """Its files, or what it complains about: the same in each shell."""
    outcomes: list[dict[str, str] | list[str]] = []
    for number, shell in enumerate(SHELLS):
        target = folder / str(number)
        said = subprocess.run(
            [*shell, "-c", SCRIPT, "sh", RENDERER, source, target],
            env={"PATH": os.defpath, **given},
            capture_output=True,
            check=True,
            timeout=20,
        )
        assert said.stderr == b""
        files = {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}
        outcomes.append(said.stdout.decode().splitlines() or {name: text.decode() for name, text in files.items()})
    assert all(outcome == outcomes[0] for outcome in outcomes)
    return outcomes[0]


def refused(given: Mapping[str, str], folder: Path) -> list[str]:
    """What is said of the shipped files, by one shell: the shells are compared elsewhere."""
    environment = {"PATH": os.defpath, **GIVEN, **given}
    done = subprocess.run(
        ["sh", RENDERER, folder], env=environment, capture_output=True, text=True, check=False, timeout=20
    )
    assert done.returncode == (1 if done.stderr else 0)
    assert folder.exists() is not bool(done.stderr)
    return done.stderr.splitlines()


DEFAULTS = "# Names\nONE=1\nEMPTY=\nNEEDED=\n# One of: a, b\n\nFREE=x\n# One of: a, b\nCHOICE=a\nSPACED=  x  \n"


def templates(folder: Path, text: str) -> Path:
    """A small set of templates, with this one among them."""
    made = folder / "templates"
    (made / "choices").mkdir(parents=True)
    (made / "defaults.env").write_text(DEFAULTS)
    (made / "own.conf").write_text(text)
    (made / "choices" / "one_a.conf").write_text('a @ONE@\n#include "choices/one_a.conf"\n')
    (made / "choices" / "one_b.conf").write_text("b @NEEDED@\n")
    return made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one @ONE@ two @ONE@@ONE@ @one@ @ @@ONE@@ @ONE x@ONE@y\n", "one 1 two 11 @one@ @ @1@ @ONE x1y\n"),
        ("gone @EMPTY?@\nstays @ONE?@\n", "stays 1\n"),
        ("gone @ONE@ @EMPTY?@ @ONE?@\n\n  indented\t\n\n", "\n  indented\t\n\n"),
        ("no end @ONE@", "no end 1"),
        ("", ""),
        ("\n", "\n"),
        ("only @EMPTY?@", ""),
        ("@ONE??@ @?@ @ONE?x@ @1@ @A-B@ someone@example.com ${EXTEN} $1 \\n\n", None),
        ("back\\slash \\@ONE@ \\\n", "back\\slash \\1 \\\n"),
        ("\x0b\x0c form feeds\n\u2028 are no ends\n", None),
        ("exten => _X.,1,Dial(PJSIP/${EXTEN}@trunk) ; someone@example.com @lower@\n", None),
        (';#include "choices/one_b.conf"\n#include "choices/../own.conf"\n#include "elsewhere.conf"\n', None),
    ],
)
def test_only_placeholders_are_replaced(text: str, expected: str | None, tmp_path: Path) -> None:
    """None: it stays as it is."""
    files = made(templates(tmp_path, text), {"SPACED": "y"}, tmp_path)
    assert files == {"own.conf": text if expected is None else expected}


def test_a_choice_counts_where_it_is_included_and_one_that_is_not_there_does_not(tmp_path: Path) -> None:
    text = '#include "choices/one_@CHOICE@.conf"\n#tryinclude "choices/none.conf"\n'
    small = templates(tmp_path, text)
    files = made(small, {"SPACED": "y"}, tmp_path / "a")
    assert isinstance(files, dict)
    assert files["choices/one_a.conf"] == 'a 1\n#include "choices/one_a.conf"\n'
    assert files.keys() == {"own.conf", "choices/one_a.conf"}
    assert made(small, {"SPACED": "y", "CHOICE": "b"}, tmp_path / "b") == ["NEEDED must be given"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("@NEEDED@\n", "NEEDED must be given"),
        ("@UNKNOWN@\n", "@UNKNOWN@ is not in asterisk/defaults.env"),
        ("@SPACED@\n", f"SPACED {LINE}"),
    ],
)
def test_a_template_that_cannot_be_rendered_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    given = {} if "SPACED" in text else {"SPACED": "y"}
    assert made(templates(tmp_path, text), given, tmp_path) == [complaint]


HOSTILE = [
    ("plain", "plain"),
    ("a;b", "a\\;b"),
    ("a\\;b;;--c;", "a\\\\;b\\;\\;--c\\;"),
    ("a[b", "a[b"),
    ("a]b", "a]b"),
    ("line\nfeed", None),
    ("carriage\rreturn", None),
    ("tab\tinside", None),
    ("bell\x07", None),
    ("delete\x7f", None),
    (" before", None),
    ("behind ", None),
    ("in the middle", "in the middle"),
    ("$HOME ${HOME} `id` $(id)", "$HOME ${HOME} `id` $(id)"),
    ("\\1 & \\n \\\\", "\\1 & \\n \\\\"),
    ("* ? [a-z]", "* ? [a-z]"),
    ("'\"", "'\""),
    ("%s %d %%", "%s %d %%"),
    ("@ONE@ @ @@ @NO_SUCH_NAME@ @EMPTY?@", "@ONE@ @ @@ @NO_SUCH_NAME@ @EMPTY?@"),
    ("-n -e", "-n -e"),
    ('#include "choices/one_a.conf"', '#include "choices/one_a.conf"'),
    ("=> = ,", "=> = ,"),
    ("pässwörd ✓", "pässwörd ✓"),
    ("x" * 3000, "x" * 3000),
]


@pytest.mark.parametrize("text", ["x=@NEEDED@\n", "x=@NEEDED?@\n"])
def test_a_value_is_written_as_asterisk_reads_it_or_refused(text: str, tmp_path: Path) -> None:
    small = templates(tmp_path, text)
    for number, (value, expected) in enumerate(HOSTILE):
        (tmp_path / str(number)).mkdir()
        outcome = made(small, {"NEEDED": value, "SPACED": "y"}, tmp_path / str(number))
        if expected is None:
            assert outcome == [f"NEEDED {LINE}"]
        else:
            assert outcome == {"own.conf": f"x={expected}\n"}


UNFIT = [
    ("TRUNK_KIND", "both", "must be one of: ip, password, register"),
    ("TRUNK_KIND", "ip, password", "must be one of: ip, password, register"),
    ("TRUNK_CODECS", "foo", "must be some of, with a comma between: ulaw, alaw"),
    ("TRUNK_CODECS", "ulaw, alaw", "must be some of, with a comma between: ulaw, alaw"),
    ("TRUNK_CODECS", "ulaw,", "must be some of, with a comma between: ulaw, alaw"),
    ("LOG_LEVELS", "notice,dtmf", "must be some of, with a comma between: notice, warning, error, verbose, debug"),
    ("CONSOLE_LEVELS", "*", "must be some of, with a comma between: notice, warning, error, verbose, debug"),
    ("TRUNK_QUALIFY", "abc", f"{NUMBER} 0 to 86400"),
    ("TRUNK_PORT", "50 60", f"{NUMBER} 0 to 65535"),
    ("SIP_PORT", "99999", f"{NUMBER} 1 to 65535"),
    ("SIP_PORT", "0", f"{NUMBER} 1 to 65535"),
    ("ARI_PORT", "99999999999999999999", f"{NUMBER} 1 to 65535"),
    ("RTP_START", "-1", f"{NUMBER} 1024 to 65535"),
    ("RTP_START", "20000", "RTP_END must be above RTP_START"),
    ("RTP_END", "10000", "must be above RTP_START"),
    ("VERBOSE", "1.5", f"{NUMBER} 0 to 10"),
    ("TRUNK_HOST", "sip:x", HOST),
    ("TRUNK_HOST", "2001:db8::1", HOST),
    ("TRUNK_HOST", "[2001:db8::1]", HOST),
    ("TRUNK_HOST", "192.0.2.256", HOST),
    ("TRUNK_HOST", "192.0.2", HOST),
    ("TRUNK_HOST", "192.0.2.1.1", HOST),
    ("TRUNK_HOST", "sip..example.net", HOST),
    ("TRUNK_PROXY", "proxy.example.net:5070", HOST),
    ("TRUNK_DOMAIN", "a@b", HOST),
    ("SIP_BIND", "::", HOST),
    ("EXTERNAL_ADDRESS", "192.0.2.1,192.0.2.2", HOST),
    ("ARI_PERMIT", "10.157.83.0-24", NETWORKS),
    ("ARI_PERMIT", "10.157.83.0/33", NETWORKS),
    ("LOCAL_NETS", "10.0.0.0/8, 172.16.0.0/12", NETWORKS),
    ("LOCAL_NETS", "10.0.0.0/8,,172.16.0.0/12", NETWORKS),
    ("LOCAL_NETS", "10.0.0.0/255.0.0", NETWORKS),
    ("TRUNK_USER", "account@sip.example.net", NAME),
    ("TRUNK_CALLER_ID", '"x" <sip:y>', NAME),
    ("ARI_USER", "a]b", NAME),
    ("SYSTEM_NAME", "a/b", NAME),
    ("ENTITY_ID", "a\tb", LINE),
]


@pytest.mark.parametrize(("name", "value", "complaint"), UNFIT)
def test_what_asterisk_would_misread_is_refused(name: str, value: str, complaint: str, tmp_path: Path) -> None:
    said = refused({name: value}, tmp_path / "made")
    assert said == [complaint if complaint.startswith("RTP_") else f"{name} {complaint}"]


def test_what_it_reads_is_not(tmp_path: Path) -> None:
    given = {
        "ARI_PERMIT": "127.0.0.1,10.157.83.0/24,192.168.0.0/255.255.0.0,0.0.0.0/0",
        "TRUNK_HOST": "sip-1.example_net.",
        "TRUNK_PORT": "0",
        "TRUNK_CODECS": "alaw,ulaw",
        "TRUNK_CALLER_ID": "+15550199",
        "RTP_START": "65534",
        "RTP_END": "65535",
        "LOG_LEVELS": "notice",
        "SYSTEM_NAME": "node-1.example",
    }
    assert refused(given, tmp_path / "made") == []


def test_all_that_is_wrong_is_said_at_once_and_no_value_with_it(tmp_path: Path) -> None:
    given = {"TRUNK_KIND": "register", "TRUNK_TRANSPORT": "sctp", "TRUNK_HOST": "a;b", "SYSTEM_NAME": "[x]"}
    assert made(source_folder(), given, tmp_path) == [
        "ARI_PASSWORD must be given",
        f"TRUNK_HOST {HOST}",
        "TRUNK_TRANSPORT must be one of: udp, tcp, tls",
        "TRUNK_USER must be given",
        "TRUNK_PASSWORD must be given",
        f"SYSTEM_NAME {NAME}",
    ]


@pytest.mark.parametrize(("name", "value", "_"), [UNFIT[n] for n in (1, 3, 10, 13, 18, 26, 28, 33)])
def test_the_shells_refuse_the_same(name: str, value: str, _: str, tmp_path: Path) -> None:
    assert isinstance(made(source_folder(), {**GIVEN, name: value}, tmp_path), list)


def test_the_shells_make_the_same_of_the_shipped_files(tmp_path: Path) -> None:
    account = {"TRUNK_KIND": "register", "TRUNK_TRANSPORT": "tls", "TRUNK_USER": "account", "TRUNK_PASSWORD": "a;b"}
    files = made(source_folder(), {**GIVEN, **account}, tmp_path)
    assert isinstance(files, dict)
    assert {"choices/pjsip_trunk_register.conf", "choices/pjsip_transport_tls.conf"} < files.keys()
    assert not any("@TRUNK" in text or "?@" in text for text in files.values())


def test_an_admin_renders_a_folder_for_asterisks_user(tmp_path: Path) -> None:
    """And never over what is there."""
    password = tmp_path / "password"
    password.write_text("correct-horse-battery\n")
    environment = {"PATH": os.defpath, "TRUNK_HOST": GIVEN["TRUNK_HOST"], "ARI_PASSWORD_FILE": str(password)}

    def run(**more: str) -> tuple[int, str]:
        done = subprocess.run(
            [RENDERER, tmp_path / "made"],
            env=environment | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        return done.returncode, done.stdout + done.stderr

    assert run(TRUNK_HOST="a;b") == (1, f"TRUNK_HOST {HOST}\n")
    assert not (tmp_path / "made").exists()
    assert run() == (0, "")
    files = [path for path in (tmp_path / "made").rglob("*") if path.is_file()]
    assert "\npassword = correct-horse-battery\n" in (tmp_path / "made" / "ari.conf").read_text()
    assert {path.stat().st_mode & 0o077 for path in [tmp_path / "made", *files]} == {0}
    assert run() == (2, "usage: render.sh FOLDER, which is not there yet\n")
