"""Request lines: registered methods and others, forms of the target, versions."""
import pytest

from wire import GET, HEAD_READ, OK, expect_gets, request

ANSWERING = ["repeat", 100, [HEAD_READ, ["send", OK]]]
REGISTERED = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
UNKNOWN = ["FOO", "get", "G", "PROPFINDER", "M-SEARCHING", "X" * 64]


@pytest.mark.parametrize("method", REGISTERED)
def test_registered_method(script, method):
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(3):
            client.send(request(method)).read_answer(OK)
        server.expect({(method, "/items/{id}", "200"): 3})


def test_unknown_methods_are_other(script):
    """Methods are case-sensitive: `get` is none."""
    server = script(ANSWERING)
    with server.connect() as client:
        client.send(GET).read_answer(OK)
        for method in UNKNOWN[:2]:
            client.send(request(method)).read_answer(OK)
        server.expect({**expect_gets(1), ("_OTHER", "/items/{id}", "200"): 2})


def test_unknown_method_first_on_its_connection(script):
    server = script(ANSWERING)
    with server.connect() as client:
        client.send(request("FOO", "/items/7")).read_answer(OK)
        server.expect({("_OTHER", "/items/{id}", "200"): 1})


@pytest.mark.parametrize("method", UNKNOWN)
def test_no_method_becomes_a_label(script, method):
    """Whatever it is, the GETs around it are exact and no series carries it."""
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(2):
            client.send(GET).read_answer(OK)
            client.send(request(method)).read_answer(OK)
        client.send(GET).read_answer(OK)
        seen = server.account.settle({**expect_gets(3), ("_OTHER", "/items/{id}", "200"): 2})
    assert seen[("GET", "/items/{id}", "200")] == 3, seen
    assert {name for name, _, _ in seen} <= {"GET", "_OTHER"}, seen


@pytest.mark.parametrize("target", ["/items/7?a=1", "/items/7?a=1#part", "/items/7;v=1", "//items//7", "/items/%37", "http://wire.test/items/7",
                                    "http://wire.test:8080/items/7?a=1"])
def test_forms_of_the_target(script, target):
    server = script(ANSWERING)
    with server.connect() as client:
        for _ in range(3):
            client.send(request("GET", target)).read_answer(OK)
        server.expect(expect_gets(3))


def test_http_1_0(script):
    """Without keep-alive each request has a connection; the answers carry a length."""
    text = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    server = script(HEAD_READ, ["send", text])
    for _ in range(5):
        with server.connect() as client:
            client.send(request(version="HTTP/1.0")).read_answer(text)
            assert client.read_all() == b""
    server.expect(expect_gets(5))


def test_http_1_0_kept_alive(script):
    text = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
    server = script(["repeat", 5, [HEAD_READ, ["send", text]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(request("GET", "/items/7", "Connection: keep-alive", version="HTTP/1.0")).read_answer(text)
        server.expect(expect_gets(5))


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "301 Moved", "400 Bad", "401 Who", "403 No", "409 Busy", "418 Teapot", "429 Slow",
                                    "500 Oops", "502 Bad", "503 Away", "599 Odd"])
def test_status_is_the_three_digits(script, status):
    text = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"
    server = script(["repeat", 3, [HEAD_READ, ["send", text]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer(text)
        server.expect(expect_gets(3, status[:3]))
