"""gRPC calls by method and status, unary and streaming, against what the client itself saw; grpc-go's client, two servers."""
import json
import subprocess
from collections import Counter

import pytest

import built
from counting import Account
from observer import SETTLE_SECONDS
from servers import CALLED, those_here

SERVICE = "/e2e.shop.Orders/"
# times, method, status; then messages, ms between them, bytes in each
UNARY = ["200 Create 0", "50 Create 5", "20 Create 13 0 1", "30 Create 0 0 2 20000"]
STREAMS = ["30 List 0 3 1 100", "10 List 8 2 1 10", "5 List 0 10 0 5000", "20 Upload 0 5", "5 Upload 7 2", "20 Chat 0 5 0 50", "5 Chat 9 3"]
ABSENT = ["10 Absent 0"]


def call(server, *calls, streams=20):
    command = [built.GRPC, "call", f"-address=127.0.0.1:{server.port}", f"-streams={streams}"]
    secured = ["-tls"] if server.kind.speaks == "h2" else []
    done = subprocess.run([*command, *secured, *calls], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def by_status(report):
    """{(method, status): calls} by the client's report."""
    return Counter({tuple(key.split(" ")): n for key, n in report["counts"].items()})


class Calls(Account):
    def grpc(self):
        return Counter(self.since("grpc_requests_total", ("method", "grpc_status")))

    def expect_calls(self, known):
        """These calls in gRPC's own counter, and as requests with HTTP's status, which is 200 even for calls that failed."""
        requests = Counter()
        for (method, _), n in known.items():
            requests["POST", method, "200"] += n
        self.expect(requests, SETTLE_SECONDS)
        assert self.grpc() == known, f"{self.grpc()}; known {known}; {self.ringside.losses()}"


@pytest.fixture(params=those_here(CALLED))
def calls(request, ringside):
    """A server of gRPC whose calls are seen, and an account of it."""
    from servers import Server
    started = request.getfixturevalue("called")
    if request.param not in started:
        started[request.param] = Server(CALLED[request.param])
        wait_called(ringside, started[request.param])
    server = started[request.param]
    account = Calls(ringside, server.service)
    account.server = server
    return account


@pytest.fixture(scope="module")
def called():
    started = {}
    yield started
    for server in started.values():
        server.stop()


def wait_called(ringside, server):
    account = Calls(ringside, server.service)
    for _ in range(50):
        call(server, "1 Create 0")
        if account.settle({("POST", SERVICE + "Create", "200"): 1}, 0.2):
            return
    raise AssertionError(f"{server.service} is not seen: {ringside.losses()}")


@pytest.mark.parametrize("streams", [1, 100])
def test_unary(calls, streams):
    calls.expect_calls(by_status(call(calls.server, *UNARY, streams=streams)))


@pytest.mark.parametrize("streams", [1, 100])
def test_streaming(calls, streams):
    calls.expect_calls(by_status(call(calls.server, *STREAMS, streams=streams)))


def test_all_together(calls):
    calls.expect_calls(by_status(call(calls.server, *UNARY, *STREAMS, streams=100)))


def test_methods_that_are_not_there(calls):
    """What nobody implements would be a series for each name that a stranger thinks of."""
    report = call(calls.server, "20 Create 0", *ABSENT)
    assert by_status(report)[SERVICE + "Absent", "12"] == 10
    calls.settle({("POST", SERVICE + "Create", "200"): 20, ("POST", "(unmatched)", "200"): 10})
    seen = calls.grpc()
    assert seen[SERVICE + "Create", "0"] == 20
    assert sum(n for (_, status), n in seen.items() if status == "12") == 10, seen


def test_calls_that_the_client_gives_up(calls):
    report = call(calls.server, "10 Create 0 0 700 0 100", "30 Create 0")
    assert by_status(report) == {(SERVICE + "Create", "1"): 10, (SERVICE + "Create", "0"): 30}
    calls.expect({("POST", SERVICE + "Create", "aborted"): 10, ("POST", SERVICE + "Create", "200"): 30}, 4)
    assert calls.grpc()[SERVICE + "Create", "0"] == 30


def test_durations(calls):
    """A unary call lasts as long as its handler sleeps, a stream until its last message; never longer than the client waited."""
    report = call(calls.server, "20 Create 0 0 30", "10 List 0 4 20 10", streams=5)
    calls.expect_calls(by_status(report))
    for method, least in (("Create", 20 * 0.030), ("List", 10 * 0.060)):
        lasted = calls.grown("grpc_request_duration_seconds_sum", method=SERVICE + method)
        assert calls.grown("grpc_request_duration_seconds_count", method=SERVICE + method) in (10, 20)
        assert 0.97 * least <= lasted <= report["waited"][SERVICE + method], f"{method}: {lasted} s; {report['waited']}"
