"""Settings: what holds where nothing is set, what may be set, and what is said of all that is wrong."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otpvoice.core.actions import BasicAuth, BearerAuth, SignatureAuth, Stream, StreamAuth
from otpvoice.core.secret import Secret
from otpvoice.settings import (
    AccountSettings,
    Bind,
    Legs,
    LimitSettings,
    Settings,
    SettingsError,
    StreamAuthSettings,
    StreamSettings,
    TrunkSettings,
)
from otpvoice.settings.assembly import ACCOUNT, TRUNK
from otpvoice.settings.model import KEYS
from otpvoice.settings.scenarios import scenarios_in
from otpvoice.trust.addresses import parse_allow
from otpvoice.trust.signing_secret import parse_secret

PASSWORD = "correct horse battery"
KEY = "0123456789abcdef0123456789abcdef"
SECRET = base64.b64encode(bytes(range(32))).decode()


def whsec(first: int = 0, size: int = 32) -> str:
    """Make a secret of webhooks."""
    return "whsec_" + base64.b64encode(bytes(range(first, first + size))).decode()


SIGNING, NEXT_SIGNING = whsec(), whsec(100)
HOOK = "https://otp.example/hooks/secret-path"
UNLIMITED = (
    "the account {} has no limit per destination: a loop in an application can ring one phone again and again"
    " (for example: limits = {{ destination_calls_per_10_minutes = 5 }})"
)

LEAST = {
    "OTPVOICE_ARI_PASSWORD": PASSWORD,
    "OTPVOICE_TRUNK": "PJSIP/{number}@trunk",
    "OTPVOICE_API_KEYS": KEY,
    "OTPVOICE_REDIS_URL": "redis://127.0.0.1:6379/0",
    "OTPVOICE_ALLOW_DESTINATIONS": "+44",
    "OTPVOICE_INSTANCE": "otp-1",
}
DEV = {"OTPVOICE_DEV": "1", "OTPVOICE_TRUNK": "PJSIP/{number}@trunk"}


def load(**variables: str) -> Settings:
    """Load what is needed and these."""
    return Settings.load(LEAST | {f"OTPVOICE_{name}": value for name, value in variables.items()})


def told(settings: Settings) -> tuple[str, ...]:
    """The sentences of the warnings, but for the one that there is no key, which few tests set."""
    return tuple(str(warning) for warning in settings.warnings if warning.word != "no_secret_key")


def problems(environ: dict[str, str]) -> dict[str, str]:
    """Return what is said, by the name of what is wrong."""
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    return {problem.name: problem.rule for problem in error.value.problems}


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Write a file; return the variable that names it."""

    def write(text: str) -> dict[str, str]:
        path = tmp_path / "otpvoice.toml"
        path.write_text(text)
        return {"OTPVOICE_CONFIG": str(path)}

    return write


def digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_what_holds_where_little_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(6))
    settings = load()
    assert settings.model_dump(exclude={"accounts", "trunks"}) == {
        "dev": False,
        "ari_url": "http://127.0.0.1:8088",
        "ari_user": "otpvoice",
        "ari_app": "otpvoice",
        "instance": "otp-1",
        "http_bind": ("127.0.0.1", 8080),
        "admin_bind": None,
        "allow_destinations": ("+44",),
        "deny_destinations": (),
        "local_numbers": None,
        "url_allow": (),
        "voice": "espeak",
        "fallback_voices": ("espeak",),
        "language": "en-US",
        "lead_in": 0.4,
        "tail": 0.6,
        "prompts_dir": None,
        "locales_dir": None,
        "recordings_dir": None,
        "asterisk_sounds": None,
        "piper_dir": None,
        "piper": "piper",
        "gtts": False,
        "speech_cache": None,
        "speech_cache_size": 256,
        "warm_up": ("en-US",),
        "brands": (),
        "speech_workers": 3,
        "scenarios_dir": None,
        "media_legs": (8, 400),
        "summary_ttl": 604_800,
        "drain_timeout": 60,
        "log": None,
        "log_level": "info",
        "later": (),
    }
    assert (settings.dev_key, settings.secret_key) == (None, None)
    (trunk,) = settings.trunks
    assert (trunk.name, trunk.dial, trunk.caller_ids) == ("default", "PJSIP/{number}@trunk", ())
    assert (trunk.codec, trunk.ring_timeout) == ("ulaw", 45)
    assert (trunk.calls_per_second, trunk.max_calls, trunk.queue_seconds) == (None, None, 30)
    (account,) = settings.accounts
    assert (account.id, account.trunks, account.allow_destinations) == ("default", ("default",), ("+44",))
    assert account.key_digests == (digest(KEY),)
    assert (account.webhook_url, account.webhook_secrets) == (None, ())
    assert (account.event_url, account.terminator_included, account.stops_at_first_key) == (None, False, True)
    assert account.limits.model_dump() == dict.fromkeys(LimitSettings.model_fields)
    assert told(settings) == (UNLIMITED.format("default"),)


@pytest.mark.parametrize(("host", "fine"), [("host.example", True), ("höst", False), ("", False)])
def test_the_instance_is_called_like_the_host(monkeypatch: pytest.MonkeyPatch, host: str, *, fine: bool) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    environ = {name: value for name, value in LEAST.items() if name != "OTPVOICE_INSTANCE"}
    if fine:
        assert Settings.load(environ).instance == host
    else:
        assert problems(environ).keys() == {"OTPVOICE_INSTANCE"}


def test_in_development_only_a_trunk_is_needed() -> None:
    settings = Settings.load(DEV)
    assert settings.redis_url is None
    assert settings.ari_password.reveal() == ""
    assert settings.dev_key is not None
    assert settings.accounts[0].key_digests == (digest(settings.dev_key.reveal()),)
    assert settings.secret_key is not None
    assert len(base64.b64decode(settings.secret_key.reveal())) == 32
    assert [warning.word for warning in settings.warnings] == ["dev", "any_destination", "no_redis", "no_limit"]


def test_what_is_made_up_is_made_up_anew_each_time() -> None:
    one, other = Settings.load(DEV), Settings.load(DEV)
    assert one.dev_key != other.dev_key
    assert one.secret_key != other.secret_key


def test_in_development_what_is_set_is_taken() -> None:
    settings = Settings.load(DEV | {"OTPVOICE_API_KEYS": "short", "OTPVOICE_ARI_PASSWORD": "otpvoice"})
    assert settings.dev_key is None
    assert settings.accounts[0].key_digests == (digest("short"),)


