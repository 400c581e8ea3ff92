"""What all the end-to-end tests share: the programs they drive are made first, and each module has a ringside of its own."""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

import observer
import servers
from counting import wait_counted
from wire import RawServer

sys.dont_write_bytecode = True


def wait_for_other_runs():
    """ringside sees the whole host, so two runs at once would count each other's requests. The lock goes with this process."""
    lock = open("/tmp/ringside-e2e.lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("waiting for another run of these tests to end", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def pytest_sessionstart(session):
    if session.config.option.collectonly:
        return
    session.config.ringside_lock = wait_for_other_runs()
    prepared = subprocess.run([pathlib.Path(__file__).with_name("prepare")])
    if prepared.returncode:
        raise pytest.UsageError("tests/e2e/prepare failed: its message is above")
    if not os.access(observer.BINARY, os.X_OK):
        raise pytest.UsageError(f"no {observer.BINARY}: run `make` first, or set RINGSIDE_BINARY")
    if os.geteuid() != 0:
        raise pytest.UsageError("these tests load eBPF programs and make network namespaces: run them as root")


def pytest_sessionfinish():
    for each in observer.Ringside.started:
        if each.alive():
            each.kill()


@pytest.fixture(scope="module")
def ringside():
    """One ringside for a module's tests; that it still lives and ends with status 0 is asserted at the module's end."""
    with observer.Ringside() as running:
        yield running


@pytest.fixture(scope="module")
def server(ringside):
    """server(kind): a real server, started at its first use in a module and shared by the module's tests. A kind that is no
    name, but from one of the tables of TLS and HTTP/2, is there once its requests are counted."""
    running = {}

    def get(kind):
        key = kind if isinstance(kind, str) else (kind.service, kind.speaks)
        if key not in running:
            running[key] = servers.Server(kind)
            if key != kind:
                wait_counted(ringside, running[key])
        return running[key]
    yield get
    for each in running.values():
        each.stop()


@pytest.fixture
def script(request, ringside):
    """script(steps…): a scripted server (see wire.py) whose service is named after the test, so that its figures are its own."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    started = []

    def serve(*steps, **options):
        started.append(RawServer(ringside, name, steps, **options))
        return started[-1]
    yield serve
    for each in started:
        each.__exit__()


def needs(program):
    """A test that cannot run without a program says so instead of failing."""
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")
