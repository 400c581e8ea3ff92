"""Sent = reported in TLS: every request to every kind of https server, by method, route and status, whoever was there first."""
from contextlib import ExitStack

import pytest

from counting import Account
from load import ASKED, REQUESTS, expected
from observer import Ringside
from servers import SECURED, Server, absent, those_here

HERE = those_here(SECURED)
# Variants of a program differ in how its functions are found, not in how connections come and go: unless numbers are asked for,
# some tests are for one of each family.
FAMILIES = HERE if ASKED else those_here({name: SECURED[name] for name in ("node", "httpserver", "uvicorn", "gohttp", "nginx")})
KEPT, CLOSED = False, True


def requests_for(kind, closing=KEPT):
    """The number asked for, or a tenth of the suite's usual one less what is slow; fewer where each needs a handshake."""
    return max(64, int((ASKED or REQUESTS * 0.1 * SECURED[kind].weight) * (0.2 if closing else 1)))


@pytest.fixture(scope="module")
def there_first():
    """All servers, with 64 used connections to each, opened before ringside starts."""
    with ExitStack() as stack:
        running = {}
        for name, kind in SECURED.items():
            if not absent(kind):
                server = stack.enter_context(Server(kind))
                kept = stack.enter_context(server.load(64))
                kept.run(128)
                running[name] = server, kept
        yield running


@pytest.fixture(scope="module")
def ringside(there_first):
    with Ringside() as running:
        yield running


def expect(kind, account, sent):
    """Exactly these requests. Of uvloop's, which reads many sockets before it hands its library what came, ringside cannot always
    tell whose a session is: what is not counted is lost with a count, and nothing counts as what it is not."""
    if kind != "uvicorn":
        account.expect(sent)
        return
    seen = account.settle(sent, 1)
    assert not seen - sent, account.difference(sent, seen)
    missing = sum((sent - seen).values())
    assert missing == account.ringside.lost(account.opening), account.difference(sent, seen)


@pytest.mark.parametrize("kind", HERE)
def test_connections_opened_before_ringside(ringside, there_first, kind):
    """A call that waits for the next request since before ringside came tells nothing of it: the first of each connection may be
    counted as lost, and so may what a client on this host waited for. Nothing is missed without being counted, and nothing
    counts as what it is not."""
    server, kept = there_first[kind]
    account = Account(ringside, server.service)
    sent = expected(kept.run(requests_for(kind)))
    seen = account.settle(sent, 2)
    wrong = {key: n for key, n in seen.items() if n > sent[key]}
    assert not wrong, account.difference(sent, seen)
    missing = sum((sent - seen).values())
    assert missing <= 2 * 64 and 0 <= ringside.lost(account.opening) - missing <= 2, account.difference(sent, seen)
    account = Account(ringside, server.service)
    expect(kind, account, expected(kept.run(requests_for(kind))))


@pytest.mark.parametrize("kind", FAMILIES)
def test_server_started_before_ringside(ringside, there_first, kind):
    server, _ = there_first[kind]
    account = Account(ringside, server.service)
    with server.load(64, CLOSED) as load:
        expect(kind, account, expected(load.run(requests_for(kind, CLOSED))))


@pytest.mark.parametrize("kind", HERE)
def test_server_started_after_ringside(ringside, server, kind):
    started = server(SECURED[kind])
    account = Account(ringside, started.service)
    with started.load(64, CLOSED) as load:
        expect(kind, account, expected(load.run(requests_for(kind, CLOSED))))


@pytest.mark.parametrize("kind", FAMILIES)
def test_kept_connections_to_a_server_started_after_ringside(ringside, server, kind):
    started = server(SECURED[kind])
    account = Account(ringside, started.service)
    with started.load(64) as load:
        expect(kind, account, expected(load.run(requests_for(kind))))


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp"])
def test_errors_and_histograms_agree_with_the_counter(ringside, server, kind):
    started = server(SECURED[kind])
    account = Account(ringside, started.service)
    with started.load(8) as load:
        requests = expected(load.run(1700))
    account.expect(requests)
    errors = {key: n for key, n in requests.items() if key[2] >= "400"}
    assert account.since("http_errors_total", ("method", "path", "status")) == errors
    assert account.grown("http_request_duration_seconds_count") == 1700
    assert account.grown("http_request_first_byte_seconds_count") == 1700


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp", "nginx"])
def test_large_answers(ringside, server, kind):
    """A mebibyte each, in many records: one request each, with all its bytes."""
    started = server(SECURED[kind])
    account = Account(ringside, started.service)
    with started.load(4, mix=["1 GET /big?bytes=1048576"]) as load:
        report = load.run(40)
    account.expect({("GET", "/big", "200"): 40})
    sent = account.grown("http_response_size_bytes_total")
    assert report["bytes"] == 40 << 20 <= sent <= 1.01 * (40 << 20), sent