def test_all_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load({})
    assert str(error.value).splitlines() == [
        "5 settings are wrong:",
        "  OTPVOICE_ARI_PASSWORD is required (for example: the output of: openssl rand -hex 32)",
        "  OTPVOICE_TRUNK is required (for example: PJSIP/{number}@trunk)",
        "  OTPVOICE_API_KEYS is required (for example: the output of: openssl rand -hex 32)",
        "  OTPVOICE_ALLOW_DESTINATIONS is required: the prefixes of numbers that may be called (for example: +44 +353)",
        "  OTPVOICE_REDIS_URL is required: without it calls are lost with this process (for example: redis://127.0.0.1:6379/0)",
    ]


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("ari_url", "https://[::1]:8089/", "https://[::1]:8089"),
        ("ari_user", "a user", "a user"),
        ("ari_app", "otp.voice-2", "otp.voice-2"),
        ("instance", "host-1.example", "host-1.example"),
        ("http_bind", "[::]:80", Bind("::", 80)),
        ("http_bind", "otp.example:0", Bind("otp.example", 0)),
        ("admin_bind", "0.0.0.0:65535", Bind("0.0.0.0", 65_535)),
        ("allow_destinations", "+44, +353,+1  +44", ("+44", "+353", "+1")),
        ("allow_destinations", "GB, JM +1876", ("GB", "JM", "+1876")),
        ("deny_destinations", "+447700900", ("+447700900",)),
        ("local_numbers", "1[0-9]{3}", re.compile("1[0-9]{3}", re.ASCII)),
        ("url_allow", "Hooks.corp.example, *.corp.example", ("hooks.corp.example", "*.corp.example")),
        ("url_allow", "10.20.0.0/16 10.20.0.1/32 fd00:AB::/48", ("10.20.0.0/16", "10.20.0.1", "fd00:ab::/48")),
        ("url_allow", "127.0.0.1 ::1 169.254.169.254 fe80::1", ("127.0.0.1", "::1", "169.254.169.254", "fe80::1")),
        ("url_allow", "xn--hst-sna.example my_host.example a a", ("xn--hst-sna.example", "my_host.example", "a")),
        ("voice", "espeak:en-gb+f3", "espeak:en-gb+f3"),
        ("voice", "flite:slt", "flite:slt"),
        ("fallback_voices", "flite, espeak:de  espeak flite", ("flite", "espeak:de", "espeak")),
        ("language", "zh-Hant-TW", "zh-Hant-TW"),
        ("piper", "/opt/piper 1.2/piper", "/opt/piper 1.2/piper"),
        ("piper", "piper-tts", "piper-tts"),
        ("gtts", "yes", True),
        ("speech_cache", "/no/such/folder/yet/", Path("/no/such/folder/yet")),
        ("speech_cache_size", "16", 16),
        ("speech_cache_size", " 100000 ", 100_000),
        ("warm_up", "de pt-BR,de", ("de", "pt-BR")),
        ("brands", "Acme Bank, Acme Bank ,, Zażółć & Söhne,", ("Acme Bank", "Zażółć & Söhne")),
        ("brands", "x" * 30, ("x" * 30,)),
        # As in requests (dialects.spoken_text): letters composed, and without what nobody hears.
        ("brands", "Cafe\u0301, Caf\u00e9\u200e, \u200e", ("Caf\u00e9",)),
        ("speech_workers", "16", 16),
        ("lead_in", "0", 0),
        ("tail", "10", 10),
        ("media_legs", "1:1", Legs(1, 1)),
        ("summary_ttl", "3600", 3600),
        ("drain_timeout", "0.5", 0.5),
        ("log", "console", "console"),
        ("log_level", "debug", "debug"),
        ("dev", "off", False),
    ],
)
def test_values_that_are_fine(name: str, value: str, expected: object) -> None:
    assert getattr(load(**{name.upper(): value}), name) == expected


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("dev", ["2", "maybe"]),
        ("ari_url", ["asterisk:8088", "ftp://a", "http://", "http://a:0", "http://a:x", "http://a/ari", "http://a?b"]),
        ("ari_url", ["http://a:8088?", "http://a:8088/#", "http://@a:8088"]),
        ("ari_url", ["http://user:secret@a:8088", "http://a b", "http://[::1", "http://a:99999"]),
        ("ari_user", ["a:b", "a\nb"]),
        ("ari_password", ["asterisk", "ARI", "otpvoice", "fifteen letters", "a\nlong enough password"]),
        ("ari_app", ["a,b", "a b", "-a", "é", "x" * 65]),
        ("instance", ["a,b", "a/b", "a-leg", "a-leg-1", "-"]),
        ("trunk", ["trunk", "PJSIP/trunk", "PJSIP/{number}", "x"][:2]),
        ("trunk", ["PJSIP/{number}@a&PJSIP/b", "PJSIP/{number}@a,30", "PJSIP/{number} @a", "PJSIP/{number}\t@a"]),
        (
            "trunk",
            ["Local/{number}@internal", "local/{number}", "PJSIP/{to}@a", "PJSIP/{number}@{host}", "PJSIP/{number"],
        ),
        ("trunk", ["PJSIP/${EXTEN}{number}", "/{number}", "PJSIP/{number}" + "a" * 200]),
        ("caller_ids", ["Acme", "+44 20 7946", "+442079460000000000", "<1000>"][:1]),
        ("api_keys", ["short", "x" * 19, "x" * 201, "kéy-of-twenty-characters"]),
        ("api_keys", [" ".join(letter * 20 for letter in "abc")]),
        ("api_keys", [" ".join(f"otp_test_{letter * 20}" for letter in "abc")]),
        ("api_keys", [f"{'a' * 20} otp_test_{'a' * 20} {'b' * 20} {'c' * 20}"]),
        ("secret_key", ["x", base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(32)).decode(), "!" * 44]),
        ("redis_url", ["127.0.0.1:6379", "http://a", "redis://", "unix://", "redis://a:port", "redis://a:0"]),
        ("redis_url", ["redis://:p@s/s#w:1%@127.0.0.1:7701/0", "redis://:x@d0r3secret/y@127.0.0.1/0", "redis://a/0#"]),
        ("redis_url", ["redis://:p?x@a/0", "redis://:1?x@a/0", "redis://s:1?x@a/0", "redis://a/b", "redis://a/0/1"]),
        ("redis_url", ["unix://:p/w@/run/redis.sock", "unix://u@/run/redis.sock#", "redis://:p[@a/0"]),
        ("http_bind", ["8080", ":8080", "a:65536", "a:-1", "a:", "::1:80", "http://a:80", "a b:80", "[]:80", "a:８０"]),
        ("admin_bind", ["a"]),
        ("allow_destinations", ["44", "+", "+0", "+44x", "UK", "gb", "+1234567890123456", "*"]),
        ("deny_destinations", ["447"]),
        ("local_numbers", ["(", ".*", "[0-9]+", r"\d{3,}", "a{99999999999}"]),
        ("url_allow", ["https://hooks.example", "hooks.example:443", "hooks.example/path", "user@hooks.example"]),
        ("url_allow", ["*", "*.", "*.*.example", "a.*.example", "-a.example", "a..example", "hooks.example.", "höst"]),
        ("url_allow", ["a" * 64, ".".join(["a" * 60] * 5), "[::1]", "fe80::1%eth0", "10.20.0.1/16", "10.0.0.0/33"]),
        ("url_allow", ["10.1", "0x7f.1", "2130706433", "0177.0.0.1", "256.0.0.1", "a.0x7f000001"]),
        ("url_allow", ["127.0.0.0/8", "::/0x", "169.254.0.0/16", "fe80::/10", "localhost", "a.localhost"]),
        ("url_allow", ["*.localhost", "224.0.0.1", "ff02::/16", "0.0.0.0", "::"]),
        ("url_allow", ["255.255.255.255", "0.0.0.0/8", "fd00:ec2::/48", "::1/127", "-", "10.0.0.1 10.1/16"]),
        ("webhook_url", ["hooks.example", "ftp://hooks.example", "https://", "https://a:0", "https://a:port", "//a"]),
        ("webhook_url", ["https://user@a", "https://user:pw@a", "https://a/#x", "https://a/#", "https://a b/c"]),
        ("webhook_url", ["https://[::1", "https://höst", "https://a/\nb", f"https://a/{'b' * 2000}"]),
        (
            "webhook_url",
            ["https://a./", "https://127.1/", "https://0x7f000001/", "https://a/%zz", "https://a\\b/", "https://-a/"],
        ),
        ("webhook_secrets", ["secret", "whsec_", "whsec_abc", whsec(size=23), whsec(size=65), f"{SIGNING}x"]),
        ("webhook_secrets", [SIGNING.removeprefix("whsec_"), SIGNING.upper(), f"{SIGNING} {whsec(size=8)}"]),
        ("webhook_secrets", ["whsec_" + base64.b64encode(bytes(32)).decode()]),
        ("voice", ["Espeak", "espeak:", "a b", "../x", "festival", "espeak:../x", "gtts:" + "x" * 65]),
        ("fallback_voices", ["espeak festival", "espeak:", "none"]),
        ("piper", ["-m", "bin/piper", "./piper", "/opt/piper/", "a b", "piper;x", "/"]),
        ("gtts", ["maybe"]),
        ("speech_cache", ["cache", "./cache", "/", "/var/../cache", "/a\nb"]),
        ("speech_cache_size", ["15", "100001", "-16", "1e3", "256MB", "25.6", "２５６"]),
        ("warm_up", ["english!", "de e", "en_US.UTF-8"]),
        ("brands", ["x" * 31, "Acme {code}", "Acme}", "a\nb", "a\x07", ",".join(map(str, range(51)))]),
        ("speech_workers", ["0", "17", "1.5", "two"]),
        ("language", ["english!", "e", "en_US.UTF-8", "x" * 40]),
        ("lead_in", ["-0.1", "5.1", "nan", "inf", "a", "1s"]),
        ("tail", ["10.1"]),
        ("media_legs", ["8", "0:8", "8:4", "a:b", "1:10000", "-1:1"]),
        ("summary_ttl", ["59", "31536001"]),
        ("drain_timeout", ["-1", "3601"]),
        ("log", ["text", "JSON"]),
        ("log_level", ["trace", "INFO"]),
    ],
)
def test_values_that_are_not(name: str, values: list[str]) -> None:
    variable = f"OTPVOICE_{name.upper()}"
    for value in values:
        with pytest.raises(SettingsError) as error:
            Settings.load(LEAST | {variable: value})
        assert [problem.name for problem in error.value.problems] == [variable], value
        assert all(problem.example for problem in error.value.problems)


def test_the_user_s_name_is_no_password() -> None:
    name = "a-name-of-more-than-16"
    assert problems(LEAST | {"OTPVOICE_ARI_USER": name, "OTPVOICE_ARI_PASSWORD": name.upper()}).keys() == {
        "OTPVOICE_ARI_PASSWORD"
    }


def test_local_channels_are_for_development() -> None:
    assert Settings.load(DEV | {"OTPVOICE_TRUNK": "Local/{e164}@demo"}).trunks[0].dial == "Local/{e164}@demo"


def test_both_alphabets_of_base64_are_read() -> None:
    key = bytes(range(224, 256))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        settings = load(SECRET_KEY=encode(key).decode())
        assert settings.secret_key is not None
        assert base64.b64decode(settings.secret_key.reveal()) == key


