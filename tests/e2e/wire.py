"""Both ends of a conversation byte by byte: a scripted server process with a service name of its own, and raw client sockets."""
import json
import os
import socket
import struct
import subprocess
import time

import built
from counting import Account

END = "\r\n\r\n"
HEAD_READ = ["until", END]


def request(method="GET", path="/items/7", *headers, body=b"", version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", "Host: wire.test", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + END).encode("latin-1") + body


def response(status="200 OK", body="hello", *headers, length=None):
    """A response as text, for a script's steps; `length` overrides what Content-Length says."""
    said = len(body) if length is None else length
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {said}", *headers]) + END + body


GET = request()
OK = response()
ONE = {("GET", "/items/{id}", "200"): 1}


def expect_gets(times, status="200"):
    return {("GET", "/items/{id}", status): times}


class Client:
    """A raw client connection; every `send` is a segment of its own when the bytes fit one."""

    def __init__(self, port, host="127.0.0.1", receive_buffer=None):
        self.sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(20)
        self.sock.connect((host, port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, *pieces, pause=0.0005):
        for piece in pieces:
            self.sock.sendall(piece)
            if len(pieces) > 1:
                time.sleep(pause)
        return self

    def read(self, size):
        """Exactly so many bytes of the answer."""
        data = bytearray()
        while len(data) < size:
            part = self.sock.recv(min(65536, size - len(data)))
            assert part, f"the server closed after {len(data)} of {size} bytes: {bytes(data[-200:])!r}"
            data += part
        return bytes(data)

    def read_answer(self, answer):
        """The answer that the script sends, byte for byte: ringside must not change it."""
        answer = answer.encode("latin-1")
        assert self.read(len(answer)) == answer

    def read_head(self):
        data = b""
        while END.encode() not in data:
            data += self.read(1)
        return data

    def read_message(self):
        """One response with a Content-Length (as real servers send): its status code and its body."""
        head = self.read_head().decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].split("\r\n")[0])
        return head.split(" ")[1], self.read(length)

    def read_all(self):
        data = b""
        while part := self.sock.recv(65536):
            data += part
        return data

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


class RawServer:
    """raw_server.py running a script; `expect` compares what ringside counted for it since it was started.

    Steps: until TEXT, read N, eof, send TEXT, send_apart TEXT SIZE PAUSE_MS, zeros N, pause MS, more TEXT, cork 0|1,
    sendfile N, splice N, shutdown, reset, die, repeat N STEPS. At its end, or the client's, the connection is closed."""

    def __init__(self, ringside, service, script, host="127.0.0.1", defer=False):
        self.host = host
        order = json.dumps({"host": host, "defer": defer, "script": script})
        environment = {**os.environ, "OTEL_SERVICE_NAME": service}
        command = ["/usr/bin/python3", built.SERVERS / "raw_server.py", order]
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.account = Account(ringside, service) if ringside else None

    def connect(self, **options):
        return Client(self.port, **{"host": self.host, **options})

    def expect(self, requests):
        self.account.expect(requests)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()
