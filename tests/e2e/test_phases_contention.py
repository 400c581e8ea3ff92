"""Runnable but without a CPU is run_queue: a server and a busy neighbour pinned to one CPU."""
import json
import os
import subprocess
from contextlib import contextmanager

import pytest

from phases import Phases, near
from servers import Server
from wire import Client, request

TIMES = 10
CPU = max(os.sched_getaffinity(0))
PINNED = ["taskset", "--cpu-list", str(CPU)]
SPIN = "import time\nend = time.monotonic() + 30\nwhile time.monotonic() < end: pass"


@contextmanager
def busy_neighbour():
    process = subprocess.Popen([*PINNED, "/usr/bin/python3", "-c", SPIN])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_waiting_for_a_cpu_is_run_queue(ringside):
    """The handler computes 50 ms of CPU time and reads from /proc how long its thread had to wait for that."""
    with busy_neighbour(), Server("httpserver", {"OTEL_SERVICE_NAME": "contended"}, wrapper=PINNED) as server:
        account = Phases(ringside, "contended")
        with Client(server.port) as client:
            answers = [client.send(request("GET", "/cpu?ms=50")).read_message()[1] for _ in range(TIMES)]
        account.expect({("GET", "/cpu", "200"): TIMES})
        measured = [json.loads(answer) for answer in answers]
        cpu, run_queue = (sum(each[what] for each in measured) / TIMES / 1e9 for what in ("cpu", "run_queue"))
        assert run_queue > 0.025, f"only {run_queue} s of contention: this run proved nothing"
        phases, duration = account.per_request("/cpu")
        assert near(phases.get("on_cpu", 0), cpu), f"handler: {cpu} on_cpu; seen {phases}"
        assert near(phases.get("run_queue", 0), run_queue), f"handler: {run_queue} run_queue; seen {phases}"
        assert phases.get("blocked", 0) < 0.003, phases
        assert abs(sum(phases.values()) - duration) <= 0.01 * duration, phases


@pytest.mark.parametrize("kind", ["node"])
def test_spinning_by_the_clock_divides_between_cpu_and_queue(ringside, kind):
    """50 ms by the clock, of which the neighbour gets a part: both together are 50 ms, and neither is nothing."""
    with busy_neighbour(), Server(kind, {"OTEL_SERVICE_NAME": f"contended-{kind}"}, wrapper=PINNED) as server:
        account = Phases(ringside, f"contended-{kind}")
        with Client(server.port) as client:
            for _ in range(TIMES):
                client.send(request("GET", "/spin?ms=50")).read_message()
        account.expect({("GET", "/spin", "200"): TIMES})
        phases, _ = account.per_request("/spin")
        on_cpu, run_queue = phases.get("on_cpu", 0), phases.get("run_queue", 0)
        assert near(on_cpu + run_queue, 0.050) and min(on_cpu, run_queue) > 0.010, phases
