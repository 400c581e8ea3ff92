"""Runnable but without a CPU is run_queue: a server and a busy neighbour pinned to one CPU."""
import os
import subprocess
from contextlib import contextmanager

from phases import Phases, average, near
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
        cpu, run_queue = average(answers, "cpu"), average(answers, "run_queue")
        assert run_queue > 0.025, f"only {run_queue} s of contention: this run proved nothing"
        phases, duration = account.per_request("/cpu")
        assert near(phases.get("on_cpu", 0), cpu), f"handler: {cpu} on_cpu; seen {phases}"
        assert near(phases.get("run_queue", 0), run_queue), f"handler: {run_queue} run_queue; seen {phases}"
        assert phases.get("blocked", 0) < 0.003, phases
        assert abs(sum(phases.values()) - duration) <= 0.01 * duration, phases


def test_spinning_by_the_clock_divides_between_cpu_and_queue(ringside):
    """50 ms by the clock, of which the neighbour gets a part. Node may lose its CPU before and after its handler, too: a slice each."""
    with busy_neighbour(), Server("node", {"OTEL_SERVICE_NAME": "contended-node"}, wrapper=PINNED) as server:
        account = Phases(ringside, "contended-node")
        with Client(server.port) as client:
            answers = [client.send(request("GET", "/spin?ms=50")).read_message()[1] for _ in range(TIMES)]
        account.expect({("GET", "/spin", "200"): TIMES})
        cpu, run_queue = average(answers, "cpu"), average(answers, "run_queue")
        assert min(cpu, run_queue) > 0.010, f"{cpu} s, {run_queue} s: this run proved nothing"
        phases, duration = account.per_request("/spin")
        assert 0.85 * cpu <= phases.get("on_cpu", 0) <= 1.15 * cpu + 0.003, f"handler: {cpu} on_cpu; seen {phases}"
        assert 0.85 * run_queue <= phases.get("run_queue", 0) <= run_queue + 0.012, f"handler: {run_queue} run_queue; seen {phases}"
        assert abs(sum(phases.values()) - duration) <= 0.01 * duration, phases