@pytest.mark.parametrize(
    "allowed",
    ["hooks.corp.example *.corp.example", "10.20.0.0/16 fd00:ab::/48 192.168.1.1", "127.0.0.1 ::1 169.254.169.254"],
)
def test_what_may_be_reached_is_understood_where_it_is_needed(allowed: str) -> None:
    assert parse_allow(load(URL_ALLOW=allowed).url_allow) == parse_allow(allowed.split())


def test_several_keys_are_several_digests() -> None:
    assert load(API_KEYS=f"{KEY},{KEY[::-1]}").accounts[0].key_digests == (digest(KEY), digest(KEY[::-1]))


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(LEAD_IN="", LOG=" ", LOCAL_NUMBERS="").lead_in == 0.4
    assert problems(LEAST | {"OTPVOICE_TRUNK": ""}).keys() == {"OTPVOICE_TRUNK"}


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("OTPVOICE_ALOW_DESTINATIONS", "did you mean OTPVOICE_ALLOW_DESTINATIONS?"),
        ("OTPVOICE_", "is not a setting"),
        ("OTPVOICE_XYZZY", "is not a setting"),
        ("OTPVOICE_log", "is not a setting"),
        ("OTPVOICE_VOICE_FILE", "did you mean OTPVOICE_VOICE?"),
    ],
)
def test_a_name_that_there_is_not_is_an_error(name: str, said: str) -> None:
    assert said in problems(LEAST | {name: "1"})[name]


@pytest.mark.parametrize(
    "name",
    [
        "OTPVOICE_PORT",
        "OTPVOICE_SERVICE_HOST",
        "OTPVOICE_SERVICE_PORT_HTTP",
        "OTPVOICE_PORT_8080_TCP_ADDR",
        "OTPVOICE_CODE",
        "OTPVOICE_URL",
        "OTPVOICE_KEY_FILE",
        "OTPVOICES",
        "PATH",
    ],
)
def test_names_that_others_use_are_left_alone(name: str) -> None:
    assert Settings.load(LEAST | {name: "tcp://10.0.0.1:8080"}) == load()


@pytest.mark.parametrize(
    "name", ["prompts_dir", "locales_dir", "recordings_dir", "asterisk_sounds", "piper_dir", "scenarios_dir"]
)
def test_a_folder_is_one_that_can_be_read(tmp_path: Path, name: str) -> None:
    assert getattr(load(), name) is None
    assert getattr(load(**{name.upper(): str(tmp_path)}), name) == tmp_path
    (tmp_path / "file").touch()
    variable = f"OTPVOICE_{name.upper()}"
    for wrong in ("file", "missing", "file/below", "a" * 300):
        assert problems(LEAST | {variable: str(tmp_path / wrong)}) == {variable: "must be a folder that can be read"}


# --- voices -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("voice", "needs", "rule", "value"),
    [
        ("piper", "PIPER_DIR", "is required for the voice piper", "."),
        ("piper:de_DE-thorsten-medium", "PIPER_DIR", "is required for the voice piper", "."),
        ("gtts", "GTTS", "must be 1 for the voice gtts", "1"),
        ("recorded", "RECORDINGS_DIR", "or OTPVOICE_ASTERISK_SOUNDS is required for the voice recorded", "."),
        ("recorded:de", "RECORDINGS_DIR", "is required for the voice recorded:…", "."),
        ("recorded:asterisk-fr", "ASTERISK_SOUNDS", "is required for the voice recorded:asterisk-…", "."),
    ],
)
def test_a_voice_that_is_named_has_what_it_needs(voice: str, needs: str, rule: str, value: str) -> None:
    for name in ("VOICE", "FALLBACK_VOICES"):
        said = problems(LEAST | {f"OTPVOICE_{name}": voice})
        assert said == {f"OTPVOICE_{needs}": f"{rule}, which OTPVOICE_{name} names"}
    assert len(problems(LEAST | {"OTPVOICE_VOICE": voice, "OTPVOICE_FALLBACK_VOICES": f"espeak {voice}"})) == 1
    assert load(VOICE=voice, **{needs: value}).voice == voice


@pytest.mark.parametrize(
    ("voice", "fine"), [("recorded", True), ("recorded:asterisk-en", True), ("recorded:en", False)]
)
def test_asterisk_s_prompts_are_recordings_but_not_own_ones(tmp_path: Path, voice: str, *, fine: bool) -> None:
    environ = LEAST | {"OTPVOICE_VOICE": voice, "OTPVOICE_ASTERISK_SOUNDS": str(tmp_path)}
    if fine:
        assert Settings.load(environ).asterisk_sounds == tmp_path
    else:
        assert problems(environ).keys() == {"OTPVOICE_RECORDINGS_DIR"}


def test_what_a_voice_lacks_is_said_with_an_example_and_the_place_that_names_it(
    toml: Callable[[str], dict[str, str]],
) -> None:
    environ = LEAST | toml('fallback_voices = ["flite", "piper"]')
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    assert str(error.value).partition("\n  ")[2] == (
        f"OTPVOICE_PIPER_DIR is required for the voice piper, which {environ['OTPVOICE_CONFIG']}: fallback_voices names"
        " (for example: /srv/otpvoice/piper)"
    )


def test_no_voice_need_stand_in_and_nothing_need_be_made_ahead(toml: Callable[[str], dict[str, str]]) -> None:
    settings = Settings.load(LEAST | toml('fallback_voices = []\nwarm_up = []\nbrands = ["Acme, Inc."]'))
    assert (settings.fallback_voices, settings.warm_up, settings.brands) == ((), (), ("Acme, Inc.",))


def test_what_is_made_ahead_is_the_language_that_is_spoken() -> None:
    assert load(LANGUAGE="pt-BR").warm_up == ("pt-BR",)
    assert problems(LEAST | {"OTPVOICE_LANGUAGE": "e"}).keys() == {"OTPVOICE_LANGUAGE"}, "said once"


@pytest.mark.parametrize(("cores", "workers"), [(1, 1), (2, 1), (3, 1), (4, 2), (7, 3), (8, 4), (128, 4)])
def test_how_many_finish_speech_depends_on_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int, workers: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(cores))
    assert load().speech_workers == workers


def test_numbers_and_texts_of_a_file_are_what_they_are(toml: Callable[[str], dict[str, str]]) -> None:
    assert Settings.load(LEAST | toml("speech_cache_size = 1000")).speech_cache_size == 1000
    environ = toml(
        'speech_cache_size = 16.5\nspeech_workers = true\nbrands = [1]\nwarm_up = 5\npiper = ["a"]\nvoice = 1'
    )
    file = environ["OTPVOICE_CONFIG"]
    assert problems(LEAST | environ) == {
        f"{file}: speech_cache_size": "must be a whole number from 16 to 100000",
        f"{file}: speech_workers": "must be a whole number from 1 to 16",
        f"{file}: brands": "must be a list of texts",
        f"{file}: warm_up": "must be BCP 47 language tags",
        f"{file}: piper": "must be the name of a program, or its whole path",
        f"{file}: voice": "must be engine, or engine:voice, the engine one of espeak, flite, piper, gtts, recorded",
    }


def test_a_cache_that_can_be_written_or_made_is_not_remarked_on(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "made" / "later"):
        assert told(load(SPEECH_CACHE=str(folder))) == (UNLIMITED.format("default"),)
    assert list(tmp_path.iterdir()) == [], "it is made by whoever writes to it"


@pytest.mark.parametrize(
    ("folder", "access", "reason"),
    [
        ("file", True, "{} is no folder"),
        ("file/below", True, "{} is no folder"),
        ("folder", False, "{} can't be written"),
        ("folder/below", False, "{} can't be written"),
        ("a" * 300, True, "it can't be looked at: File name too long"),
    ],
)
def test_a_cache_that_can_not_be_written_is_remarked_on_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, reason: str, *, access: bool
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    if not access:  # root may do everything
        monkeypatch.setattr("os.access", lambda *_: False)
    settings = load(SPEECH_CACHE=str(tmp_path / folder))
    there = tmp_path / folder.removesuffix("/below")
    assert [str(one) for one in settings.warnings if one.word == "speech_cache"] == [
        f"OTPVOICE_SPEECH_CACHE can't be used, speech is kept in memory only: {reason.format(there)}"
    ]


# --- keys and their successors ----------------------------------------------------------------------------------------


def test_two_keys_at_a_time_and_two_for_tests() -> None:
    keys = ["a" * 20, "b" * 20, "otp_test_" + "a" * 20, "otp_test_" + "b" * 20]
    assert load(API_KEYS=" ".join([*keys, keys[0]])).accounts[0].key_digests == tuple(map(digest, keys))


