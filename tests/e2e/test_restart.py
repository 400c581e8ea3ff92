"""ringside is killed and started anew under load: no client notices, and open connections are counted again at once."""
import os
import subprocess
import time

import pytest

from counting import Account
from load import Load, expected
from observer import Ringside
from servers import Server


def settled(ringside):
    """What a stop() already answered may still be on its way to the figures."""
    time.sleep(0.5)
    return ringside


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp", "nginx"])
def test_killed_under_kept_alive_load(kind):
    with Server(kind) as server, Load(server.port, 32) as load:
        with_first = Ringside()
        load.start()
        time.sleep(0.5)
        with_first.kill()
        time.sleep(0.2)
        with Ringside() as second:
            time.sleep(0.3)
            report = load.stop()
            assert not report["failed"], report["failures"]
            account = Account(settled(second), server.service)
            report = load.run(3000)
            account.expect(expected(report))


def test_killed_several_times(ringside):
    """Each new one counts from its own beginning; one that was there all the time misses nothing and counts nothing twice."""
    with Server("gohttp") as server, Load(server.port, 16) as load:
        throughout = Account(ringside, server.service)
        sent = expected(load.run(500))
        for _ in range(3):
            other = Ringside()
            sent += expected(load.run(500))
            other.kill()
        sent += expected(load.run(500))
        throughout.expect(sent)


def test_nothing_stays_attached_after_a_kill():
    """The kernel keeps no program of a ringside that could not clean up after itself."""
    before = attached()
    killed = Ringside()
    assert attached() != before, "no program of ringside is attached to a cgroup: this test proves nothing"
    killed.kill()
    end = time.monotonic() + 3
    while attached() != before and time.monotonic() < end:
        time.sleep(0.1)
    assert attached() == before


def attached():
    """Ids of the programs on all cgroups; a ringside of another test run at the same time would disturb this."""
    listing = subprocess.run(["bpftool", "cgroup", "tree"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in listing.splitlines() if line.split() and line.split()[0].isdigit()}


def test_server_is_none_the_wiser():
    """The observed process keeps its threads and file descriptors, with ringside, killed, and without."""
    def looks_like(process):
        return [os.listdir(f"/proc/{process.pid}/{what}") for what in ("fd", "task")]
    with Server("nginx") as server, Load(server.port, mix=["1 GET /"]) as load:
        load.run(10)
        before = looks_like(server.process)
        with Ringside():
            load.run(10)
            assert looks_like(server.process) == before
        load.run(10)
        assert looks_like(server.process) == before
