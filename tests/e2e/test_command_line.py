"""Commands, flags, refusals and signals: one line that says what is wrong, and the exit status that scripts rely on."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

import ports
from conftest import needs
from observer import BINARY, Ringside

# --web.config.file, --rules.file, top, tail and rules are in the contract, and come with later issues: the README says so.
FLAGS = ["--web.listen-address", "--config.file", "--log.level", "--log.format"]
COMMANDS = ["run", "doctor", "version"]


def call(*words, wrapper=(), **options):
    return subprocess.run([*wrapper, str(BINARY), *map(str, words)], capture_output=True, text=True, timeout=20, **options)


def only_line(done):
    """The one line that a refusal prints, on stderr."""
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0], f"not one line: {done.stderr!r}"
    assert done.stdout == ""
    return lines[0]


def test_version():
    done = call("version")
    assert done.returncode == 0 and done.stderr == ""
    assert re.match(r"ringside\b.*\d+\.\d+", done.stdout), done.stdout


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_help_documents_every_flag(words):
    done = call(*words)
    assert done.returncode == 0 and done.stderr == ""
    for flag in FLAGS:
        assert flag in done.stdout, f"{flag} is not in --help"


def test_help_lists_the_commands():
    text = call("--help").stdout
    assert [command for command in COMMANDS if not re.search(rf"\b{command}\b", text)] == []


@pytest.mark.parametrize("words, offending", [
    (["--web.listen-adress=127.0.0.1:1"], "web.listen-adress"), (["run", "--nonsense"], "nonsense"), (["-Z"], "Z"), (["sing"], "sing"),
    (["run", "surplus"], "surplus"), (["--web.listen-address=127.0.0.1:99999"], "127.0.0.1:99999"),
    (["--web.listen-address=nowhere"], "nowhere"), (["--web.listen-address=127.0.0.1:http!"], "127.0.0.1:http!"),
    (["--log.level=loud"], "loud"), (["--log.format=xml"], "xml"), (["doctor", "--nonsense"], "nonsense"), (["version", "surplus"], "surplus"),
])
def test_bad_words_are_quoted(words, offending):
    done = call(*words)
    assert offending in only_line(done)
    assert done.returncode == 2


@pytest.mark.parametrize("flag", ["--config.file"])
def test_unreadable_file(flag, tmp_path):
    missing = tmp_path / "not-here.yml"
    done = call("run", f"{flag}={missing}")
    assert str(missing) in only_line(done) and done.returncode == 2
    done = call("run", f"{flag}={tmp_path}")
    assert str(tmp_path) in only_line(done) and done.returncode == 2


@pytest.mark.parametrize("text, offending", [
    ("limits:\n  series: many\n", "many"), ("limits:\n  routes_per_service: -3\n", "routes_per_service"), ("wbe:\n  listen_addresses: []\n", "wbe"),
    ("web:\n  listen_addresses: [\"somewhere:x\"]\n", "somewhere:x"), ("services:\n- name: shop\n  match: {container: [1, 2\n", "yml"),
    ("services:\n- nmae: shop\n", "nmae"), ("services:\n- name: shop\n  match: {port: eighty}\n", "eighty"),
    ("services:\n- match: {port: 80}\n", "name"), ("services:\n- name: shop\n  match: {port: 80}\n  routes: [\"no-slash\"]\n", "no-slash"),
])
def test_bad_configuration_is_quoted(tmp_path, text, offending):
    file = tmp_path / "ringside.yml"
    file.write_text(text)
    done = call("run", f"--config.file={file}", f"--web.listen-address=127.0.0.1:{ports.free()}")
    line = only_line(done)
    assert offending in line and str(file) in line
    assert done.returncode == 2


def test_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        done = call("run", f"--web.listen-address={address}")
    assert done.returncode not in (0, -signal.SIGSEGV)
    complaints = [line for line in done.stderr.splitlines() if address in line]
    assert len(complaints) == 1 and "use" in complaints[0], done.stderr


def as_nobody(*words):
    """Runs a copy that an ordinary user can execute, whoever may look into this work tree."""
    copy = "/tmp/ringside-e2e-nobody"
    shutil.copy(BINARY, copy)
    os.chmod(copy, 0o755)
    try:
        wrapper = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        return subprocess.run([*wrapper, copy, *words], capture_output=True, text=True, timeout=20, cwd="/")
    finally:
        os.unlink(copy)


def test_without_privileges():
    """It says what is missing and how to get it."""
    done = as_nobody("run", f"--web.listen-address=127.0.0.1:{ports.free()}")
    assert done.returncode == 1
    assert re.search(r"root|privilege|CAP_|capabilit", only_line(done), re.I)


def test_version_and_help_need_no_privileges():
    assert as_nobody("version").returncode == 0 and as_nobody("--help").returncode == 0


def test_doctor():
    """A line for each capability: its name and whether it is there."""
    done = call("doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line]
    assert len(lines) >= 4 and all(re.search(r"\b(ok|off|missing)\b", line) for line in lines), done.stdout
    for word in ("kernel", "BTF", "cgroup", "Docker"):
        assert [line for line in lines if word.lower() in line.lower()], f"no line about {word}:\n{done.stdout}"


def test_doctor_without_privileges():
    done = as_nobody("doctor")
    assert done.returncode == 1 and "missing" in done.stdout, done.stdout + done.stderr


def test_run_is_the_default_command():
    port = ports.free()
    process = subprocess.Popen([BINARY, f"--web.listen-address=127.0.0.1:{port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ports.wait_listens(port, process)
    finally:
        process.terminate()
    assert process.wait(10) == 0


def test_two_addresses():
    one, two = ports.free(), ports.free()
    with Ringside(f"--web.listen-address=127.0.0.1:{two}", port=one) as running:
        for port in (one, two):
            running.port = port
            assert running.status_of("/-/ready") == 200


def test_listens_on_loopback_only_by_default():
    process = subprocess.Popen([BINARY, "run"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        ports.wait_listens(10707, process)
        listing = subprocess.run(["ss", "-Hltn", "sport = :10707"], capture_output=True, text=True, check=True).stdout
        assert [line.split()[3] for line in listing.splitlines()] == ["127.0.0.1:10707"], listing
    finally:
        process.terminate()
        process.wait(10)


@needs("bpftool")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_cleanly(by):
    """Exit status 0, and none of its programs stays in the kernel."""
    running = Ringside()
    mine = programs_of(running.process.pid)
    assert mine & attached_to_cgroups(), "no program of ringside is attached to a cgroup: this test proves nothing"
    assert running.stop(by) == 0
    end = time.monotonic() + 3
    while (left := mine & (loaded() | attached_to_cgroups())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def programs_of(pid):
    """Ids of the programs that a process holds, directly or by a link, from its file descriptors."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as file:
                found |= {int(number) for number in re.findall(r"^prog_id:\s*(\d+)", file.read(), re.M)}
        except FileNotFoundError:
            continue
    return found