def test_of_digests_nobody_can_see_what_they_are_for(toml: Callable[[str], dict[str, str]]) -> None:
    hexadecimal = [digest(key).hex() for key in "abcde"]

    def environ(count: int) -> dict[str, str]:
        # In capitals it is the same one.
        keys = [*hexadecimal[:count], hexadecimal[0].upper()]
        return toml(TABLES.replace(f'keys = ["{digest("bank").hex()}"]', f"keys = {keys}"))

    assert Settings.load(environ(4)).accounts[1].key_digests == tuple(map(digest, "abcd"))
    said = problems(environ(5))
    assert list(said.values()) == ["must be at most 4 digests: 2 keys, for rotation, and 2 test keys"]


# --- webhooks ---------------------------------------------------------------------------------------------------------


def revealed(account: AccountSettings) -> list[str]:
    return [secret.reveal() for secret in account.webhook_secrets]


@pytest.mark.parametrize(
    "url", [HOOK, "http://10.0.0.5:8080", "https://[::1]:8443/a?b=c%20d", "http://localhost/", "http://a:6379/"]
)
def test_reports_go_where_the_administrator_says(url: str) -> None:
    (account,) = load(WEBHOOK_URL=url, WEBHOOK_SECRETS=f"{NEXT_SIGNING} {SIGNING}").accounts
    assert account.webhook_url == url
    assert revealed(account) == [NEXT_SIGNING, SIGNING], "the new one first"


def test_reports_are_signed() -> None:
    with pytest.raises(SettingsError) as error:
        load(WEBHOOK_URL=HOOK)
    assert str(error.value).partition("\n  ")[2] == (
        "OTPVOICE_WEBHOOK_SECRETS is required where there is a webhook_url: every report is signed"
        " (for example: whsec_$(openssl rand -base64 32))"
    )
    assert revealed(load(WEBHOOK_SECRETS=SIGNING).accounts[0]) == [SIGNING], "calls may have addresses of their own"


def test_an_address_that_is_wrong_wants_no_secrets() -> None:
    assert problems(LEAST | {"OTPVOICE_WEBHOOK_URL": "nowhere"}).keys() == {"OTPVOICE_WEBHOOK_URL"}


@pytest.mark.parametrize("size", [24, 64])
def test_the_shortest_and_the_longest_secret(size: int) -> None:
    assert revealed(load(WEBHOOK_SECRETS=whsec(size=size)).accounts[0]) == [whsec(size=size)]


def test_a_secret_may_be_written_without_its_padding() -> None:
    (secret,) = load(WEBHOOK_SECRETS=SIGNING.rstrip("=")).accounts[0].webhook_secrets
    assert parse_secret(secret.reveal()) == parse_secret(SIGNING)


def test_each_account_has_its_own_webhook(toml: Callable[[str], dict[str, str]]) -> None:
    bank = f'id = "bank"\nwebhook_url = "{HOOK}"\nwebhook_secrets = ["{NEXT_SIGNING}", "{SIGNING}"]'
    environ = toml(TABLES.replace('id = "bank"', bank))
    variables = {
        "OTPVOICE_API_KEYS": "k" * 20,
        "OTPVOICE_WEBHOOK_URL": "http://10.0.0.5/",
        "OTPVOICE_WEBHOOK_SECRETS": SIGNING,
    }
    accounts = Settings.load(environ | variables).accounts
    assert [(account.id, account.webhook_url, revealed(account)) for account in accounts] == [
        ("default", "http://10.0.0.5/", [SIGNING]),
        ("shop", None, []),
        ("bank", HOOK, [NEXT_SIGNING, SIGNING]),
    ]


def test_without_an_account_default_the_variables_belong_nowhere(toml: Callable[[str], dict[str, str]]) -> None:
    variables = {"OTPVOICE_WEBHOOK_URL": HOOK, "OTPVOICE_WEBHOOK_SECRETS": SIGNING}
    rule = "belongs to the account default: there is none"
    assert problems(toml(TABLES) | variables) == dict.fromkeys(variables, rule)


def test_events_of_one_s_own_spelling_need_no_secrets_and_say_how_keys_are_told(
    toml: Callable[[str], dict[str, str]],
) -> None:
    bank = f'id = "bank"\nevent_url = "{HOOK}"\nterminator_included = true\nstops_at_first_key = false'
    variables = {"OTPVOICE_API_KEYS": "k" * 20, "OTPVOICE_EVENT_URL": "http://10.0.0.5/"}
    variables |= {"OTPVOICE_STOPS_AT_FIRST_KEY": "0"}
    settings = Settings.load(toml(TABLES.replace('id = "bank"', bank)) | variables)
    assert [
        (account.id, account.event_url, account.terminator_included, account.stops_at_first_key)
        for account in settings.accounts
    ] == [
        ("default", "http://10.0.0.5/", False, False),
        ("shop", None, False, True),
        ("bank", HOOK, True, False),
    ]
    assert HOOK not in f"{settings!r}{settings.model_dump()}", "it may hold what only its receiver should know"
    for name, wrong in (("EVENT_URL", "ftp://a"), ("TERMINATOR_INCLUDED", "perhaps"), ("STOPS_AT_FIRST_KEY", "2")):
        assert problems(LEAST | {f"OTPVOICE_{name}": wrong}).keys() == {f"OTPVOICE_{name}"}


def test_how_calls_are_told_belongs_to_the_account_default(toml: Callable[[str], dict[str, str]]) -> None:
    names = ("EVENT_URL", "TERMINATOR_INCLUDED", "STOPS_AT_FIRST_KEY")
    variables = {f"OTPVOICE_{name}": HOOK if name == "EVENT_URL" else "1" for name in names}
    rule = "belongs to the account default: there is none"
    assert problems(toml(TABLES) | variables) == dict.fromkeys(variables, rule)


def test_scenarios_are_read_once_and_each_has_to_be_json(tmp_path: Path) -> None:
    (tmp_path / "welcome back.json").write_text('{"callflow": []}')
    (tmp_path / ".hidden.json").write_text("{")
    (tmp_path / "notes.txt").write_text("nothing")
    settings = load(SCENARIOS_DIR=str(tmp_path))
    assert settings.scenarios_dir == tmp_path
    assert scenarios_in(tmp_path) == {"welcome back": b'{"callflow": []}'}
    for text, rule in (
        ("{,", "must hold scenarios as JSON: broken.json is not JSON"),
        ("[]", "must hold scenarios as JSON: broken.json must be an object"),
        ('{"a": "' + "x" * 70_000 + '"}', "must hold scenarios as JSON: broken.json is longer than 65536 bytes"),
    ):
        (tmp_path / "broken.json").write_text(text)
        (found,) = problems(LEAST | {"OTPVOICE_SCENARIOS_DIR": str(tmp_path)}).values()
        assert found.startswith(rule)
    (tmp_path / "broken.json").unlink()
    (tmp_path / "broken.json").symlink_to(tmp_path / "nowhere")
    (found,) = problems(LEAST | {"OTPVOICE_SCENARIOS_DIR": str(tmp_path)}).values()
    assert found == "must hold files that can be read: broken.json: No such file or directory"


def test_there_is_an_end_to_how_many_scenarios_there_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otpvoice.settings.scenarios.MOST", 2)
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.json").write_text("{}")
    rule = {"OTPVOICE_SCENARIOS_DIR": "must hold at most 2 scenarios"}
    assert problems(LEAST | {"OTPVOICE_SCENARIOS_DIR": str(tmp_path)}) == rule


def test_a_variable_wins_over_the_webhook_in_the_file(toml: Callable[[str], dict[str, str]]) -> None:
    file = f'[[account]]\nid = "default"\nwebhook_url = "http://old.example"\nwebhook_secrets = "{SIGNING}"'
    (account,) = Settings.load(LEAST | toml(file) | {"OTPVOICE_WEBHOOK_SECRETS": NEXT_SIGNING}).accounts
    assert (account.webhook_url, revealed(account)) == ("http://old.example", [NEXT_SIGNING])


@pytest.mark.parametrize("lines", [f"{SIGNING}\n", f"\n  {SIGNING}\n{NEXT_SIGNING}\n"])
def test_an_account_s_secrets_may_lie_in_a_file(
    toml: Callable[[str], dict[str, str]], tmp_path: Path, lines: str
) -> None:
    (tmp_path / "secrets").write_text(lines)
    bank = f'id = "bank"\nwebhook_secrets_file = "{tmp_path / "secrets"}"'
    _, account = Settings.load(toml(TABLES.replace('id = "bank"', bank))).accounts
    assert revealed(account) == lines.split()


