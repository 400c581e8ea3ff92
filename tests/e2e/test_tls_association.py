"""Which socket a session belongs to: many in one thread, interleaved, used again, older than ringside, of another process."""
import ssl
import time

import pytest

import tls
from counting import Account
from observer import Ringside

WAYS = ["threads", "select", "memory", "forking"]


@pytest.fixture(scope="module", params=WAYS)
def seen(request, ringside):
    """A server in each way whose requests are already counted, and what is counted of it from then on."""
    with tls.TlsServer(request.param) as server:
        tls.wait_decoded(ringside, server.port, server.service)
        yield server


def unparsed(ringside):
    return {sample.labels["reason"]: sample.value for sample in ringside.scrape()
            if sample.name == "ringside_connections_unparsed_total"}


def mean_duration(account, path):
    count = account.grown("http_request_duration_seconds_count", path=path)
    return account.grown("http_request_duration_seconds_sum", path=path) / count


def test_one_connection(ringside, seen):
    account = Account(ringside, seen.service)
    with tls.TlsClient(seen.port) as client:
        for _ in range(50):
            client.get("/one")
    account.expect({("GET", "/one", "200"): 50})


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_sessions_at_the_same_address(ringside, seen, version):
    """Connections one after the other: their session objects lie where those before them lay."""
    account = Account(ringside, seen.service)
    context = tls.client_context(version)
    for _ in range(100):
        with tls.TlsClient(seen.port, context) as client:
            client.get("/again")
    account.expect({("GET", "/again", "200"): 100})


def test_interleaved(ringside, seen):
    """Requests whose records arrive in two parts, all in flight at once: each has the arrival of its own first part."""
    account = Account(ringside, seen.service)
    delays = {"slow": 0.3, "slower": 0.5, "slowest": 0.7}
    clients = {name: [tls.TlsClient(seen.port) for _ in range(4)] for name in delays}
    rests = []
    begin = time.monotonic()
    for name, each in clients.items():
        for client in each:
            records = client.records(tls.request(f"/{name}"))
            client.sock.sendall(records[:20])
            rests.append((begin + delays[name], client, records[20:]))
    for due, client, rest in sorted(rests, key=lambda item: item[0]):
        time.sleep(max(0, due - time.monotonic()))
        client.sock.sendall(rest)
    for _, client, _ in rests:
        client.answer()
        client.close()
    account.expect({("GET", f"/{name}", "200"): 4 for name in delays})
    for name, delay in delays.items():
        assert mean_duration(account, f"/{name}") == pytest.approx(delay, abs=0.1), name


def test_answers_cross(ringside, seen):
    """New connections between the requests of old ones, some without a request."""
    account = Account(ringside, seen.service)
    old = [tls.TlsClient(seen.port) for _ in range(8)]
    for turn in range(10):
        new = [tls.TlsClient(seen.port) for _ in range(3)]
        for client in old:
            client.send(tls.request("/old"))
        new[0].send(tls.request("/new"))
        new[1].send(tls.request("/new"))
        for client in (*old, *new[:2]):
            client.answer()
        for client in new:
            client.close()
    for client in old:
        client.close()
    account.expect({("GET", "/old", "200"): 80, ("GET", "/new", "200"): 20})


def test_request_in_two_records(ringside, seen):
    account = Account(ringside, seen.service)
    head = tls.request("/two", fields=["X-Filler: " + "f" * 600])
    with tls.TlsClient(seen.port) as client:
        for _ in range(5):
            client.send(head[:30])
            time.sleep(0.1)
            client.send(head[30:])
            client.answer()
    account.expect({("GET", "/two", "200"): 5})
    assert mean_duration(account, "/two") == pytest.approx(0.1, abs=0.05)


def test_bodies(ringside, seen):
    account = Account(ringside, seen.service)
    with tls.TlsClient(seen.port) as client:
        for size in (1, 5000, 70000, 300000):
            client.send(tls.request("/body", "POST", b"b" * size))
            client.answer()
        for size in (0, 3000, 50000, 1000000):
            client.get(f"/size/{size}")
    account.expect({("POST", "/body", "200"): 4, ("GET", "/size/{id}", "200"): 4})
    assert account.grown("http_response_size_bytes_total") > 1053000


def test_handshake_without_request(ringside, seen):
    account, before = Account(ringside, seen.service), unparsed(ringside)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for _ in range(10):
            tls.TlsClient(seen.port, tls.client_context(version)).close()
    time.sleep(1)
    account.expect({})
    assert unparsed(ringside) == before


def test_blocked_thread_shows_as_socket_wait(ringside, seen):
    """One that blocks the only thread makes the next one wait in its socket; elsewhere it does not."""
    account = Account(ringside, seen.service)
    with tls.TlsClient(seen.port) as first, tls.TlsClient(seen.port) as second:
        first.get("/warm")
        second.get("/warm")
        first.send(tls.request("/block/300"))
        time.sleep(0.1)
        second.send(tls.request("/behind"))
        first.answer()
        second.answer()
    account.expect({("GET", "/warm", "200"): 2, ("GET", "/block/{id}", "200"): 1, ("GET", "/behind", "200"): 1})
    waited = account.grown("http_request_phase_seconds_total", path="/behind", phase="socket_wait")
    if seen.service.endswith(("select", "memory")):
        assert waited == pytest.approx(0.2, abs=0.06)
    else:
        assert waited < 0.06


@pytest.mark.parametrize("way", WAYS)
def test_connections_older_than_ringside(way):
    """Every request is counted, or counted as lost: those that a thread was already waiting for within its library."""
    with tls.TlsServer(way) as server:
        clients = [tls.TlsClient(server.port) for _ in range(6)]
        for client in clients[:3]:
            client.get("/unseen")
        with Ringside() as ringside:
            time.sleep(1)
            for _ in range(10):
                for client in clients:
                    client.get("/seen")
            lost = 6 if way in ("threads", "forking") else 0
            assert ringside.wait_total(60 - lost, "http_requests_total", service=server.service, path="/seen") == 60 - lost
            assert ringside.total("ringside_events_lost_total", reason="tls_session") == lost
        for client in clients:
            client.close()


def test_client_that_leaves(ringside, seen):
    """No answer, because the client has gone: counted, and as what it is."""
    account = Account(ringside, seen.service)
    client = tls.TlsClient(seen.port)
    client.get("/warm")
    client.send(tls.request("/left", "POST", b"b" * 10, ["Expect: nothing"])[:-5])
    time.sleep(0.2)
    client.close()
    account.expect({("GET", "/warm", "200"): 1, ("POST", "/left", "aborted"): 1})
