"""1xx: 100 and 103 do not end a request, 101 ends it and what follows is not HTTP."""
import pytest

from counting import Account
from wire import GET, HEAD_READ, OK, ONE, Client, expect_gets, request, response

CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
CREATED = response("201 Created")
BARE = "HTTP/1.1 100\r\n\r\n"
NO_REASON = "HTTP/1.1 100 \r\n\r\n"
LONG_HINTS = "HTTP/1.1 103 Early Hints\r\n" + "Link: </style.css>; rel=preload\r\n" * 50 + "\r\n"
UPGRADE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
BODY = b"b" * 300
EXPECTING = request("POST", "/items/7", "Expect: 100-continue", body=BODY)
ASKING_UPGRADE = request("GET", "/items/7", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==", "Sec-WebSocket-Version: 13")


def test_continue_then_answer(script):
    server = script(["repeat", 3, [HEAD_READ, ["send", CONTINUE], ["read", len(BODY)], ["send", CREATED]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(EXPECTING[:-len(BODY)]).read_answer(CONTINUE)
            client.send(BODY).read_answer(CREATED)
        server.expect({("POST", "/items/{id}", "201"): 3})


def test_continue_and_answer_in_one_segment(script):
    server = script(["repeat", 3, [HEAD_READ, ["read", len(BODY)], ["send", CONTINUE + CREATED]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(EXPECTING).read_answer(CONTINUE + CREATED)
        server.expect({("POST", "/items/{id}", "201"): 3})


@pytest.mark.parametrize("kind", ["node", "gohttp"])
def test_continue_from_a_real_server(ringside, server, kind):
    account = Account(ringside, server(kind).service)
    body = b'{"item":"cup"}'
    data = request("POST", "/orders", "Content-Type: application/json", "Expect: 100-continue", body=body)
    with Client(server(kind).port) as client:
        for _ in range(3):
            assert b" 100 " in client.send(data[:-len(body)]).read_head()
            assert client.send(body).read_message()[0] == "201"
        account.expect({("POST", "/orders", "201"): 3})


def test_refused_expectation(script):
    """417 instead of 100: the client keeps its body and goes on with another request."""
    refused = response("417 Expectation Failed", "")
    server = script(HEAD_READ, ["send", refused], HEAD_READ, ["send", OK])
    with server.connect() as client:
        client.send(EXPECTING[:-len(BODY)]).read_answer(refused)
        client.send(GET).read_answer(OK)
        server.expect({("POST", "/items/{id}", "417"): 1, **ONE})


@pytest.mark.parametrize("apart", [True, False], ids=["apart", "one-segment"])
@pytest.mark.parametrize("interim", [[HINTS], [HINTS, HINTS], [CONTINUE, HINTS], [BARE], [NO_REASON], [LONG_HINTS]],
                         ids=["103", "103-103", "100-103", "bare", "no-reason", "long"])
def test_early_hints(script, interim, apart):
    texts = [*interim, OK]
    steps = [step for text in texts for step in (["send", text], ["pause", 5])] if apart else [["send", "".join(texts)]]
    server = script(["repeat", 3, [HEAD_READ, *steps]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer("".join(texts))
        server.expect(expect_gets(3))


def test_time_counts_to_the_final_answer(script):
    """An early 103 is not the answer: the duration ends with the 200, 100 ms later."""
    server = script(HEAD_READ, ["send", HINTS], ["pause", 100], ["send", OK])
    with server.connect() as client:
        client.send(GET).read_answer(HINTS + OK)
        server.expect(ONE)
        assert 0.1 <= server.account.grown("http_request_duration_seconds_sum") < 0.15


def test_upgrade_counts_once(script):
    """Frames that carry the text of a request and of a response are no HTTP any more."""
    inner = b"GET /stolen HTTP/1.1\r\nHost: x\r\n\r\n"
    frame = b"\x81" + bytes([len(inner)]) + inner
    server = script(HEAD_READ, ["send", UPGRADE], ["repeat", 20, [["read", len(inner)], ["send", OK]]], ["eof"])
    with server.connect() as client:
        client.send(ASKING_UPGRADE).read_answer(UPGRADE)
        for data in [inner, frame] * 5:
            client.send(data).read(len(OK))
        server.expect({("GET", "/items/{id}", "101"): 1})


def test_upgrade_with_the_first_frame_in_its_segment(script):
    server = script(HEAD_READ, ["send", UPGRADE + "\x81\x05hello"], ["eof"])
    with server.connect() as client:
        client.send(ASKING_UPGRADE).read_answer(UPGRADE + "\x81\x05hello")
        server.expect({("GET", "/items/{id}", "101"): 1})


def test_refused_upgrade(script):
    """The server does not know the protocol and answers as usual; the connection goes on as HTTP."""
    server = script(["repeat", 3, [HEAD_READ, ["send", OK]]])
    with server.connect() as client:
        client.send(ASKING_UPGRADE).read_answer(OK)
        client.send(GET).read_answer(OK)
        client.send(GET).read_answer(OK)
        server.expect(expect_gets(3))