@pytest.mark.parametrize(
    ("content", "beside", "rule"),
    [
        (None, "", "names a file that can't be read: No such file or directory"),
        (b"\xff", "", "names a file that holds no text"),
        (b" \n", "", "names a file that is empty"),
        (b"hunter2", "", "must be secrets, each whsec_ and 24 to 64 random bytes in base64"),
        (SIGNING.encode(), f'\nwebhook_secrets = "{SIGNING}"', "is set as well as {place}: one of them is enough"),
    ],
)
def test_a_file_of_an_account_s_secrets_is_one_problem(
    toml: Callable[[str], dict[str, str]], tmp_path: Path, content: bytes | None, beside: str, rule: str
) -> None:
    if content is not None:
        (tmp_path / "secrets").write_bytes(content)
    bank = f'id = "bank"\nwebhook_url = "{HOOK}"\nwebhook_secrets_file = "{tmp_path / "secrets"}"{beside}'
    environ = toml(TABLES.replace('id = "bank"', bank))
    # The account that variables make comes first, and moves the others.
    place = f"{environ['OTPVOICE_CONFIG']}: account[1].webhook_secrets"
    said = problems(environ | {"OTPVOICE_API_KEYS": "k" * 20})
    assert said == {f"{place}_file": rule.format(place=place)}


# --- limits -----------------------------------------------------------------------------------------------------------

LIMITS = (
    "{ calls_per_minute = 60, calls_in_progress = 30, destination_calls_per_10_minutes = 5,"
    " destination_calls_per_day = 20 }"
)


def test_limits_are_an_account_s(toml: Callable[[str], dict[str, str]]) -> None:
    settings = Settings.load(toml(TABLES.replace('id = "shop"', f'id = "shop"\nlimits = {LIMITS}')))
    shop, bank = settings.accounts
    assert shop.limits == LimitSettings(
        calls_per_minute=60,
        calls_in_progress=30,
        destination_calls_per_10_minutes=5,
        destination_calls_per_day=20,
    )
    assert bank.limits == LimitSettings()
    assert told(settings) == (UNLIMITED.format("bank"),)


@pytest.mark.parametrize(
    ("limits", "fine"),
    [
        ("destination_calls_per_10_minutes = 5", True),
        ("destination_calls_per_day = 1000000", True),
        ("calls_per_minute = 60, calls_in_progress = 1", False),
        ("", False),
    ],
)
def test_an_account_that_can_ring_one_phone_again_and_again_is_remarked_on(
    toml: Callable[[str], dict[str, str]], limits: str, *, fine: bool
) -> None:
    file = toml(f'[[account]]\nid = "default"\nlimits = {{ {limits} }}')
    assert told(Settings.load(LEAST | file)) == (() if fine else (UNLIMITED.format("default"),))


@pytest.mark.parametrize(
    ("limits", "place", "rule"),
    [
        ("5", "", "must be a table"),
        ("[]", "", "must be a table"),
        ("{ calls_per_hour = 5 }", ".calls_per_hour", "is not a setting"),
        ("{ calls_per_minute = 0 }", ".calls_per_minute", "must be a whole number from 1 to 1000000"),
        ("{ calls_in_progress = -1 }", ".calls_in_progress", "must be a whole number from 1 to 1000000"),
        ("{ calls_per_minute = 1.5 }", ".calls_per_minute", "must be a whole number from 1 to 1000000"),
        ("{ calls_per_minute = true }", ".calls_per_minute", "must be a whole number from 1 to 1000000"),
        (
            "{ destination_calls_per_day = 1000001 }",
            ".destination_calls_per_day",
            "must be a whole number from 1 to 1000000",
        ),
        (
            '{ destination_calls_per_10_minutes = "5" }',
            ".destination_calls_per_10_minutes",
            "must be a whole number from 1 to 1000000",
        ),
    ],
)
def test_limits_that_are_not(toml: Callable[[str], dict[str, str]], limits: str, place: str, rule: str) -> None:
    environ = toml(TABLES.replace('id = "bank"', f'id = "bank"\nlimits = {limits}'))
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    (problem,) = error.value.problems
    assert (problem.name, problem.rule) == (f"{environ['OTPVOICE_CONFIG']}: account[1].limits{place}", rule)
    assert problem.example or problem.rule == "is not a setting"


# --- how fast a trunk takes calls -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("calls_per_second = 0.1", (0.1, None, 30)),
        ("calls_per_second = 1000", (1000, None, 30)),
        ("max_calls = 1", (None, 1, 30)),
        ("max_calls = 100000\nqueue_seconds = 0", (None, 100_000, 0)),
        ("queue_seconds = 600", (None, None, 600)),
    ],
)
def test_how_fast_a_trunk_takes_calls(
    toml: Callable[[str], dict[str, str]], line: str, expected: tuple[float | None, int | None, float]
) -> None:
    _, trunk = Settings.load(toml(TABLES.replace('name = "b"', f'name = "b"\n{line}'))).trunks
    assert (trunk.calls_per_second, trunk.max_calls, trunk.queue_seconds) == expected


@pytest.mark.parametrize(
    ("entry", "wrong", "rule"),
    [
        ("calls_per_second", ["0", "0.09", "1000.1", "nan", "true", '"fast"'], "must be a number from 0.1 to 1000"),
        ("max_calls", ["0", "-1", "100001", "1.5", "true", '"60"'], "must be a whole number from 1 to 100000"),
        ("queue_seconds", ["-1", "601", "inf", '"30s"'], "must be a number from 0 to 600"),
    ],
)
def test_how_fast_a_trunk_can_not_take_calls(
    toml: Callable[[str], dict[str, str]], entry: str, wrong: list[str], rule: str
) -> None:
    for value in wrong:
        environ = toml(TABLES.replace('name = "b"', f'name = "b"\n{entry} = {value}'))
        assert problems(environ) == {f"{environ['OTPVOICE_CONFIG']}: trunk[1].{entry}": rule}, value


# --- what is streamed of a trunk's calls ------------------------------------------------------------------------------

AUDIO = "wss://audio.example/calls?token=secret-path"


def with_stream(*lines: str) -> str:
    """Return the tables, the second trunk with a stream."""
    return TABLES.replace("\n[[account]]", "\n[trunk.stream]\n" + "\n".join(lines) + "\n[[account]]", 1)


def stream_of(environ: dict[str, str]) -> Stream:
    a, b = Settings.load(environ).trunks
    assert a.stream is None
    assert b.stream is not None
    return b.stream.to_core("b")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([f'url = "{AUDIO}"'], Stream(AUDIO, "twilio", "b", tracks=("near", "far"), trusted=True)),
        # Wherever the administrator wants it to go.
        (
            ['url = "ws://127.0.0.1:6379"', 'tracks = "far"'],
            Stream("ws://127.0.0.1:6379", "twilio", "b", tracks=("far",), trusted=True),
        ),
        (
            [
                'url = "https://bot:p%40ss@audio.example/where?sample-rate=16000"',
                'format = "exotel"',
                'tracks = ["far", "near"]',
                'parameters = { site = "london" }',
            ],
            Stream(
                "https://audio.example/where?sample-rate=16000",
                "exotel",
                "b",
                tracks=("far", "near"),
                sample_rate=16_000,
                parameters={"site": "london"},
                auth=BasicAuth("bot", Secret("p@ss")),
                trusted=True,
            ),
        ),
        (
            [f'url = "{AUDIO}"', 'format = "exotel"', "sample_rate = 24000"],
            Stream(AUDIO, "exotel", "b", tracks=("near", "far"), sample_rate=24_000, trusted=True),
        ),
    ],
)
def test_what_is_streamed_of_each_call_on_a_trunk(
    toml: Callable[[str], dict[str, str]], lines: list[str], expected: Stream
) -> None:
    assert stream_of(toml(with_stream(*lines))) == expected


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ('{ type = "basic", username = "bot", password = "p@ss" }', BasicAuth("bot", Secret("p@ss"))),
        ('{ type = "bearer", token = "p@ss" }', BearerAuth(Secret("p@ss"))),
        ('{ type = "signature", secret = "sixteen-letters!" }', SignatureAuth(Secret("sixteen-letters!"))),
    ],
)
def test_how_we_say_who_we_are(toml: Callable[[str], dict[str, str]], auth: str, expected: StreamAuth) -> None:
    assert stream_of(toml(with_stream(f'url = "{AUDIO}"', f"auth = {auth}"))).auth == expected


@pytest.mark.parametrize(
    ("kind", "entry"),
    [('type = "basic", username = "bot"', "password"), ('type = "bearer"', "token"), ('type = "signature"', "secret")],
)
def test_a_secret_of_a_stream_may_lie_in_a_file(
    toml: Callable[[str], dict[str, str]], tmp_path: Path, kind: str, entry: str
) -> None:
    path = tmp_path / "secret"
    path.write_text("sixteen-letters!\n")
    lines = [f'url = "{AUDIO}"', f'auth = {{ {kind}, {entry}_file = "{path}" }}']
    auth = stream_of(toml(with_stream(*lines))).auth
    assert getattr(auth, entry) == Secret("sixteen-letters!")


