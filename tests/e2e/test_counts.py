"""Sent = reported: every request to every kind of server, by method, route and status, whoever was there first."""
import re
import subprocess
from contextlib import ExitStack

import pytest

from counting import Account
from load import ASKED, REQUESTS, Load, expected
from observer import Ringside
from servers import KINDS, Server

KEPT, CLOSED = False, True
SHAPES = [(KEPT, 1), (KEPT, 64), (CLOSED, 1), (CLOSED, 64)]
SHAPE_NAMES = ["kept-1", "kept-64", "closed-1", "closed-64"]


def requests_for(kind, closing, connections):
    """The number asked for, or else the suite's usual one less what is slow; a part of it where each request needs a connection or
    waits alone."""
    share = 1 if (closing, connections) == (KEPT, 64) else 0.15
    return max(100, int((ASKED or REQUESTS * KINDS[kind].weight) * share))


@pytest.fixture(scope="module")
def there_first():
    """All servers, with 64 used connections to each, opened before ringside starts."""
    with ExitStack() as stack:
        running = {}
        for kind in KINDS:
            server = stack.enter_context(Server(kind))
            kept = stack.enter_context(Load(server.port, 64))
            kept.run(128)
            running[kind] = server, kept
        yield running


@pytest.fixture(scope="module")
def ringside(there_first):
    with Ringside() as running:
        yield running


@pytest.mark.parametrize("kind", KINDS)
def test_connections_opened_before_ringside(ringside, there_first, kind):
    server, kept = there_first[kind]
    account = Account(ringside, server.service)
    report = kept.run(requests_for(kind, KEPT, 64))
    account.expect(expected(report))


@pytest.mark.parametrize("closing, connections", SHAPES, ids=SHAPE_NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_server_started_before_ringside(ringside, there_first, kind, closing, connections):
    server, _ = there_first[kind]
    account = Account(ringside, server.service)
    with Load(server.port, connections, closing) as load:
        report = load.run(requests_for(kind, closing, connections))
        account.expect(expected(report))


@pytest.mark.parametrize("closing, connections", SHAPES, ids=SHAPE_NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_server_started_after_ringside(ringside, server, kind, closing, connections):
    started = server(kind)
    account = Account(ringside, started.service)
    with Load(started.port, connections, closing) as load:
        report = load.run(requests_for(kind, closing, connections))
        account.expect(expected(report))


def test_first_requests_of_a_new_process_are_not_missed(ringside):
    """The very first request of a service ringside has never heard of counts, and so does one to a process that ends at once."""
    account = Account(ringside, "e2e-newcomer")
    for _ in range(5):
        with Server("gohttp", {"OTEL_SERVICE_NAME": "e2e-newcomer"}) as newcomer, Load(newcomer.port, mix=["1 GET /"]) as load:
            load.run(3)
    account.expect({("GET", "/", "200"): 15})


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp"])
def test_errors_and_histogram_agree_with_the_counter(ringside, server, kind):
    started = server(kind)
    account = Account(ringside, started.service)
    with Load(started.port, 8) as load:
        report = load.run(1700)
    requests = expected(report)
    account.expect(requests)
    errors = {key: n for key, n in requests.items() if key[2] >= "400"}
    assert account.since("http_errors_total", ("method", "path", "status")) == errors
    observed = sum(account.since("http_request_duration_seconds_count", ("method", "path")).values())
    assert observed == 1700
    assert sum(account.since("http_request_duration_seconds_bucket", (), le="+Inf").values()) == 1700
    assert sum(account.since("http_request_first_byte_seconds_count", ()).values()) == 1700


def test_a_client_is_not_a_server(ringside, server):
    """The load generator's own process has no server-side series."""
    with Load(server("gohttp").port, mix=["1 GET /"]) as load:
        load.run(100)
        ringside.wait_total(1, "http_requests_total", service="e2e-gohttp")
        served = {s.labels["service"] for s in ringside.scrape() if s.name == "http_requests_total"}
        assert not served & {"load", "e2e-load", ""}


@pytest.mark.parametrize("kind", ["node", "gohttp", "nginx"])
def test_wrk(ringside, server, kind, tmp_path):
    """wrk stops by the clock and drops what is in flight: between what it completed and that plus its connections."""
    started = server(kind)
    account = Account(ringside, started.service)
    run = subprocess.run(["wrk", "-t1", "-c32", "-d2s", f"http://127.0.0.1:{started.port}/"], capture_output=True, text=True, check=True)
    completed = int(re.search(r"(\d+) requests in", run.stdout).group(1))
    account.settle({("GET", "/", "200"): completed})
    seen = sum(account.requests().values())
    assert completed <= seen <= completed + 32, f"{account.requests()}, wrk completed {completed}; losses: {ringside.losses()}"
