"""Where a response ends: with its last byte, however its length is told, and not before."""
from collections import Counter

import pytest

from wire import GET, HEAD_READ, OK, ONE, expect_gets, request, response

CHUNKED = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(text):
    return f"{len(text):x}\r\n{text}\r\n"


@pytest.mark.parametrize("method, status", [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified"), ("HEAD", "404 Not Found")])
def test_no_body_whatever_content_length_says(script, method, status):
    """The next answer on the connection follows at once and must not be taken for a body."""
    bare = response(status, "", length=4096)
    server = script(["repeat", 5, [HEAD_READ, ["send", bare], HEAD_READ, ["send", OK]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(request(method)).read_answer(bare)
            client.send(GET).read_answer(OK)
        seen = server.account.settle({(method, "/items/{id}", status[:3]): 5, **expect_gets(5)})
    by_status = Counter()
    for (asked, _, code), n in seen.items():
        by_status[asked, code] += n
    assert by_status == {(method, status[:3]): 5, ("GET", "200"): 5}, seen


@pytest.mark.parametrize("bare", ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
                                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"], ids=["length-0", "204", "chunks-0"])
def test_empty_answers(script, bare):
    server = script(["repeat", 5, [HEAD_READ, ["send", bare]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(bare)
        server.expect(expect_gets(5, bare[9:12]))


def test_chunked_in_one_write(script):
    text = CHUNKED + chunk("hello") + chunk("world" * 50) + "0\r\n\r\n"
    server = script(["repeat", 5, [HEAD_READ, ["send", text]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(text)
        server.expect(expect_gets(5))


def test_chunked_with_extensions_and_trailers(script):
    text = CHUNKED + "5;name=value\r\nhello\r\n" + "0\r\nChecksum: 7\r\nServer-Timing: total;dur=3\r\n\r\n"
    server = script(["repeat", 5, [HEAD_READ, ["send", text]]])
    with server.connect() as client:
        for _ in range(5):
            client.send(GET).read_answer(text)
        server.expect(expect_gets(5))


def test_chunked_cut_everywhere(script):
    """Seven bytes to a segment: sizes, data and trailers are all cut."""
    text = CHUNKED + chunk("hello" * 9) + chunk("0\r\n\r\n") + "0\r\nChecksum: 7\r\n\r\n"
    server = script(["repeat", 3, [HEAD_READ, ["send_apart", text, 7, 0.5]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer(text)
        server.expect(expect_gets(3))


def test_chunked_in_many_writes_lasts_until_the_last(script):
    """Ten chunks, 20 ms apart: one request of 200 ms whose first byte came at once."""
    parts = [step for i in range(10) for step in (["pause", 20], ["send", chunk(f"part {i}")])]
    server = script(HEAD_READ, ["send", CHUNKED], *parts, ["send", "0\r\n\r\n"], ["eof"])
    with server.connect() as client:
        client.send(GET).read_answer(CHUNKED + "".join(chunk(f"part {i}") for i in range(10)) + "0\r\n\r\n")
        server.expect(ONE)
    assert 0.2 <= server.account.grown("http_request_duration_seconds_sum") < 0.26
    assert server.account.grown("http_request_first_byte_seconds_sum") < 0.02


def test_chunk_that_looks_like_a_response(script):
    """A chunk in a segment of its own that begins with a status line, and one with the last chunk's text inside."""
    trap = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    pieces = [CHUNKED, f"{len(trap):x}\r\n", trap, "\r\n", chunk("0\r\n\r\n"), "0\r\n\r\n"]
    server = script(["repeat", 3, [HEAD_READ, *([step for piece in pieces for step in (["send", piece], ["pause", 1])])]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer("".join(pieces))
        server.expect(expect_gets(3))


def test_body_that_looks_like_a_response(script):
    trap = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    head = response(body="", length=3 * len(trap))
    server = script(["repeat", 3, [HEAD_READ, *([step for piece in [head, trap, trap, trap] for step in (["send", piece], ["pause", 1])])]])
    with server.connect() as client:
        for _ in range(3):
            client.send(GET).read_answer(head + 3 * trap)
        server.expect(expect_gets(3))


def test_ten_mebibytes_with_content_length(script):
    """The duration ends with the last byte, after a pause of 100 ms in the middle; the bytes are counted."""
    half = 5 << 20
    head = response(body="", length=2 * half)
    server = script(["repeat", 2, [HEAD_READ, ["send", head], ["zeros", half], ["pause", 100], ["zeros", half]]])
    with server.connect() as client:
        for _ in range(2):
            client.send(GET).read_answer(head)
            assert client.read(2 * half) == bytes(2 * half)
        server.expect(expect_gets(2))
    assert 0.2 <= server.account.grown("http_request_duration_seconds_sum") < 1
    size = server.account.grown("http_response_size_bytes_total")
    assert 4 * half <= size <= 4 * half + 2 * len(head), f"{size} for 2 × {2 * half} bytes of body"


def test_head_and_body_in_two_segments(script):
    """As Python's http.server writes them; the second is not lost, nor taken for another answer."""
    head = response(body="", length=5)
    server = script(["repeat", 20, [HEAD_READ, ["send", head], ["send", "hello"]]])
    with server.connect() as client:
        for _ in range(20):
            client.send(GET).read_answer(head + "hello")
        server.expect(expect_gets(20))


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_ends_with_the_connection(script, version):
    """Neither length nor chunks: the answer ends where the connection does, 100 ms after its first byte."""
    head = f"{version} 200 OK\r\nConnection: close\r\n\r\n"
    server = script(HEAD_READ, ["send", head + "hello"], ["pause", 100], ["send", "world"])
    for _ in range(3):
        with server.connect() as client:
            client.send(request(version=version)).read_answer(head + "helloworld")
            assert client.read_all() == b""
    server.expect(expect_gets(3))
    assert 0.3 <= server.account.grown("http_request_duration_seconds_sum") < 0.4


def test_request_bytes_are_counted(script):
    body = b"b" * 100000
    data = request("POST", "/items/7", body=body)
    server = script(["repeat", 3, [HEAD_READ, ["read", len(body)], ["send", OK]]])
    with server.connect() as client:
        for _ in range(3):
            client.send(data).read_answer(OK)
        server.expect({("POST", "/items/{id}", "200"): 3})
    size = server.account.grown("http_request_size_bytes_total")
    assert 3 * len(body) <= size <= 3 * len(data), f"{size} for 3 × {len(body)} bytes of body, {len(data)} with the head"


def test_space_and_case_of_header_names(script):
    """Header names are case-insensitive, and values may stand in any amount of white space."""
    texts = ["HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nCONTENT-LENGTH: \t 5 \r\n\r\nhello",
             "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING:\tChunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"]
    server = script(*(step for text in texts for step in (HEAD_READ, ["send", text])))
    with server.connect() as client:
        for text in texts:
            client.send(GET).read_answer(text)
        server.expect(expect_gets(len(texts)))
