"""Several requests on their way at once on one connection."""
from collections import Counter

import pytest

from counting import Account
from wire import GET, HEAD_READ, OK, Client, expect_gets, request, response

FIVE = [request("GET", f"/items/{i}") for i in range(5)]
STATUSES = ["200 OK", "201 Created", "404 Not Found", "500 Oops", "200 OK"]
ANSWERS = [response(status) for status in STATUSES]
MIXED = {("GET", "/items/{id}", "200"): 2, ("GET", "/items/{id}", "201"): 1, ("GET", "/items/{id}", "404"): 1,
         ("GET", "/items/{id}", "500"): 1}
ALL_READ = ["repeat", 5, [HEAD_READ]]
TOGETHER = [ALL_READ, ["send", "".join(ANSWERS)]]
APART = [ALL_READ, *(step for answer in ANSWERS for step in (["send", answer], ["pause", 2]))]
IN_TURN = [step for answer in ANSWERS for step in (HEAD_READ, ["send", answer])]


def folded(series):
    """A 404 on a route that others answered is the route's; on one that is unknown it is (unmatched): both are right here."""
    sums = Counter()
    for (method, _, status), n in series.items():
        sums[method, "*", status] += n
    return sums


@pytest.mark.parametrize("answering", [TOGETHER, APART, IN_TURN], ids=["answers-together", "answers-apart", "answers-in-turn"])
@pytest.mark.parametrize("together", [True, False], ids=["requests-together", "requests-apart"])
def test_five_requests(script, together, answering):
    server = script(*answering, ["eof"])
    with server.connect() as client:
        client.send(*([b"".join(FIVE)] if together else FIVE)).read_answer("".join(ANSWERS))
        seen = server.account.settle(MIXED)
    assert folded(seen) == folded(MIXED), f"{seen}; losses: {server.account.ringside.losses()}"


def test_segments_that_end_inside_the_next_request(script):
    """The stream of ten requests cut every 33 bytes, without regard to where one ends."""
    server = script(["repeat", 10, [HEAD_READ, ["send", OK]]], ["eof"])
    stream = GET * 10
    with server.connect() as client:
        client.send(*(stream[i:i + 33] for i in range(0, len(stream), 33))).read_answer(OK * 10)
        server.expect(expect_gets(10))


def test_answers_cut_without_regard_to_their_ends(script):
    server = script(["repeat", 10, [HEAD_READ]], ["send_apart", OK * 10, 17, 1], ["eof"])
    with server.connect() as client:
        client.send(GET * 10).read_answer(OK * 10)
        server.expect(expect_gets(10))


def test_posts_with_bodies(script):
    """The body of one and the head of the next share a segment."""
    body = b"GET /stolen HTTP/1.1\r\n\r\n"
    server = script(["repeat", 4, [HEAD_READ, ["read", len(body)], ["send", OK]]], ["eof"])
    with server.connect() as client:
        client.send(request("POST", "/items/7", body=body) * 4).read_answer(OK * 4)
        server.expect({("POST", "/items/{id}", "200"): 4})


def test_head_and_get_keep_their_order(script):
    """The answer to HEAD has a Content-Length and no body: taking one for it would swallow the next answer."""
    no_body = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    server = script(["repeat", 4, [HEAD_READ]], ["send", no_body + OK + no_body + OK], ["eof"])
    with server.connect() as client:
        client.send((request("HEAD") + GET) * 2).read_answer((no_body + OK) * 2)
        server.expect({("HEAD", "/items/{id}", "200"): 2, **expect_gets(2)})


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp", "nginx"])
@pytest.mark.parametrize("deep", [2, 16])
def test_real_server(ringside, server, kind, deep):
    account = Account(ringside, server(kind).service)
    with Client(server(kind).port) as client:
        for _ in range(10):
            client.send(GET * deep)
            assert [client.read_message()[0] for _ in range(deep)] == ["200"] * deep
        account.expect(expect_gets(10 * deep))


def test_hundred_in_one_go(script):
    """More at once than a small table of open requests would hold."""
    server = script(["repeat", 100, [HEAD_READ]], ["send", OK * 100], ["eof"])
    with server.connect() as client:
        client.send(GET * 100).read_answer(OK * 100)
        server.expect(expect_gets(100))


@pytest.mark.parametrize("head", [400, 508, 509, 510, 511, 512, 513, 516, 520, 640, 1000, 3000, 8000])
def test_heads_longer_than_what_is_kept(script, head):
    """The kernel keeps 512 bytes of a request; the next one begins behind them."""
    get = request("GET", "/items/7", "Cookie: ")
    get = get.replace(b"Cookie: ", b"Cookie: " + b"c" * (head - len(get)))
    assert len(get) == head
    server = script(["repeat", 6, [HEAD_READ, ["send", OK]]], ["eof"])
    with server.connect() as client:
        client.send(get * 3).send(get * 3).read_answer(OK * 6)
        server.expect(expect_gets(6))


def test_burst_from_idle(ringside, server):
    """More within one look at the ring than it holds: a reader that is not woken loses some of it."""
    nginx = server("nginx")
    get = request("GET", "/items/7", "Cookie: " + "c" * 960)
    for _ in range(3):
        account = Account(ringside, nginx.service)
        clients = [Client(nginx.port) for _ in range(100)]
        try:
            for client in clients:
                client.send(get * 30)
            for client in clients:
                assert [client.read_message()[0] for _ in range(30)] == ["200"] * 30
        finally:
            for client in clients:
                client.close()
        account.expect(expect_gets(3000))