def loaded():
    listing = subprocess.run(["bpftool", "prog", "list"], capture_output=True, text=True, check=True).stdout
    return {int(number) for number in re.findall(r"^(\d+):", listing, re.M)}


def attached_to_cgroups():
    listing = subprocess.run(["bpftool", "cgroup", "tree"], capture_output=True, text=True, check=True).stdout
    return {int(line.split()[0]) for line in listing.splitlines() if line.split() and line.split()[0].isdigit()}


def test_signal_during_the_start():
    """Asked to end before it is ready, it ends as cleanly."""
    for delay in (0.0, 0.02, 0.05, 0.1, 0.2):
        running = Ringside(wait=False)
        time.sleep(delay)
        running.process.terminate()
        assert running.process.wait(10) in (0, -signal.SIGTERM), f"after {delay} s:\n{running.log()}"


@pytest.mark.parametrize("format, pattern", [("logfmt", r'^(ts|time)=\S+ .*level=\w+ .*msg='), ("json", r'^\{.*"level":.*"msg":.*\}$')])
def test_log_format(format, pattern):
    with Ringside(f"--log.format={format}", "--log.level=debug") as running:
        lines = [line for line in running.log().splitlines() if line.strip()]
    assert lines and re.search(pattern, lines[0]), lines[:3]
