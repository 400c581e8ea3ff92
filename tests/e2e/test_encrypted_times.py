"""Durations, phases and streaming answers in TLS and with HTTP/2, against the clocks of handler and client."""
import http.client
import ssl
import time

import pytest

from counting import Account
from phases import Phases, near
from servers import MULTIPLEXED, SECURED

TIMES = 6
STREAMING = [(SECURED, kind) for kind in ("node", "httpserver", "uvicorn", "gohttp")]
STREAMING += [(MULTIPLEXED, kind) for kind in ("node-h2c", "node-h2", "gohttp-h2c", "gohttp-h2", "hypercorn-h2")]


def unverified():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Client:
    """One kept connection in TLS."""

    def __init__(self, port):
        self.connection = http.client.HTTPSConnection("127.0.0.1", port, context=unverified(), timeout=10)
        self.connection.connect()

    def ask(self, path):
        self.connection.request("GET", path)
        return self.connection.getresponse().read()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.connection.close()


@pytest.mark.parametrize("kind", ["node", "node24", "httpserver", "aiohttp", "gohttp", "gohttp-1.19"])
def test_durations_agree_with_the_clocks_of_handler_and_client(ringside, server, kind):
    started = server(SECURED[kind])
    account = Account(ringside, started.service)
    waited = 0
    with Client(started.port) as client:
        client.ask("/")
        for ms in (3, 10, 30, 100, 300):
            begun = time.monotonic()
            client.ask(f"/sleep?ms={ms}")
            waited += time.monotonic() - begun
    account.expect({("GET", "/", "200"): 1, ("GET", "/sleep", "200"): 5})
    slept, lasted = 0.443, account.grown("http_request_duration_seconds_sum", path="/sleep")
    assert slept - 0.006 <= lasted <= waited, f"slept {slept}, ringside {lasted}, client {waited}"
    assert lasted >= 0.96 * waited, f"ringside {lasted}, client {waited}"


@pytest.mark.parametrize("kind", ["node", "httpserver", "uvicorn"])
def test_sleeping_is_blocked_and_computing_on_cpu(ringside, server, kind):
    started = server(SECURED[kind])
    account = Phases(ringside, started.service)
    with Client(started.port) as client:
        for _ in range(TIMES):
            client.ask("/sleep?ms=50")
            client.ask("/spin?ms=50")
    account.expect({("GET", "/sleep", "200"): TIMES, ("GET", "/spin", "200"): TIMES})
    account.expect_phases("/sleep", blocked=0.050)
    phases, duration = account.per_request("/spin")
    assert near(phases.get("on_cpu", 0) + phases.get("run_queue", 0), 0.050), f"{phases} of {duration}"
    assert abs(sum(phases.values()) - duration) <= 0.01 * duration, f"{phases} are not {duration}"


@pytest.mark.parametrize("kind", ["node", "node22", "uvicorn"])
def test_behind_a_blocked_event_loop_is_socket_wait(ringside, server, kind):
    """A second request comes 20 ms after one that spins for 100 ms: until that ends nobody reads it."""
    started = server(SECURED[kind])
    account = Phases(ringside, started.service)
    known = 0
    with Client(started.port) as spinning, Client(started.port) as waiting:
        spinning.ask("/items/1")
        waiting.ask("/items/2")
        for _ in range(TIMES):
            spinning.connection.request("GET", "/spin?ms=100")
            begun = time.monotonic()
            time.sleep(0.02)
            waiting.connection.request("GET", "/")
            spinning.connection.getresponse().read()
            known += time.monotonic() - begun - 0.02
            waiting.connection.getresponse().read()
    account.expect({("GET", "/items/{id}", "200"): 2, ("GET", "/spin", "200"): TIMES, ("GET", "/", "200"): TIMES})
    account.expect_phases("/", socket_wait=known / TIMES)


@pytest.mark.parametrize("table, kind", STREAMING, ids=[kind for _, kind in STREAMING])
def test_streaming_answers(ringside, server, table, kind):
    """Five events, 100 ms apart: in flight while they come; the first byte and the whole are two figures."""
    started = server(table[kind])
    account = Account(ringside, started.service)
    in_flight = []
    with started.load(2, streams=2, mix=["1 GET /events?n=5&ms=100"]) as load:
        load.order("run 2")
        for _ in range(3):
            time.sleep(0.12)
            in_flight.append(ringside.total("http_requests_in_flight", service=started.service))
        assert not load.answer()["failed"]
    account.expect({("GET", "/events", "200"): 2})
    assert 2 in in_flight, in_flight
    assert ringside.total("http_requests_in_flight", service=started.service) == 0
    first, whole = account.grown("http_request_first_byte_seconds_sum"), account.grown("http_request_duration_seconds_sum")
    assert first / 2 < 0.08, f"first byte after {first / 2} s"
    assert 0.39 <= whole / 2 <= 0.6, f"whole answer after {whole / 2} s"


@pytest.mark.parametrize("kind", ["node-h2c", "node-h2", "gohttp-h2c", "gohttp-h2", "hypercorn-h2"])
def test_durations_of_streams_side_by_side(ringside, server, kind):
    """Twenty streams of one connection sleep together: each lasts as long as it slept, not as long as its neighbours."""
    started = server(MULTIPLEXED[kind])
    account = Account(ringside, started.service)
    with started.load(1, streams=20, mix=["1 GET /sleep?ms=20", "1 GET /sleep?ms=200"]) as load:
        report = load.run(40)
    account.expect({("GET", "/sleep", "200"): 40})
    waited, lasted = sum(report["waited"].values()), account.grown("http_request_duration_seconds_sum")
    assert 20 * 0.219 <= lasted <= waited, f"ringside {lasted}, client {waited}"
    assert account.grown("http_request_duration_seconds_bucket", le="0.1") >= 15
