"""A client of HTTP/2 that decides what its frames look like. Its header blocks use no table; of answers it
only sees that they end."""
import socket
import ssl
import struct

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY = 1, 1, 4, 8, 0x20
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def text(value):
    """A string as HPACK writes it without Huffman: a length in a prefix of seven bits, then the bytes."""
    raw = value.encode()
    if len(raw) < 127:
        return bytes([len(raw)]) + raw
    rest, length = len(raw) - 127, b"\x7f"
    while rest > 127:
        length += bytes([rest & 127 | 128])
        rest >>= 7
    return length + bytes([rest]) + raw


def block(fields):
    """Literal fields without indexing, with new names."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


class Client:
    def __init__(self, port, tls=False):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.sock = context.wrap_socket(self.sock)
        self.stream = -1
        self.received = b""
        self.sock.sendall(PREFACE)
        self.frame(SETTINGS, 0, 0, b"")

    def frame(self, kind, flags, stream, payload, pieces=0):
        data = struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
        for at in range(0, len(data), pieces or len(data)):
            self.sock.sendall(data[at:at + (pieces or len(data))])

    def request(self, path, padding=0, priority=False, fragments=1, filler=0, pieces=0, method="GET", end=True):
        """Opens a stream; returns its number."""
        self.stream += 2
        fields = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "e2e.test")]
        if filler:
            fields.append(("x-filler", "f" * filler))
        encoded = block(fields)
        cut = -(-len(encoded) // fragments)
        parts = [encoded[at:at + cut] for at in range(0, len(encoded), cut)]
        flags = (END_STREAM if end else 0) | (PADDED if padding else 0) | (PRIORITY if priority else 0)
        first = (bytes([padding]) if padding else b"") + (b"\0\0\0\0\x0f" if priority else b"") + parts[0] + b"\0" * padding
        self.frame(HEADERS, flags | (END_HEADERS if len(parts) == 1 else 0), self.stream, first, pieces)
        for number, part in enumerate(parts[1:], 2):
            self.frame(CONTINUATION, END_HEADERS if number == len(parts) else 0, self.stream, part, pieces)
        return self.stream

    def read_frame(self):
        while len(self.received) < 9 or len(self.received) < 9 + int.from_bytes(self.received[:3], "big"):
            data = self.sock.recv(65536)
            if not data:
                raise EOFError("the server has closed")
            self.received += data
        length = int.from_bytes(self.received[:3], "big")
        kind, flags, stream = self.received[3], self.received[4], int.from_bytes(self.received[5:9], "big")
        payload = self.received[9:9 + length]
        self.received = self.received[9 + length:]
        return kind, flags, stream, payload

    def answers(self, n):
        """Waits until n streams have ended; returns them in that order."""
        ended = []
        while len(ended) < n:
            kind, flags, stream, _ = self.read_frame()
            if kind == SETTINGS and not flags & ACK:
                self.frame(SETTINGS, ACK, 0, b"")
            if kind == RST_STREAM:
                raise AssertionError(f"the server has reset stream {stream}")
            if kind in (DATA, HEADERS) and flags & END_STREAM:
                ended.append(stream)
        return ended

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()
