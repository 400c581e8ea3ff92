"""What HTTP/2 can look like: large bodies, trailers, resets, GOAWAY, frames cut and padded, Upgrade, and HTTP/1 beside it."""
import subprocess
import threading
import time

import pytest

import http2_wire
from conftest import needs
from counting import Account
from load import Load, expected
from servers import MULTIPLEXED, those_here

HERE = those_here(MULTIPLEXED)
MIB = 1 << 20
WITH_UPLOADS = [name for name in MULTIPLEXED if not name.startswith("nginx")]
WITH_TRAILERS = [name for name in MULTIPLEXED if name.startswith(("node", "gohttp"))]
PLAIN = ["node-h2c", "gohttp-h2c", "nginx-h2c", "hypercorn-h2c"]


@pytest.fixture
def started(ringside, server, kind):
    """The server of the test's `kind`, with what is counted of it from now on."""
    running = server(MULTIPLEXED[kind])
    running.account = Account(ringside, running.service)
    return running


@pytest.mark.parametrize("kind", HERE)
def test_large_answers(started, kind):
    with started.load(1, streams=10, mix=[f"1 GET /big?bytes={MIB}", "3 GET /"]) as load:
        report = load.run(80)
    started.account.expect({("GET", "/big", "200"): 20, ("GET", "/", "200"): 60})
    sent = started.account.grown("http_response_size_bytes_total")
    assert 20 * MIB <= report["bytes"] <= sent <= 1.01 * report["bytes"] + 80 * 1024, sent


@pytest.mark.parametrize("kind", WITH_UPLOADS)
def test_large_requests(started, kind):
    """Bodies of many frames, which wait for the server's windows."""
    size = 100000
    with started.load(1, streams=5, mix=["1 POST /upload " + "u" * size, "3 GET /"]) as load:
        load.run(40)
    started.account.expect({("POST", "/upload", "200"): 10, ("GET", "/", "200"): 30})
    received = started.account.grown("http_request_size_bytes_total")
    assert 10 * size <= received <= 1.01 * 10 * size + 40 * 1024, received


@pytest.mark.parametrize("kind", WITH_TRAILERS)
def test_trailers(started, kind):
    with started.load(1, streams=10, mix=["1 GET /trailers", "1 GET /"]) as load:
        load.run(100)
    started.account.expect({("GET", "/trailers", "200"): 50, ("GET", "/", "200"): 50})


@pytest.mark.parametrize("kind", ["node-h2c", "node-h2", "gohttp-h2c", "gohttp-h2", "hypercorn-h2c"])
def test_cancelling_clients(started, kind):
    """Streams that the client resets before the answer are aborted; those beside them on the connection are not."""
    with started.load(1, streams=20, cancel_ms=100, mix=["1 GET /sleep?ms=600", "1 GET /sleep?ms=1"]) as load:
        report = load.run(40)
        assert report["counts"] == {"GET /sleep?ms=600 aborted": 20, "GET /sleep?ms=1 200": 20}
        time.sleep(0.7)
    started.account.expect({("GET", "/sleep", "aborted"): 20, ("GET", "/sleep", "200"): 20})
    assert started.account.grown("http_errors_total") == 20


@pytest.mark.parametrize("kind", PLAIN)
def test_frames_cut_and_padded(started, kind):
    """HEADERS with padding and priority, cut into CONTINUATION frames, sent a byte at a time: each a request."""
    with http2_wire.Client(started.port) as client:
        client.request("/items/1")
        client.request("/items/2", padding=100)
        client.request("/items/3", priority=True)
        client.request("/items/4", fragments=5, filler=2000)
        client.request("/items/5", padding=7, priority=True, fragments=3, filler=300)
        client.request("/items/6", pieces=1)
        client.request("/items/7", pieces=7, fragments=4, filler=300)
        client.answers(7)
    started.account.expect({("GET", "/items/{id}", "200"): 7})


@pytest.mark.parametrize("kind", PLAIN)
def test_ping_settings_and_unknown_frames_between(started, kind):
    with http2_wire.Client(started.port) as client:
        for number in range(5):
            client.frame(http2_wire.PING, 0, 0, b"\0" * 8)
            client.frame(http2_wire.WINDOW_UPDATE, 0, 0, (1000).to_bytes(4, "big"))
            client.frame(0xbe, 0, 0, b"nobody knows this type")
            client.request(f"/items/{number}")
        client.answers(5)
    started.account.expect({("GET", "/items/{id}", "200"): 5})


@pytest.mark.parametrize("kind", ["node-h2c", "gohttp-h2c", "nginx-h2c"])
def test_client_says_goaway(started, kind):
    """What was asked before it is answered and counted."""
    with http2_wire.Client(started.port) as client:
        client.request("/items/1")
        client.request("/items/2")
        client.frame(http2_wire.GOAWAY, 0, 0, b"\0" * 8)
        client.answers(2)
    started.account.expect({("GET", "/items/{id}", "200"): 2})


@pytest.mark.parametrize("kind", ["node-h2c", "gohttp-h2c", "gohttp-h2"])
def test_client_goes_away(started, kind):
    """The connection ends while streams wait for their answers."""
    with http2_wire.Client(started.port, tls=kind.endswith("-h2")) as client:
        for _ in range(5):
            client.request("/sleep?ms=500")
        client.request("/")
        client.answers(1)
    started.account.expect({("GET", "/sleep", "aborted"): 5, ("GET", "/", "200"): 1})


@needs("nghttp")
@pytest.mark.parametrize("kind", ["gohttp-h2c", "hypercorn-h2c"])
def test_upgrade(started, kind):
    """The first request is HTTP/1.1 and answered as stream 1; the others are HTTP/2."""
    address = f"http://127.0.0.1:{started.port}"
    done = subprocess.run(["nghttp", "--upgrade", "--null-out", f"{address}/items/1", f"{address}/items/2", f"{address}/"],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    started.account.expect({("GET", "/items/{id}", "200"): 2, ("GET", "/", "200"): 1})


@needs("curl")
@pytest.mark.parametrize("kind", HERE)
def test_curl(started, kind):
    secured = started.kind.speaks == "h2"
    flags = ["--http2", "--insecure"] if secured else ["--http2-prior-knowledge"]
    address = f"http{'s' if secured else ''}://127.0.0.1:{started.port}"
    command = ["curl", "--silent", *flags, "--write-out", "%{http_version} %{http_code}\n", "--output", "/dev/null"]
    for path, times in (("/", 3), ("/fail", 2)):
        for _ in range(times):
            said = subprocess.run([*command, address + path], capture_output=True, text=True, check=True).stdout
            assert said == f"2 {'500' if path == '/fail' else '200'}\n"
    subprocess.run([*command, address + "/items/8"], check=True, stdout=subprocess.DEVNULL)
    head = subprocess.run([*command, "--head", address + "/items/9"], capture_output=True, text=True, check=True).stdout.split()[1]
    started.account.expect({("GET", "/", "200"): 3, ("GET", "/fail", "500"): 2, ("GET", "/items/{id}", "200"): 1,
                            ("HEAD", "/items/{id}", head): 1})


@pytest.mark.parametrize("kind", ["node-h2", "gohttp-h2", "nginx-h2", "hypercorn-h2"])
def test_http1_beside_http2(started, kind):
    """The same TLS port, one client of each kind at the same time."""
    with started.load(1, streams=10) as second, Load(started.port, 4, speak="https") as first:
        reports = {}
        threads = [threading.Thread(target=lambda it=it: reports.update({it: it.run(340)})) for it in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    started.account.expect(expected(reports[first]) + expected(reports[second]))
