"""Requests cut into segments in every unkind way."""
import pytest

from counting import Account
from wire import GET, HEAD_READ, OK, ONE, Client, expect_gets, request

FOREVER = 100000
ANSWERING = ["repeat", FOREVER, [HEAD_READ, ["send", OK]]]
REAL = ["node", "httpserver", "gohttp", "nginx"]


def singly(data):
    return [data[i:i + 1] for i in range(len(data))]


def test_request_byte_by_byte(script):
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(3):
            client.send(*singly(GET)).read_answer(OK)
        server.expect(expect_gets(3))


@pytest.mark.parametrize("kind", REAL)
def test_request_byte_by_byte_to_a_real_server(ringside, server, kind):
    account = Account(ringside, server(kind).service)
    with Client(server(kind).port) as client:
        for _ in range(3):
            assert client.send(*singly(GET)).read_message()[0] == "200"
        account.expect(expect_gets(3))


def test_head_split_at_every_place(script):
    """One connection, one request for each place where it can be cut in two."""
    server = script(ANSWERING)
    with server.connect() as client:
        for cut in range(1, len(GET)):
            client.send(GET[:cut], GET[cut:]).read_answer(OK)
        server.expect(expect_gets(len(GET) - 1))


def test_head_split_on_a_new_connection_each(script):
    server = script(HEAD_READ, ["send", OK])
    for cut in range(1, len(GET)):
        with server.connect() as client:
            client.send(GET[:cut], GET[cut:]).read_answer(OK)
    server.expect(expect_gets(len(GET) - 1))


@pytest.mark.parametrize("kind", REAL)
def test_head_split_to_a_real_server(ringside, server, kind):
    account = Account(ringside, server(kind).service)
    with Client(server(kind).port) as client:
        for cut in range(1, len(GET)):
            assert client.send(GET[:cut], GET[cut:]).read_message()[0] == "200"
        account.expect(expect_gets(len(GET) - 1))


def test_first_segment_of_one_byte(script):
    """On a new connection nothing but a G is known for a tenth of a second."""
    server = script(HEAD_READ, ["send", OK])
    with server.connect() as client:
        client.send(GET[:1], GET[1:], pause=0.1).read_answer(OK)
        server.expect(ONE)


def test_first_segment_of_one_byte_on_a_kept_connection(script):
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(5):
            client.send(GET[:1], GET[1:], pause=0.01).read_answer(OK)
        server.expect(expect_gets(5))


def test_head_over_many_segments(script):
    """16 KiB of headers, in segments of 1 000 bytes."""
    server = script(HEAD_READ, ["send", OK])
    data = request("GET", "/items/7", *(f"X-Filler-{i}: {'f' * 200}" for i in range(75)))
    with server.connect() as client:
        client.send(*(data[i:i + 1000] for i in range(0, len(data), 1000))).read_answer(OK)
        server.expect(ONE)


@pytest.mark.parametrize("size", [1, 1000, 65536, 1 << 20])
def test_body_after_the_head(script, size):
    """The body comes in segments of its own; its length must not be mistaken for a request's beginning."""
    body = b"b" * size
    server = script(["repeat", 3, [HEAD_READ, ["read", size], ["send", OK]]])
    data = request("POST", "/items/7", body=body)
    head = data[:-size]
    with server.connect() as client:
        for _ in range(3):
            client.send(head, body).read_answer(OK)
        server.expect({("POST", "/items/{id}", "200"): 3})


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp"])
def test_large_body_to_a_real_server(ringside, server, kind):
    account = Account(ringside, server(kind).service)
    body = b'{"item":"cup","note":"' + b"n" * (90 << 10) + b'"}'
    with Client(server(kind).port) as client:
        for _ in range(3):
            assert client.send(request("POST", "/orders", "Content-Type: application/json", body=body)).read_message()[0] == "201"
        account.expect({("POST", "/orders", "201"): 3})


@pytest.mark.parametrize("inner", [b"GET /stolen HTTP/1.1\r\nHost: x\r\n\r\n", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"],
                         ids=["request", "response"])
def test_body_that_looks_like_a_message(script, inner):
    """Each segment of the body begins like a message, and none is one."""
    body = inner * 3
    server = script(["repeat", 3, [HEAD_READ, ["read", len(body)], ["send", OK]]])
    data = request("POST", "/items/7", body=body)
    with server.connect() as client:
        for _ in range(3):
            client.send(data[:-len(body)], inner, inner, inner).read_answer(OK)
        server.expect({("POST", "/items/{id}", "200"): 3})


def test_chunked_request_body(script):
    """A chunk that looks like a request, and trailers after the last chunk."""
    inner = b"GET /stolen HTTP/1.1\r\nHost: x\r\n\r\n"
    server = script(["repeat", 3, [HEAD_READ, ["until", "Checksum: 7\r\n\r\n"], ["send", OK]]])
    head = request("POST", "/items/7", "Transfer-Encoding: chunked")
    with server.connect() as client:
        for _ in range(3):
            client.send(head, b"%x\r\n" % len(inner), inner, b"\r\n0\r\n", b"Checksum: 7\r\n\r\n").read_answer(OK)
        server.expect({("POST", "/items/{id}", "200"): 3})


def test_url_of_8_kib(script):
    server = script(ANSWERING)
    long = request("GET", "/items/7?filler=" + "q" * 8192)
    with server.connect() as client:
        for _ in range(3):
            client.send(long).read_answer(OK)
        client.send(GET).read_answer(OK)
        server.expect(expect_gets(4))


def test_path_of_8_kib(script):
    """A path beyond every limit still counts once, under a label of bounded length."""
    server = script(ANSWERING)
    with server.connect() as client:
        client.send(request("GET", "/files/" + "p" * 8192)).read_answer(OK)
        seen = server.account.settle({("GET", "/files/{str}", "200"): 1})
    assert list(seen.values()) == [1] and [status for _, _, status in seen] == ["200"], seen
    assert all(len(path) <= 256 for _, path, _ in seen), seen


def test_empty_lines_before_a_request(script):
    """RFC 9112 2.2: a server ignores an empty line before the request line; old clients send one after a POST."""
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(3):
            client.send(b"\r\n" + GET).read_answer(OK)
        server.expect(expect_gets(3))
