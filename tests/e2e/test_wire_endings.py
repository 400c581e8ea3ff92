"""How requests end early: refused bodies, clients that go away, servers that say nothing."""
import time

import pytest

from counting import Account
from wire import GET, HEAD_READ, OK, ONE, Client, request, response

TOO_LARGE = response("413 Content Too Large", "too much", "Connection: close")
ABORTED = {("GET", "/items/{id}", "aborted"): 1}
NONE = {("GET", "/items/{id}", "none"): 1}


def in_flight(server):
    return server.account.ringside.total("http_requests_in_flight", **server.account.labels)


def test_answer_before_the_body_is_complete(script):
    """The server reads the head, refuses and hangs up; of the body only a part was sent."""
    server = script(HEAD_READ, ["send", TOO_LARGE], ["shutdown"], ["eof"])
    data = request("POST", "/items/7", body=b"b" * 100000)
    with server.connect() as client:
        client.send(data[:20000]).read_answer(TOO_LARGE)
    server.expect({("POST", "/items/{id}", "413"): 1})


def test_answer_before_the_body_while_it_is_sent(script):
    """The client sends on after the answer; that rest is body, not a request."""
    server = script(HEAD_READ, ["send", TOO_LARGE], ["eof"])
    data = request("POST", "/items/7", body=GET * 100)
    with server.connect() as client:
        client.send(data[:200]).read_answer(TOO_LARGE)
        client.send(data[200:2000], data[2000:])
    server.expect({("POST", "/items/{id}", "413"): 1})


def test_answer_before_the_body_then_the_next_request(script):
    """The connection is kept: the body is read to its end and another request follows."""
    body = b"b" * 5000
    refused = response("422 Unprocessable Content", "no")
    server = script(HEAD_READ, ["send", refused], ["read", len(body)], HEAD_READ, ["send", OK])
    data = request("POST", "/items/7", body=body)
    with server.connect() as client:
        client.send(data[:-len(body)]).read_answer(refused)
        client.send(body, GET).read_answer(OK)
        server.expect({("POST", "/items/{id}", "422"): 1, **ONE})


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_client_goes_away_before_the_answer(script, ending):
    server = script(HEAD_READ, ["eof"])
    client = server.connect().send(GET)
    time.sleep(0.1)
    getattr(client, ending)()
    server.expect(ABORTED)
    assert in_flight(server) == 0


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp"])
def test_client_goes_away_from_a_real_server(ringside, server, kind):
    """A reset tells any server at once; what it then does about its handler is its own affair."""
    account = Account(ringside, server(kind).service)
    client = Client(server(kind).port).send(request("GET", "/sleep?ms=300"))
    time.sleep(0.1)
    client.reset()
    account.expect({("GET", "/sleep", "aborted"): 1})


def test_client_goes_away_in_the_middle_of_its_body(script):
    server = script(HEAD_READ, ["eof"])
    client = server.connect().send(request("POST", "/items/7", body=b"b" * 10000)[:5000])
    time.sleep(0.1)
    client.close()
    server.expect({("POST", "/items/{id}", "aborted"): 1})


@pytest.mark.parametrize("ending", ["close", "reset", "die"])
def test_server_closes_without_an_answer(script, ending):
    server = script(HEAD_READ, ["pause", 50], *([] if ending == "close" else [[ending]]))
    client = server.connect().send(GET)
    try:
        assert client.read_all() == b""
    except ConnectionResetError:
        pass
    server.expect(NONE)
    assert in_flight(server) == 0


def test_server_closes_with_the_request_unread(script):
    """The kernel answers with a reset, because data were left."""
    server = script(["pause", 50])
    with server.connect() as client:
        client.send(GET)
        with pytest.raises(ConnectionResetError):
            client.read_all()
    server.expect(NONE)


def test_client_goes_away_in_the_middle_of_the_answer(script):
    """The answer had begun: its status stands."""
    server = script(HEAD_READ, ["send", response(body="hello", length=1 << 20)], ["eof"])
    with server.connect() as client:
        client.send(GET).read(40)
    server.expect(ONE)


def test_server_closes_in_the_middle_of_the_answer(script):
    server = script(HEAD_READ, ["send", response(body="hello", length=1 << 20)])
    with server.connect() as client:
        client.send(GET).read_all()
    server.expect(ONE)


def test_half_closed_client_gets_its_answer(script):
    """shutdown(SHUT_WR) after the request says that there is no more to come, not that nobody listens."""
    server = script(HEAD_READ, ["pause", 100], ["send", OK])
    with server.connect() as client:
        client.send(GET).half_close()
        client.read_answer(OK)
    server.expect(ONE)


@pytest.mark.parametrize("kind", ["httpserver", "gohttp"])
def test_half_closed_client_of_a_real_server(ringside, server, kind):
    account = Account(ringside, server(kind).service)
    with Client(server(kind).port) as client:
        client.send(GET).half_close()
        assert client.read_message()[0] == "200"
    account.expect(ONE)


def test_kept_connections_that_close_idle_count_nothing(script):
    server = script(["repeat", 9, [HEAD_READ, ["send", OK]]])
    for _ in range(5):
        with server.connect() as client:
            client.send(GET).read_answer(OK)
            time.sleep(0.02)
    with server.connect():
        time.sleep(0.02)
    server.expect({("GET", "/items/{id}", "200"): 5})
    assert in_flight(server) == 0


def test_in_flight_while_the_handler_works(script):
    server = script(HEAD_READ, ["pause", 1500], ["send", OK])
    clients = [server.connect().send(GET) for _ in range(3)]
    seen = server.account.ringside.wait_total(3, "http_requests_in_flight", 1, **server.account.labels)
    assert seen == 3
    for client in clients:
        client.read_answer(OK)
        client.close()
    server.expect({("GET", "/items/{id}", "200"): 3})
    assert in_flight(server) == 0
