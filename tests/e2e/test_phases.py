"""Why a request was slow: each kind of waiting lands in its own phase, as long as it is known to have been."""
import threading
import time

import pytest

from counting import Account
from phases import Phases, average, near
from wire import Client, request

TIMES = 10


def ask(client, path):
    status, body = client.send(request("GET", path)).read_message()
    assert status == "200"
    return body


def asked(ringside, server, path, times=TIMES):
    """Asks so many times over one connection, waits for the count; returns the account and the answers."""
    account = Phases(ringside, server.service)
    with Client(server.port) as client:
        answers = [ask(client, path) for _ in range(times)]
    account.expect({("GET", path.partition("?")[0], "200"): times})
    return account, answers


@pytest.mark.parametrize("kind", ["node", "httpserver"])
def test_computing_is_on_cpu(ringside, server, kind):
    """The handler says how much of its 50 ms it had no CPU, for other processes may be busy."""
    account, answers = asked(ringside, server(kind), "/spin?ms=50")
    account.expect_phases("/spin", on_cpu=average(answers, "cpu"), run_queue=average(answers, "run_queue"))


@pytest.mark.parametrize("kind", ["express", "flask-threads", "fastapi"])
def test_computing_is_on_cpu_or_waits_for_one(ringside, server, kind):
    account, _ = asked(ringside, server(kind), "/spin?ms=50")
    phases, duration = account.per_request("/spin")
    assert near(phases.get("on_cpu", 0) + phases.get("run_queue", 0), 0.050), f"{phases} of {duration}"
    assert phases["on_cpu"] > 0.01


@pytest.mark.parametrize("kind", ["node", "express", "httpserver", "flask-threads", "fastapi"])
def test_sleeping_is_blocked(ringside, server, kind):
    account, _ = asked(ringside, server(kind), "/sleep?ms=50")
    account.expect_phases("/sleep", blocked=0.050)


def test_waiting_for_a_lock_is_blocked(ringside, server):
    account, answers = asked(ringside, server("httpserver"), "/lock?ms=50")
    account.expect_phases("/lock", blocked=average(answers, "wall"))


@pytest.mark.parametrize("kind", ["gohttp", "gin"])
def test_go_moves_requests_between_threads(ringside, server, kind):
    """Which thread answers is the Go scheduler's choice: either it is the one that read, or the time cannot be divided."""
    for path in ("/spin", "/sleep"):
        account, _ = asked(ringside, server(kind), f"{path}?ms=50")
        phases, duration = account.per_request(path)
        working = ("on_cpu", "run_queue", "app") if path == "/spin" else ("blocked", "app")
        assert near(sum(phases.get(phase, 0) for phase in working), 0.050), phases
        assert abs(sum(phases.values()) - duration) <= 0.01 * duration, phases


@pytest.mark.parametrize("kind", ["node", "fastapi"])
@pytest.mark.parametrize("accepted", [True, False], ids=["open-connection", "accept-queue"])
def test_behind_a_blocked_event_loop_is_socket_wait(ringside, server, kind, accepted):
    """A second request comes 20 ms after one that spins for 100 ms: until that ends nobody reads it."""
    started = server(kind)
    account = Phases(ringside, started.service)
    known = 0
    with Client(started.port) as spinning, Client(started.port) as open_one:
        ask(spinning, "/items/1")
        ask(open_one, "/items/2")
        for _ in range(TIMES):
            spinning.send(request("GET", "/spin?ms=100"))
            time.sleep(0.02)
            waiting = open_one if accepted else Client(started.port)
            begun = time.monotonic()
            waiting.send(request("GET", "/"))
            assert spinning.read_message()[0] == "200"
            known += time.monotonic() - begun
            assert waiting.read_message()[0] == "200"
            if not accepted:
                waiting.close()
    account.expect({("GET", "/items/{id}", "200"): 2, ("GET", "/spin", "200"): TIMES, ("GET", "/", "200"): TIMES})
    account.expect_phases("/", socket_wait=known / TIMES)


@pytest.mark.parametrize("kind", ["httpserver", "node"])
def test_slow_reader_is_send(ringside, server, kind):
    """4 MiB to a client with a small buffer that takes its time: what it lasted from the first byte to the last is known."""
    size, known = 4 << 20, 0
    account = Phases(ringside, server(kind).service)
    for _ in range(3):
        with Client(server(kind).port, receive_buffer=32768) as client:
            client.send(request("GET", f"/big?bytes={size}")).read_head()
            begun = time.monotonic()
            for _ in range(64):
                client.read(size // 64)
                time.sleep(0.005)
            known += time.monotonic() - begun - 0.005
    account.expect({("GET", "/big", "200"): 3})
    account.expect_phases("/big", send=known / 3)


@pytest.mark.parametrize("kind", ["httpserver", "node", "gohttp"])
def test_durations_agree_with_the_clocks_of_handler_and_client(ringside, server, kind):
    """Never shorter than what the handler slept, never longer than what the client waited."""
    started = server(kind)
    account = Account(ringside, started.service)
    waited = 0
    with Client(started.port) as client:
        for ms in (1, 3, 10, 30, 100, 300):
            begun = time.monotonic()
            ask(client, f"/sleep?ms={ms}")
            waited += time.monotonic() - begun
    account.expect({("GET", "/sleep", "200"): 6})
    slept, lasted = 0.444, account.grown("http_request_duration_seconds_sum")
    assert slept - 0.006 <= lasted <= waited, f"slept {slept}, ringside {lasted}, client {waited}"
    assert lasted >= 0.97 * waited, f"ringside {lasted}, client {waited}"


def test_durations_fall_into_their_buckets(ringside, server):
    account = Account(ringside, server("httpserver").service)
    with Client(server("httpserver").port) as client:
        for ms in (3, 3, 30, 300):
            ask(client, f"/sleep?ms={ms}")
    account.expect({("GET", "/sleep", "200"): 4})
    buckets = {float(le): n for (le,), n in account.since("http_request_duration_seconds_bucket", ("le",)).items()}
    assert {le: buckets.get(le, 0) for le in (0.0025, 0.01, 0.025, 0.1, 0.25, 0.5, 10.0)} == {
        0.0025: 0, 0.01: 2, 0.025: 2, 0.1: 3, 0.25: 3, 0.5: 4, 10.0: 4}


def test_requests_at_the_same_time_have_phases_of_their_own(ringside, server):
    """Eight threads sleep 50 ms each, together: every request is blocked for 50 ms, none inherits a neighbour's time."""
    started = server("httpserver")
    account = Phases(ringside, started.service)

    def work():
        with Client(started.port) as client:
            for _ in range(TIMES):
                ask(client, "/sleep?ms=50")
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    account.expect({("GET", "/sleep", "200"): 8 * TIMES})
    account.expect_phases("/sleep", blocked=0.050)
