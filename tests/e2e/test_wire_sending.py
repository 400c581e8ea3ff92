"""Answers written by every means that Linux has, and heads of every shape."""
import subprocess
import time

import pytest

import built
import ports
from counting import Account
from wire import GET, HEAD_READ, OK, ONE, Client, expect_gets, request, response

SIZES = [1000, 100000, 5 << 20]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("way", ["sendfile", "splice", "zeros"])
def test_body_by(script, way, size):
    head = response(body="", length=size)
    server = script(["repeat", 5, [HEAD_READ, ["send", head], [way, size]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(head)
            assert client.read(size) == bytes(size)
        server.expect(expect_gets(5))


def test_head_with_msg_more(script):
    """The head waits in the kernel for the body, and both leave in one segment."""
    server = script(["repeat", 5, [HEAD_READ, ["more", response(body="", length=5)], ["send", "hello"]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(OK)
        server.expect(expect_gets(5))


@pytest.mark.parametrize("size", SIZES)
def test_corked_head_and_sendfile(script, size):
    """As nginx does with tcp_nopush."""
    head = response(body="", length=size)
    server = script(["repeat", 5, [HEAD_READ, ["cork", 1], ["send", head], ["sendfile", size], ["cork", 0]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(head)
            assert client.read(size) == bytes(size)
        server.expect(expect_gets(5))


def test_io_uring(ringside):
    port = ports.free()
    server = subprocess.Popen([built.HOME / "uring_server", str(port)])
    try:
        time.sleep(0.1)
        if server.poll() == 3:
            pytest.skip("this kernel offers no io_uring")
        ports.wait_listens(port, server)
        account = Account(ringside, "uring_server")
        with Client(port) as client:
            for path, status in [("/items/7", "200"), ("/missing/7", "404")] * 50:
                assert client.send(request("GET", path)).read_message()[0] == status
            account.expect({("GET", "/items/{id}", "200"): 50, ("GET", "(unmatched)", "404"): 50})
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize("size", [1100, 5000, 60000])
def test_head_larger_than_a_kibibyte(script, size):
    """Content-Length comes last, behind everything that a small buffer would hold."""
    fillers = "".join(f"X-Filler-{i}: {'f' * 80}\r\n" for i in range(size // 95 + 1))
    text = f"HTTP/1.1 200 OK\r\n{fillers}Content-Length: 5\r\n\r\nhello"
    server = script(["repeat", 3, [HEAD_READ, ["send", text]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer(text)
        server.expect(expect_gets(3))


def test_head_larger_than_a_kibibyte_then_a_slow_body(script):
    """Who cannot read the length must not believe the answer complete: its second half comes 100 ms later."""
    head = "HTTP/1.1 200 OK\r\n" + "".join(f"X-Filler-{i}: {'f' * 80}\r\n" for i in range(20)) + "Content-Length: 10\r\n\r\n"
    server = script(HEAD_READ, ["send", head + "hello"], ["pause", 100], ["send", "world"], HEAD_READ, ["send", OK])
    with server.connect() as client:
        client.send(GET).read_answer(head + "helloworld")
        client.send(GET).read_answer(OK)
        server.expect(expect_gets(2))
    assert 0.1 <= server.account.grown("http_request_duration_seconds_sum") < 0.15


@pytest.mark.parametrize("size", [1, 7, 20])
def test_head_in_several_writes(script, size):
    """Even the status line is cut."""
    text = response("404 Not Found", "hello", "X-Filler: f")
    server = script(HEAD_READ, ["send", OK], HEAD_READ, ["send_apart", text, size, 0.5], HEAD_READ, ["send", OK], ["eof"])
    with server.connect() as client:
        for answer in (OK, text, OK):
            client.send(GET).read_answer(answer)
        seen = server.account.settle({**expect_gets(2), ("GET", "(unmatched)", "404"): 1})
    assert sorted((status, n) for (_, _, status), n in seen.items()) == [("200", 2), ("404", 1)], seen


def test_head_cut_at_every_place(script):
    steps = [step for cut in range(1, len(OK)) for step in (HEAD_READ, ["send", OK[:cut]], ["pause", 0.5], ["send", OK[cut:]])]
    server = script(*steps)
    with server.connect() as client:
        for _ in range(1, len(OK)):
            client.send(GET).read_answer(OK)
        server.expect(expect_gets(len(OK) - 1))


def test_answer_that_waits_for_the_clients_window(script):
    """A client that does not read for a while: the answer cannot leave, and it is still one."""
    size = 3 << 20
    server = script(HEAD_READ, ["send", response(body="", length=size)], ["zeros", size])
    with server.connect(receive_buffer=4096) as client:
        client.send(GET)
        time.sleep(0.5)
        client.read_head()
        client.read(size)
        server.expect(ONE)
    assert server.account.grown("http_request_duration_seconds_sum") > 0.4
