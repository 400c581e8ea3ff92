"""A thread that changes its CPU in the middle of a request. Each CPU's scheduler clock leaves out the time that the hypervisor stole
from that CPU, so two of them can be far apart, and their difference is nobody's computing."""
import os
import time

import pytest

from phases import Phases, average
from wire import Client, request

CPUS = sorted(os.sched_getaffinity(0))[:2]
TIMES = 10
pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="there is only one CPU to be on")


def newest_thread(pid):
    return max(int(number) for number in os.listdir(f"/proc/{pid}/task"))


@pytest.mark.parametrize("way", [(0, 1), (1, 0)], ids=["up", "down"])
def test_moved_while_it_sleeps(ringside, server, way):
    started = server("httpserver")
    with Client(started.port) as client:
        client.send(request("GET", "/")).read_message()
        thread = newest_thread(started.process.pid)
        account = Phases(ringside, started.service)
        for _ in range(TIMES):
            os.sched_setaffinity(thread, {CPUS[way[0]]})
            client.send(request("GET", "/sleep?ms=50"))
            time.sleep(0.02)
            os.sched_setaffinity(thread, {CPUS[way[1]]})
            client.read_message()
    account.expect({("GET", "/sleep", "200"): TIMES})
    account.expect_phases("/sleep", blocked=0.050)


@pytest.mark.parametrize("way", [(0, 1), (1, 0)], ids=["up", "down"])
def test_moved_while_it_computes(ringside, server, way):
    started = server("httpserver")
    with Client(started.port) as client:
        client.send(request("GET", "/")).read_message()
        thread = newest_thread(started.process.pid)
        account = Phases(ringside, started.service)
        answers = []
        for _ in range(TIMES):
            os.sched_setaffinity(thread, {CPUS[way[0]]})
            client.send(request("GET", "/cpu?ms=50"))
            time.sleep(0.02)
            os.sched_setaffinity(thread, {CPUS[way[1]]})
            answers.append(client.read_message()[1])
    account.expect({("GET", "/cpu", "200"): TIMES})
    account.expect_phases("/cpu", on_cpu=average(answers, "cpu"), run_queue=average(answers, "run_queue"))
