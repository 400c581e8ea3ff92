"""WebSocket byte by byte: the switch and the frames cut into segments in every unkind way."""
import os
import struct

import pytest

from wire import HEAD_READ, request

UPGRADE = request("GET", "/chat", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: eA==")
SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: eA==\r\n\r\n"
TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


def frame(opcode, payload=b"", masked=False, fin=True):
    """RFC 6455 section 5.2."""
    size = len(payload)
    short = size if size < 126 else 126 if size < 65536 else 127
    head = bytes([opcode | (0x80 if fin else 0), short | (0x80 if masked else 0)])
    head += struct.pack(">H", size) if short == 126 else struct.pack(">Q", size) if short == 127 else b""
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def sent(*frames):
    """For a script's step, which takes text."""
    return b"".join(frames).decode("latin-1")


def expect(server, sessions, received, told, **closes):
    """What ringside says of the service's sessions since the script was started, all of them over."""
    account = server.account
    account.expect({("GET", "/chat", "101"): sessions})
    assert account.settle_total("websocket_session_duration_seconds_count", sessions) == sessions
    assert account.grown("websocket_connections_total") == sessions
    messages = account.since("websocket_messages_total", ("direction",))
    assert messages == {("received",): received, ("sent",): told}, account.ringside.losses()
    assert account.since("websocket_closes_total", ("code",)) == {(code[1:],): n for code, n in closes.items()}
    assert account.grown("websocket_connections_active") == 0


FAREWELL = struct.pack(">H", 1000)
HELLO = sent(frame(TEXT, b"hello"))


def test_frames_in_the_segment_of_the_switch(script):
    server = script(HEAD_READ, ["send", SWITCH + HELLO + HELLO], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + HELLO + HELLO)
        client.send(frame(TEXT, b"x", masked=True) + frame(CLOSE, FAREWELL, masked=True))
    expect(server, 1, 1, 2, _1000=1)


@pytest.mark.parametrize("cut", [16, 36, 40, 44, 56, 60, len(SWITCH) - 30, *(len(SWITCH) - n for n in range(1, 5))])
def test_switch_in_two_segments(script, cut):
    server = script(HEAD_READ, ["send", SWITCH[:cut]], ["pause", 5], ["send", SWITCH[cut:] + HELLO], ["send", HELLO], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + HELLO + HELLO)
        client.send(frame(TEXT, b"x", masked=True), frame(CLOSE, FAREWELL, masked=True))
    expect(server, 1, 1, 2, _1000=1)


@pytest.mark.parametrize("size", [12, 13, 50])
def test_switch_in_many_segments(script, size):
    server = script(HEAD_READ, ["send_apart", SWITCH, size, 1], ["send", HELLO], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + HELLO)
        client.send(frame(TEXT, b"x", masked=True), frame(CLOSE, FAREWELL, masked=True))
    expect(server, 1, 1, 1, _1000=1)


def test_sessions_end_whatever_was_seen_of_their_switch(script):
    """Its head is longer than what is looked at: the frames are not read, but nobody stays connected for ever."""
    switch = SWITCH[:-2] + "X-Filler: " + "f" * 9000 + "\r\n\r\n"
    server = script(HEAD_READ, ["send_apart", switch, 3000, 2], ["send", HELLO], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(switch + HELLO)
    assert server.account.settle_total("websocket_session_duration_seconds_count", 1) == server.account.grown("websocket_connections_total")
    assert server.account.grown("websocket_connections_active") == 0


def test_frames_byte_by_byte(script):
    told = frame(TEXT, b"a" * 130) + frame(PING, b"p") + frame(BINARY, b"") + frame(TEXT, b"un", fin=False) + frame(0, b"do")
    server = script(HEAD_READ, ["send", SWITCH], ["send_apart", sent(told), 1, 0], ["eof"])
    asked = frame(TEXT, b"b" * 130, masked=True) + frame(BINARY, b"", masked=True) + frame(CLOSE, FAREWELL, masked=True)
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + sent(told))
        client.send(*(asked[i:i + 1] for i in range(len(asked))))
    expect(server, 1, 2, 3, _1000=1)


def test_many_messages_in_one_segment(script):
    server = script(HEAD_READ, ["send", SWITCH], ["send", HELLO * 3000], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + HELLO * 3000)
        client.send(frame(TEXT, b"x", masked=True) * 3000 + frame(CLOSE, struct.pack(">H", 4000), masked=True))
    expect(server, 1, 3000, 3000, _other=1)


def test_what_is_no_frame(script):
    """Said to be WebSocket, but something else: the session is one, and ends; the rest is counted as lost."""
    server = script(HEAD_READ, ["send", SWITCH], ["send", "SSH-2.0-other\r\n" * 20], ["eof"])
    with server.connect() as client:
        client.send(UPGRADE).read_answer(SWITCH + "SSH-2.0-other\r\n" * 20)
        client.send(b"\x0f\x0f\x0f" * 100)
    assert server.account.settle_total("websocket_session_duration_seconds_count", 1) == 1
    lost = [n for name, labels, n in server.account.ringside.losses() if labels.get("reason") == "websocket"]
    assert lost and lost[0] >= 1
