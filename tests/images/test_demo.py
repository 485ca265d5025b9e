"""The demo's call, through everything: a code is spoken by the stack, heard by a telephone, and its record kept."""

from __future__ import annotations

import io
import json
import re
import time
import wave
from array import array

import pytest

from otpvoice.media import g711
from tests.images.stack import ROOT, Stack, docker, inspect, until

SERVICES = ("demo-otpvoice", "demo-asterisk", "demo-redis", "callee")


@pytest.fixture(scope="module")
def said(stack: Stack) -> str:
    """What the caller printed; its call is over."""
    container = stack.container("caller")
    exit_code = docker("wait", container).strip()
    said = docker("logs", container)
    assert exit_code == "0", f"{said}\n{stack.compose('logs', '--no-color', '--tail', '60')}"
    return said


def test_the_caller_sees_the_code_delivered(said: str) -> None:
    assert re.search(r"^delivered  yes$", said, re.MULTILINE)
    assert re.search(r"^outcome    completed$", said, re.MULTILINE)


def test_the_summary_is_in_redis(stack: Stack, said: str) -> None:
    record = stack.record(call_of(said))
    assert record["state"] == "ended"
    assert record["delivered"] is True
    assert record["outcome"]["class"] == "completed"
    assert record["played"]["readings"] == 2
    assert record["played"]["complete"] is True
    assert code_of(said) not in json.dumps(record)


def test_the_telephone_heard_the_code_sample_by_sample(stack: Stack, said: str) -> None:
    expected = (ROOT / "tests" / "images" / "expected.py").read_text()
    pushed = stack.stdout("exec", "-T", "demo-otpvoice", "python", "-", code_of(said), stdin=expected)
    with wave.open(io.BytesIO(stack.stdout("exec", "-T", "callee", "cat", "/tmp/heard.wav"))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000)
        heard = file.readframes(file.getnframes())
    assert len(pushed) > 8000 * 6, "more than six seconds"
    # Apart from silence, which a busy machine makes longer, and of which there is more before the hang-up.
    assert sounds(heard) == sounds(g711.ulaw_decode(pushed))
    assert "0 packets lost; caller hung up" in docker("logs", stack.container("callee"))


@pytest.mark.usefixtures("said")
@pytest.mark.parametrize("service", SERVICES)
def test_each_container_is_healthy(stack: Stack, service: str) -> None:
    container = stack.container(service)
    deadline = time.monotonic() + 60
    while (state := inspect(container)["State"])["Health"]["Status"] == "starting" and time.monotonic() < deadline:
        time.sleep(0.5)
    assert state["Health"]["Status"] == "healthy", state["Health"]


@pytest.mark.usefixtures("said")
def test_the_doctor_finds_nothing_wrong(stack: Stack) -> None:
    report = json.loads(stack.stdout("exec", "-T", "demo-otpvoice", "otpvoice", "doctor", "--json"))
    assert len(report["findings"]) > 20
    # Warnings there may be: the demo has no limits, and the machine may be slow.
    assert [finding for finding in report["findings"] if finding["status"] == "failed"] == []


@pytest.mark.parametrize("service", SERVICES)
def test_no_way_leads_out_of_the_demo(stack: Stack, service: str) -> None:
    """Whatever trunk is set: nobody can be called, or registered at, but the telephone."""
    (network,) = inspect(stack.container(service))["NetworkSettings"]["Networks"]
    assert inspect(network)["Internal"] is True


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_has_a_privilege(stack: Stack, service: str) -> None:
    container = inspect(stack.container(service))
    assert container["HostConfig"]["ReadonlyRootfs"] is True
    assert container["HostConfig"]["CapDrop"] == ["ALL"]
    assert container["HostConfig"]["Privileged"] is False
    assert container["HostConfig"]["SecurityOpt"] == ["no-new-privileges:true"]
    assert 0 < container["HostConfig"]["PidsLimit"] <= 8192
    assert container["HostConfig"]["LogConfig"]["Config"]["max-size"] == "10m"
    assert stack.inside(service, "id", "-u").strip() != "0"
    status = dict(line.split(":\t", 1) for line in stack.inside(service, "cat", "/proc/1/status").splitlines())
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split()[0] != "0"
    assert "Read-only file system" in stack.inside(service, "sh", "-c", "touch /usr/written", fails=True)


@pytest.mark.usefixtures("said")
def test_an_empty_folder_of_own_files_gets_asterisk_defaults_and_is_told(stack: Stack) -> None:
    said = docker("logs", stack.container("demo-asterisk"))
    assert re.search(
        r"/etc/asterisk holds no .*file: all are ours, rendered from the environment: acl\.conf ari\.conf", said
    )


def test_no_secret_and_no_code_is_in_logs_environment_or_command(stack: Stack, said: str) -> None:
    told = {service: docker("logs", stack.container(service)) for service in SERVICES}
    known = json.dumps([inspect(stack.container(service)) for service in (*SERVICES, "caller")])
    for name, secret in stack.secrets.items():
        assert secret not in known, f"{name} shows in docker inspect"
        assert secret not in said, name
        for service, log in told.items():
            assert secret not in log, f"{name} is in the log of {service}"
    for service, log in told.items():
        assert code_of(said) not in re.sub(r"\d{4}-\d\d-\d\dT?[\d:. ]+Z?|call_\w+", "", log), service


def test_a_stop_lets_the_call_in_progress_finish(stack: Stack, said: str) -> None:
    """SIGTERM in the middle of a code: the code is spoken to its end, nobody new is let in, and the exit code is 0."""
    caller = stack.start("run", "--rm", "-T", "--no-deps", "-e", "CODE=493817", "caller")
    assert caller.stdout is not None
    with caller, caller.stdout:
        call, _ = until(caller.stdout, r"^call +(call_\w+)")
        until(caller.stdout, r" answered$")
        began = time.monotonic()
        # With what compose has told the engine: no --time here.
        docker("stop", stack.container("demo-otpvoice"))
        took = time.monotonic() - began
        # Whoever follows the call looks for otpvoice half a minute longer.
        caller.terminate()
    state = inspect(stack.container("demo-otpvoice"))["State"]
    assert (state["ExitCode"], state["OOMKilled"]) == (0, False)
    assert took < 60, "the call took less than that, and it waits for nothing else"
    record = stack.record(call[1])
    assert record["state"] == "ended"
    assert (record["delivered"], record["outcome"]["ended_by"]) == (True, "plan")
    assert record["played"]["complete"] is True
    assert call[1] != call_of(said)


@pytest.mark.parametrize("service", ["demo-asterisk", "demo-redis", "callee"])
def test_each_of_the_others_ends_on_sigterm(stack: Stack, service: str) -> None:
    docker("stop", stack.container(service))
    assert inspect(stack.container(service))["State"]["ExitCode"] == 0


def sounds(pcm: bytes) -> array[int]:
    """All that is not silence, 16 bits each."""
    return array("h", [sample for sample in array("h", pcm) if sample])


def call_of(said: str) -> str:
    found = re.search(r"^call +(call_\w+)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def code_of(said: str) -> str:
    found = re.search(r"is told the code (\d{6})\.$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]