@pytest.mark.parametrize(
    ("content", "beside", "rule"),
    [
        (None, "", "names a file that can't be read: No such file or directory"),
        (b" \n", "", "names a file that is empty"),
        (b"hunter2", "", "must be 16 to 256 visible ASCII characters"),
        (b"sixteen-letters!", ', secret = "hunter2"', "is set as well as {place}: one of them is enough"),
    ],
)
def test_a_file_of_a_stream_s_secret_is_one_problem(
    toml: Callable[[str], dict[str, str]], tmp_path: Path, content: bytes | None, beside: str, rule: str
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    auth = f'{{ type = "signature", secret_file = "{path}"{beside} }}'
    # The trunk that a variable makes comes first, and moves the others.
    environ = toml(with_stream(f'url = "{AUDIO}"', f"auth = {auth}").replace('codec = "alaw"', ""))
    place = f"{environ['OTPVOICE_CONFIG']}: trunk[1].stream.auth.secret"
    said = problems(environ | {"OTPVOICE_TRUNK": "PJSIP/{number}@c"})
    assert said == {f"{place}_file": rule.format(place=place)} | (
        {place: "must be 16 to 256 visible ASCII characters"} if beside else {}
    )


@pytest.mark.parametrize(
    ("lines", "place", "rule"),
    [
        ([], ".url", "is required"),
        (["url = 7"], ".url", "must be a text on one line"),
        (['url = "https://audio.example"'], ".url", "must begin with ws:// or wss://"),
        (['url = "ftp://a"', 'format = "exotel"'], ".url", "must begin with ws:// or wss:// or https://"),
        (
            ['url = "wss://höst/"'],
            ".url",
            "has characters that must be percent-encoded, or a host that must be written as xn--",
        ),
        (
            ['url = "wss://hunter2@a"'],
            ".url",
            (
                "must have a user name and a password before the @, percent-encoded: up to 128 and 256 printable ASCII"
                " characters"
            ),
        ),
        ([f'url = "wss://a/{"b" * 2000}"'], ".url", "must have at most 2000 characters"),
        (
            ['url = "wss://a/?sample-rate=1"', 'format = "exotel"'],
            ".url",
            "must have one sample-rate of 8000, 16000 or 24000 in its query",
        ),
        ([f'url = "{AUDIO}"', 'format = "opus"'], ".format", "must be twilio or exotel or voxology"),
        ([f'url = "{AUDIO}"', "tracks = []"], ".tracks", "must be near or far, or both"),
        ([f'url = "{AUDIO}"', 'tracks = "near near"'], ".tracks", "must be near or far, or both"),
        ([f'url = "{AUDIO}"', 'tracks = ["inbound"]'], ".tracks", "must be near or far, or both"),
        ([f'url = "{AUDIO}"', "tracks = 2"], ".tracks", "must be a list of texts"),
        ([f'url = "{AUDIO}"', "sample_rate = 16000"], ".sample_rate", "must be 8000 in this format"),
        (
            [f'url = "{AUDIO}"', 'sample_rate = "8000"'],
            ".sample_rate",
            "must be a whole number from 1 to 1000000",
        ),
        (
            ['url = "wss://a/?sample-rate=8000"', 'format = "exotel"', "sample_rate = 16000"],
            ".sample_rate",
            "must be the sample-rate of the url, or be left out",
        ),
        ([f'url = "{AUDIO}"', "parameters = 5"], ".parameters", "must be a table of texts"),
        ([f'url = "{AUDIO}"', "parameters = { a = 1 }"], ".parameters", "must be a table of texts"),
        (
            [f'url = "{AUDIO}"', f"parameters = {{ {', '.join(f'p{n} = {chr(34) * 2}' for n in range(21))} }}"],
            ".parameters",
            "must have at most 20 entries",
        ),
        (
            [f'url = "{AUDIO}"', 'parameters = { "" = "hunter2" }'],
            ".parameters",
            "must have names of 1 to 64 characters and texts of up to 500, all on one line",
        ),
        (
            [f'url = "{AUDIO}"', 'format = "exotel"', 'parameters = { a = "1", b = "2", c = "3", d = "4" }'],
            ".parameters",
            "must have at most 3 entries in this format",
        ),
        ([f'url = "{AUDIO}"', 'mode = "talk"'], ".mode", "is not a setting"),
        ([f'url = "{AUDIO}"', 'auth = "bearer hunter2"'], ".auth", "must be a table"),
        (
            ['url = "wss://a:hunter2@a"', 'auth = { type = "bearer", token = "hunter2" }'],
            ".auth",
            "must not be there beside a user name in the url",
        ),
        ([f'url = "{AUDIO}"', "auth = {}"], ".auth.type", "is required"),
        ([f'url = "{AUDIO}"', 'auth = { type = "digest" }'], ".auth.type", "must be basic or bearer or signature"),
        ([f'url = "{AUDIO}"', 'auth = { type = "bearer" }'], ".auth.token", "is required where type is bearer"),
        (
            [f'url = "{AUDIO}"', 'auth = { type = "bearer", token = "hunter 2" }'],
            ".auth.token",
            "must be 1 to 4096 visible ASCII characters",
        ),
        (
            [f'url = "{AUDIO}"', 'auth = { type = "bearer", token = "a", secret = "sixteen-hunter2!" }'],
            ".auth.secret",
            "goes with type signature, not with bearer",
        ),
        (
            [f'url = "{AUDIO}"', 'auth = { type = "basic", username = "a:b", password = "hunter2" }'],
            ".auth.username",
            "must be 1 to 128 printable ASCII characters without a colon",
        ),
        (
            [f'url = "{AUDIO}"', 'auth = { type = "bearer", token = "a", realm = "b" }'],
            ".auth.realm",
            "is not a setting",
        ),
    ],
)
def test_what_can_not_be_streamed(
    toml: Callable[[str], dict[str, str]], lines: list[str], place: str, rule: str
) -> None:
    environ = toml(with_stream(*lines))
    with pytest.raises(SettingsError) as error:
        Settings.load(environ)
    (problem,) = error.value.problems
    assert (problem.name, problem.rule) == (f"{environ['OTPVOICE_CONFIG']}: trunk[1].stream{place}", rule)
    assert problem.example or rule == "is not a setting"
    assert "hunter2" not in str(error.value)


def test_all_that_is_wrong_with_a_stream_is_said_at_once(toml: Callable[[str], dict[str, str]]) -> None:
    environ = toml(
        with_stream('format = "opus"', 'tracks = "both"', "sample_rate = 0", 'auth = { type = "basic", username = "" }')
    )
    place = f"{environ['OTPVOICE_CONFIG']}: trunk[1].stream"
    assert problems(environ) == {
        f"{place}.format": "must be twilio or exotel or voxology",
        f"{place}.url": "is required",
        f"{place}.tracks": "must be near or far, or both",
        f"{place}.sample_rate": "must be a whole number from 1 to 1000000",
        f"{place}.auth.username": "must be 1 to 128 printable ASCII characters without a colon",
        f"{place}.auth.password": "is required where type is basic",
    }


def test_a_variable_leaves_the_stream_of_the_trunk_default(toml: Callable[[str], dict[str, str]]) -> None:
    file = f'[[trunk]]\nname = "default"\n[trunk.stream]\nurl = "{AUDIO}"\n'
    (trunk,) = Settings.load(LEAST | toml(file)).trunks
    assert trunk.dial == "PJSIP/{number}@trunk"
    assert trunk.stream is not None


def test_nothing_of_a_stream_s_url_and_secrets_is_shown(toml: Callable[[str], dict[str, str]]) -> None:
    lines = [
        'url = "wss://audio.example/secret-path?token=secret-path"',
        'parameters = { token = "secret-path" }',
        'auth = { type = "basic", username = "secret-path", password = "secret-path" }',
    ]
    settings = Settings.load(toml(with_stream(*lines)))
    stream = settings.trunks[1].stream
    assert stream is not None
    assert "secret-path" not in f"{settings} {settings!r} {settings.model_dump()} {stream!r} {stream.model_dump()}"
    assert "secret-path" in stream.to_core("trunk").url


# --- where to listen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("http", "admin", "expected"),
    [
        ("127.0.0.1:9000", "127.0.0.1:9000", None),
        ("[::1]:9000", "[::1]:9000", None),
        ("127.0.0.1:9000", "127.0.0.1:9001", Bind("127.0.0.1", 9001)),
        # The kernel chooses two.
        ("127.0.0.1:0", "127.0.0.1:0", Bind("127.0.0.1", 0)),
    ],
)
def test_an_admin_address_like_the_hooks_is_the_hooks(http: str, admin: str, expected: Bind | None) -> None:
    assert load(HTTP_BIND=http, ADMIN_BIND=admin).admin_bind == expected


def test_a_hook_that_is_wrong_leaves_the_admin_address_alone() -> None:
    said = problems(LEAST | {"OTPVOICE_HTTP_BIND": "nowhere", "OTPVOICE_ADMIN_BIND": "127.0.0.1:9000"})
    assert said.keys() == {"OTPVOICE_HTTP_BIND"}


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ARI_PASSWORD", PASSWORD),
        ("API_KEYS", KEY),
        ("SECRET_KEY", SECRET),
        ("REDIS_URL", "redis://:pw@host/0"),
        ("WEBHOOK_SECRETS", f"{SIGNING}\n{NEXT_SIGNING}"),
    ],
)
def test_a_secret_may_lie_in_a_file(tmp_path: Path, name: str, value: str) -> None:
    path = tmp_path / "secret"
    path.write_text(f"{value}\n")
    environ = {key: other for key, other in LEAST.items() if key != f"OTPVOICE_{name}"}
    from_file = Settings.load(environ | {f"OTPVOICE_{name}_FILE": str(path)})
    assert from_file == load(**{name: value})


