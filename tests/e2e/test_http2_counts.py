"""Sent = reported with HTTP/2, in plaintext and TLS, whatever is on a connection together."""
import re
import subprocess
from contextlib import ExitStack

import pytest

from conftest import needs
from counting import Account
from load import ASKED, REQUESTS, expected
from observer import Ringside
from servers import MULTIPLEXED, Server, absent, those_here

HERE = those_here(MULTIPLEXED)
STREAMS = 100


def requests_for(kind):
    return max(200, int((ASKED or REQUESTS * 0.2) * MULTIPLEXED[kind].weight))


@pytest.fixture(scope="module")
def there_first():
    """All servers, with a used connection of 100 streams to each, opened before ringside starts."""
    with ExitStack() as stack:
        running = {}
        for name, kind in MULTIPLEXED.items():
            if not absent(kind):
                server = stack.enter_context(Server(kind))
                kept = stack.enter_context(server.load(1, streams=STREAMS))
                kept.run(200)
                running[name] = server, kept
        yield running


@pytest.fixture(scope="module")
def ringside(there_first):
    with Ringside() as running:
        yield running


@pytest.mark.parametrize("kind", HERE)
def test_server_started_before_ringside(ringside, there_first, kind):
    server, _ = there_first[kind]
    account = Account(ringside, server.service)
    with server.load(2, streams=STREAMS // 2) as load:
        account.expect(expected(load.run(requests_for(kind))))


@pytest.mark.parametrize("kind", HERE)
def test_connection_opened_before_ringside(ringside, there_first, kind):
    """What its header tables hold is not known: a request counts with path `*` until its path is named again, and as lost where
    its status is such a name (201: the usual others need no table). A read that was under way may count as one lost, too."""
    server, kept = there_first[kind]
    account = Account(ringside, server.service)
    sent = expected(kept.run(requests_for(kind)))
    total = sum(sent.values())
    account.ringside.wait_total(total, "http_requests_total", service=server.service)
    account.settle(sent, 1)
    seen = account.requests()
    wrong = {key: n for key, n in seen.items() if key not in sent and key[1] != "*"}
    assert not wrong, f"{seen}; sent {sent}"
    lost = ringside.lost(account.opening)
    assert 0 <= sum(seen.values()) + lost - total <= 1, f"{seen}; {lost} lost of {total}; {ringside.losses()}"
    assert sum(seen.values()) >= 0.85 * total, f"{seen}; {lost} lost of {total}; {ringside.losses()}"


@pytest.mark.parametrize("connections, streams", [(1, 1), (1, STREAMS), (64, 4)])
@pytest.mark.parametrize("kind", HERE)
def test_server_started_after_ringside(ringside, server, kind, connections, streams):
    started = server(MULTIPLEXED[kind])
    account = Account(ringside, started.service)
    with started.load(connections, streams=streams) as load:
        account.expect(expected(load.run(requests_for(kind) // (4 if streams == 1 else 1))))


@needs("h2load")
@pytest.mark.parametrize("kind", HERE)
def test_h2load(ringside, server, kind):
    """100 concurrent streams on one connection, by a client that is not ours."""
    started = server(MULTIPLEXED[kind])
    account = Account(ringside, started.service)
    n = requests_for(kind)
    scheme = "https" if started.kind.speaks == "h2" else "http"
    urls = [f"{scheme}://127.0.0.1:{started.port}{path}" for path in ("/", "/items/5?token=canary", "/fail", "/missing/6")]
    run = subprocess.run(["h2load", f"-n{n}", "-c1", f"-m{STREAMS}", *urls], capture_output=True, text=True, check=True)
    codes = [int(number) for number in re.search(r"(\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", run.stdout).groups()]
    assert codes == [n // 2, 0, n // 4, n // 4], run.stdout
    account.expect({("GET", "/", "200"): n // 4, ("GET", "/items/{id}", "200"): n // 4, ("GET", "/fail", "500"): n // 4,
                    ("GET", "(unmatched)", "404"): n // 4})


@pytest.mark.parametrize("kind", ["node-h2", "gohttp-h2c", "nginx-h2"])
def test_errors_and_histograms_agree_with_the_counter(ringside, server, kind):
    started = server(MULTIPLEXED[kind])
    account = Account(ringside, started.service)
    with started.load(2, streams=10) as load:
        requests = expected(load.run(340))
    account.expect(requests)
    errors = {key: n for key, n in requests.items() if key[2] >= "400"}
    assert account.since("http_errors_total", ("method", "path", "status")) == errors
    assert account.grown("http_request_duration_seconds_count") == 340
    assert account.grown("http_request_first_byte_seconds_count") == 340
