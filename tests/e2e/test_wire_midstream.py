"""ringside comes in the middle of conversations: what had begun may be lost, what begins after is counted."""
import time

import pytest

from counting import Account
from observer import Ringside
from wire import GET, HEAD_READ, OK, RawServer, expect_gets, request, response

BODY = b"b" * 3000
POST = request("POST", "/items/7", body=BODY)
LONG = response(body="", length=200000)
ANSWERING = ["repeat", 20, [HEAD_READ, ["send", OK]]]


def idle(client):
    client.send(GET).read_answer(OK)
    return lambda: None


def half_a_head(client):
    client.send(GET[:20])
    return lambda: client.send(GET[20:]).read_answer(OK)


def half_a_body(client):
    client.send(POST[:-2000])
    return lambda: client.send(POST[-2000:-1000], POST[-1000:]).read_answer(OK)


def unanswered(client):
    client.send(GET)
    return lambda: client.read_answer(OK)


def half_an_answer(client):
    client.send(GET).read_answer(LONG)
    client.read(100000)
    return lambda: client.read(100000)


SITUATIONS = {
    "idle": (idle, [ANSWERING]),
    "half-a-head": (half_a_head, [ANSWERING]),
    "half-a-body": (half_a_body, [HEAD_READ, ["read", len(BODY)], ["send", OK], ANSWERING]),
    "unanswered": (unanswered, [HEAD_READ, ["pause", 2000], ["send", OK], ANSWERING]),
    "half-an-answer": (half_an_answer, [HEAD_READ, ["send", LONG], ["zeros", 100000], ["pause", 2000], ["zeros", 100000], ANSWERING]),
}


@pytest.fixture(scope="module")
def joined():
    """Each conversation is brought to its middle, ringside started, and what was left of it finished."""
    servers, clients = {}, {}
    rests = {}
    try:
        for name, (begin, script) in SITUATIONS.items():
            servers[name] = RawServer(None, f"midstream-{name}", script)
            clients[name] = servers[name].connect()
            rests[name] = begin(clients[name])
        with Ringside() as ringside:
            for rest in rests.values():
                rest()
            time.sleep(0.5)
            yield ringside, clients
    finally:
        for each in [*clients.values(), *servers.values()]:
            each.__exit__()


@pytest.mark.parametrize("name", SITUATIONS)
def test_requests_after(joined, name):
    ringside, clients = joined
    account = Account(ringside, f"midstream-{name}")
    for _ in range(10):
        clients[name].send(GET).read_answer(OK)
    account.expect(expect_gets(10))


def test_nothing_is_invented(joined):
    """Each conversation had at most one request in its middle; statuses are those that were sent."""
    ringside, _ = joined
    for name in SITUATIONS:
        sums = {(s.labels["method"], s.labels["status"]): s.value for s in ringside.scrape()
                if s.name == "http_requests_total" and s.labels["service"] == f"midstream-{name}"}
        assert sum(sums.values()) <= 11 and set(sums) <= {("GET", "200"), ("POST", "200")}, f"{name}: {sums}"