@pytest.mark.parametrize("content", [None, b"\xff", b"", b"too short"])
def test_a_file_without_a_secret_is_one_problem(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    environ = {key: value for key, value in LEAST.items() if key != "OTPVOICE_ARI_PASSWORD"}
    assert problems(environ | {"OTPVOICE_ARI_PASSWORD_FILE": str(path)}).keys() == {"OTPVOICE_ARI_PASSWORD_FILE"}


def test_a_secret_and_its_file_are_one_too_many(tmp_path: Path) -> None:
    said = problems(LEAST | {"OTPVOICE_API_KEYS_FILE": str(tmp_path)})
    assert said == {"OTPVOICE_API_KEYS_FILE": "is set as well as OTPVOICE_API_KEYS: one of them is enough"}


SECRETS = {
    "OTPVOICE_ARI_PASSWORD": "hunter2",
    "OTPVOICE_API_KEYS": "hunter2",
    "OTPVOICE_SECRET_KEY": "hunter2",
    "OTPVOICE_REDIS_URL": "hunter2://:hunter2@host:hunter2",
    "OTPVOICE_ARI_URL": "http://otpvoice:hunter2@host:hunter2",
    "OTPVOICE_TRUNK": "IAX2/user:hunter2@host/{number}&x",
    "OTPVOICE_URL_ALLOW": "https://user:hunter2@hooks.example",
    "OTPVOICE_WEBHOOK_URL": "https://user:hunter2@hooks.example",
    "OTPVOICE_WEBHOOK_SECRETS": "whsec_hunter2",
}


def test_no_complaint_shows_a_secret() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.load(LEAST | SECRETS)
    assert {problem.name for problem in error.value.problems} == SECRETS.keys()
    assert "hunter2" not in f"{error.value} {error.value!r} {error.value.problems}"


@pytest.mark.parametrize(
    "url",
    [
        "redis://a",
        "redis://a/",
        "rediss://u:p%40s%2Fs%23w%3A1%25@a:6380/15?ssl_ca_certs=/ca.pem",
        "redis://[::1]:6379/0",
        "unix:///run/redis.sock?db=1",
        "unix://u:p%40w@/run/redis.sock",
    ],
)
def test_an_address_of_redis_is_taken_as_it_is_written(url: str) -> None:
    redis_url = load(REDIS_URL=url).redis_url
    assert redis_url is not None
    assert redis_url.reveal() == url


def test_a_redis_password_that_is_not_escaped_is_told_how() -> None:
    (rule,) = problems(LEAST | {"OTPVOICE_REDIS_URL": "redis://:x@d0r3/y@a:1/0"}).values()
    assert "/ # ? @ : % are written %2F %23 %3F %40 %3A %25" in rule
    assert "d0r3" not in rule


def test_settings_do_not_show_their_secrets() -> None:
    settings = load(SECRET_KEY=SECRET, REDIS_URL="redis://:hunter2@host/0", WEBHOOK_URL=HOOK, WEBHOOK_SECRETS=SIGNING)
    (account,) = settings.accounts
    shown = f"{settings} {settings!r} {settings.model_dump()} {account.webhook_secrets} {account.model_dump()}"
    secrets = (PASSWORD, KEY, SECRET, "hunter2", digest(KEY).hex(), "secret-path", SIGNING.removeprefix("whsec_"))
    assert not any(secret in shown for secret in secrets)


# --- the file ---------------------------------------------------------------------------------------------------------

TABLES = f"""
ari_password = "{PASSWORD}"
redis_url = "redis://127.0.0.1"
allow_destinations = ["+44", "+353"]
http_bind = "0.0.0.0:80"
lead_in = 1
dev = false
instance = "otp-1"

[[trunk]]
name = "a"
dial = "PJSIP/{{number}}@a"
caller_ids = ["+442079460000", "+442079460001"]
codec = "alaw"
ring_timeout = 30

[[trunk]]
name = "b"
dial = "PJSIP/{{e164}}@b"
codec = "alaw"

[[account]]
id = "shop"
keys = ["{digest(KEY).hex()}", "{digest("next").hex().upper()}"]
caller_ids = ["+442079460001", "+353100000"]
trunks = ["b", "a"]

[[account]]
id = "bank"
keys = ["{digest("bank").hex()}"]
trunks = ["b"]
allow_destinations = ["+49"]
"""


def test_a_file_holds_what_variables_can_not(toml: Callable[[str], dict[str, str]]) -> None:
    settings = Settings.load(toml(TABLES))
    a, b = settings.trunks
    shop, bank = settings.accounts
    assert (a.name, a.codec, a.ring_timeout, b.dial) == ("a", "alaw", 30, "PJSIP/{e164}@b")
    assert (shop.trunks, shop.allow_destinations, shop.key_digests) == (
        ("b", "a"),
        ("+44", "+353"),
        (digest(KEY), digest("next")),
    )
    assert (bank.trunks, bank.allow_destinations) == (("b",), ("+49",))
    assert (settings.http_bind, settings.lead_in) == (Bind("0.0.0.0", 80), 1)


def test_caller_ids_are_those_of_the_account_that_the_trunk_knows(toml: Callable[[str], dict[str, str]]) -> None:
    settings = Settings.load(toml(TABLES))
    a, b = settings.trunks
    shop, bank = settings.accounts
    assert settings.caller_ids_for(shop, a) == ("+442079460001",)
    assert settings.caller_ids_for(shop, b) == ("+442079460001", "+353100000")
    assert settings.caller_ids_for(bank, a) == ("+442079460000", "+442079460001")
    assert settings.caller_ids_for(bank, b) == ()


def test_a_variable_wins_over_the_file(toml: Callable[[str], dict[str, str]]) -> None:
    settings = Settings.load(toml(TABLES) | {"OTPVOICE_LEAD_IN": "2", "OTPVOICE_HTTP_BIND": ""})
    assert (settings.lead_in, settings.http_bind.port) == (2, 80)


def test_variables_make_the_account_and_the_trunk_default(toml: Callable[[str], dict[str, str]]) -> None:
    variables = {
        "OTPVOICE_TRUNK": "PJSIP/{number}@c",
        "OTPVOICE_API_KEYS": "k" * 20,
        "OTPVOICE_CALLER_IDS": "+493012345",
    }
    # The trunk that variables make has the ordinary codec, so the others have to.
    settings = Settings.load(toml(TABLES.replace('codec = "alaw"', "")) | variables)
    assert [(trunk.name, trunk.caller_ids[:1]) for trunk in settings.trunks] == [
        ("default", ("+493012345",)),
        ("a", ("+442079460000",)),
        ("b", ()),
    ]
    assert [(account.id, account.trunks) for account in settings.accounts] == [
        ("default", ("default", "a", "b")),
        ("shop", ("b", "a")),
        ("bank", ("b",)),
    ]


def test_variables_fill_in_the_tables_called_default(toml: Callable[[str], dict[str, str]]) -> None:
    file = f"""
    [[trunk]]
    name = "default"
    dial = "PJSIP/{{number}}@old"
    codec = "alaw"
    [[account]]
    id = "default"
    keys = ["{digest("old").hex()}"]
    """
    settings = Settings.load(LEAST | toml(file) | {"OTPVOICE_CALLER_IDS": "1000"})
    (trunk,), (account,) = settings.trunks, settings.accounts
    assert (trunk.dial, trunk.codec, trunk.caller_ids) == ("PJSIP/{number}@trunk", "alaw", ("1000",))
    assert account.key_digests == (digest(KEY),)


def test_caller_ids_without_a_trunk_default_are_those_of_the_account(toml: Callable[[str], dict[str, str]]) -> None:
    environ = {name: value for name, value in LEAST.items() if name != "OTPVOICE_TRUNK"}
    file = '[[trunk]]\nname = "a"\ndial = "PJSIP/{number}@a"'
    settings = Settings.load(environ | toml(file) | {"OTPVOICE_CALLER_IDS": "1000"})
    assert (settings.trunks[0].caller_ids, settings.accounts[0].caller_ids) == ((), ("1000",))


def test_a_file_of_a_secret_wins_over_the_secret_in_the_file(
    toml: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("another good password")
    settings = Settings.load(toml(TABLES) | {"OTPVOICE_ARI_PASSWORD_FILE": str(tmp_path / "password")})
    assert settings.ari_password.reveal() == "another good password"


def test_all_that_is_wrong_in_a_file_is_said_with_its_place(toml: Callable[[str], dict[str, str]]) -> None:
    environ = toml(f"""
    lead_inn = 0.4
    tail = true
    media_legs = 8
    api_keys = "{KEY}"
    caller_ids = 5
    redis_url = ["a"]

    [[trunk]]
    name = "a b"
    dail = "PJSIP/{{number}}"
    codec = "opus"
    ring_timeout = 4
    stream = 3
    calls_per_second = 0

    [[account]]
    id = "shop"
    keys = ["{KEY}"]
    trunks = ["nowhere"]
    allow_destinations = "44"
    limits = {{ calls_per_hour = 5, calls_per_minute = 0 }}

    [[account]]
    id = "bank"
    webhook_url = "{HOOK}"

    [[asterisk]]
    name = "one"
    """)
    file = environ["OTPVOICE_CONFIG"]
    assert problems(environ) == {
        f"{file}: lead_inn": "is not a setting; did you mean lead_in?",
        f"{file}: tail": "must be a number from 0 to 10",
        f"{file}: media_legs": "must be min:max, from 1 to 9999, the maximum not less than the minimum",
        f"{file}: caller_ids": "must be a list of texts",
        f"{file}: redis_url": "must be redis://[user:password@]host:port/db, rediss://… or unix://…",
        "OTPVOICE_ARI_PASSWORD": "is required",
        "OTPVOICE_ALLOW_DESTINATIONS": "is required: the prefixes of numbers that may be called",
        f"{file}: trunk[0].name": (
            "must be 1 to 64 letters, digits, dots, hyphens and underscores, the first a letter or digit"
        ),
        f"{file}: trunk[0].dail": "is not a setting",
        f"{file}: trunk[0].dial": "is required",
        f"{file}: trunk[0].codec": "must be ulaw or alaw",
        f"{file}: trunk[0].ring_timeout": "must be a number from 5 to 120",
        f"{file}: trunk[0].calls_per_second": "must be a number from 0.1 to 1000",
        f"{file}: trunk[0].stream": "must be a table",
        f"{file}: account[0].keys": "must be SHA-256 digests of keys, 64 hexadecimal digits each",
        f"{file}: account[0].trunks": "must be names of trunks that there are",
        f"{file}: account[0].allow_destinations": (
            "must be prefixes of E.164 numbers, each with its plus, or regions by ISO 3166, as in GB"
        ),
        f"{file}: account[0].limits.calls_per_hour": "is not a setting",
        f"{file}: account[0].limits.calls_per_minute": "must be a whole number from 1 to 1000000",
        f"{file}: account[1].keys": "is required",
        f"{file}: account[1].webhook_secrets": "is required where there is a webhook_url: every report is signed",
    }


def test_what_a_file_holds_for_later_versions_is_remarked_on(toml: Callable[[str], dict[str, str]]) -> None:
    environ = toml(TABLES + '[[asterisk]]\nname = "one"\n')
    file = environ["OTPVOICE_CONFIG"]
    settings = Settings.load(environ)
    assert settings.later == (f"{file}: asterisk",)
    assert told(settings)[:1] == (f"{file}: asterisk has no effect in this version",)


@pytest.mark.parametrize(
    ("old", "new", "place", "rule"),
    [
        ('name = "b"', 'name = "a"', "trunk[1]", "has the name of another one"),
        ('id = "bank"', 'id = "shop"', "account[1]", "has the name of another one"),
        (digest("bank").hex(), digest(KEY).hex(), "account[1]", "has a key of another one"),
        (
            'codec = "alaw"',
            'codec = "ulaw"',
            "trunk[1].codec",
            "must be that of the trunk a: all have the same one in this version",
        ),
        (
            '"+442079460001", "+353100000"',
            '"+353100000"',
            "account[0].caller_ids",
            "must have one that may be used on each of the account's trunks; a has none of them",
        ),
    ],
)
def test_what_contradicts_itself_is_an_error(
    toml: Callable[[str], dict[str, str]], old: str, new: str, *, place: str, rule: str
) -> None:
    document = TABLES.replace(old, new, 1) if "caller" in place else new.join(TABLES.rsplit(old, 1))
    document = document.replace('trunks = ["b", "a"]', "").replace('trunks = ["b"]', "") if "name" in old else document
    environ = toml(document)
    said = problems(environ)
    assert said[f"{environ['OTPVOICE_CONFIG']}: {place}"] == rule


def test_a_trunk_of_variables_beside_one_of_another_codec_is_an_error(toml: Callable[[str], dict[str, str]]) -> None:
    file = '[[trunk]]\nname = "a"\ndial = "PJSIP/{number}@a"\ncodec = "alaw"'
    environ = LEAST | toml(file)
    with pytest.raises(
        SettingsError, match=r"trunk\[0\]\.codec must be that of the trunk default: .* \(for example: ulaw\)"
    ) as error:
        Settings.load(environ)
    assert len(error.value.problems) == 1


def test_the_same_thing_twice_in_one_file_is_an_error(toml: Callable[[str], dict[str, str]]) -> None:
    environ = toml(f'api_keys = "{KEY}"\n' + TABLES.replace('id = "shop"', 'id = "default"'))
    file = environ["OTPVOICE_CONFIG"]
    assert problems(environ)[f"{file}: api_keys"] == (
        f"is set as well as {file}: account[0].keys: one of them is enough"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a = ", "is not TOML: "),
        (b"\xff", "is not TOML: not UTF-8 text"),
        ("trunk = 5\naccount = 5", "account"),
        ("x = " + "[" * 5000, "is not TOML"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: str | bytes, said: str) -> None:
    path = tmp_path / "otpvoice.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SettingsError, match=re.escape(said)):
        Settings.load(LEAST | {"OTPVOICE_CONFIG": str(path)})


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_can_not_be_read(tmp_path: Path, name: str) -> None:
    assert "can't be read" in problems(LEAST | {"OTPVOICE_CONFIG": str(tmp_path / name)})["OTPVOICE_CONFIG"]


def test_every_field_of_a_table_can_be_set() -> None:
    assert TrunkSettings.model_fields.keys() == TRUNK
    assert AccountSettings.model_fields.keys() - {"api_keys"} == ACCOUNT


PAGE = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()


@pytest.mark.parametrize(
    ("table", "entries"),
    [
        ("[[trunk]]", TRUNK),
        ("[[account]]", ACCOUNT | {"webhook_secrets_file"}),
        ("limits", LimitSettings.model_fields.keys()),
        ("[trunk.stream]", StreamSettings.model_fields.keys()),
        ("auth", StreamAuthSettings.model_fields.keys() | {"password_file", "token_file", "secret_file"}),
    ],
)
def test_the_tables_of_the_manual_are_whole(table: str, entries: frozenset[str]) -> None:
    rows = PAGE.split(f"\n| key of `{table}` |")[1].split("\n\n")[0].splitlines()[2:]
    listed = [name for row in rows for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    assert sorted(listed) == sorted(entries)


def test_the_accounts_of_the_manual_are_taken(toml: Callable[[str], dict[str, str]], tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml file=accounts\.toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "secret").write_text(SIGNING)
    environ = {name: value for name, value in LEAST.items() if name not in ("OTPVOICE_TRUNK", "OTPVOICE_API_KEYS")}
    settings = Settings.load(environ | toml(text.replace("/run/secrets/shop-webhook", str(tmp_path / "secret"))))
    assert [(trunk.name, trunk.calls_per_second, trunk.queue_seconds) for trunk in settings.trunks] == [
        ("carrier-a", 5, 30),
        ("carrier-b", None, 10),
    ]
    (shop,) = settings.accounts
    assert revealed(shop) == [SIGNING]
    assert told(settings) == ()


def test_the_stream_of_the_manual_is_taken(toml: Callable[[str], dict[str, str]], tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml file=stream\.toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "secret").write_text("hunter2")
    environ = {name: value for name, value in LEAST.items() if name != "OTPVOICE_TRUNK"}
    (trunk,) = Settings.load(environ | toml(text.replace("/run/secrets/stream", str(tmp_path / "secret")))).trunks
    assert trunk.stream is not None
    stream = trunk.stream.to_core("trunk")
    assert (stream.name, stream.format, stream.auth) == ("trunk", "voxology", BearerAuth(Secret("hunter2")))


# --- anything at all --------------------------------------------------------------------------------------------------


@given(st.dictionaries(st.sampled_from(sorted(KEYS)).map(lambda key: f"OTPVOICE_{key.upper()}"), st.text(max_size=30)))
def test_any_values_are_answered_with_settings_or_complaints(values: dict[str, str]) -> None:
    try:
        Settings.load(LEAST | values)
    except SettingsError as error:
        assert {problem.name for problem in error.problems} <= values.keys()  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize("given", [True, False])
def test_that_there_is_no_key_is_remarked_on(given: bool) -> None:
    settings = load(SECRET_KEY=base64.b64encode(bytes(range(32))).decode()) if given else load()
    assert ("no_secret_key" in [warning.word for warning in settings.warnings]) is not given
