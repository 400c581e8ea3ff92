"""TLS for tests: a certificate, tls_server.py as a process, and a client that decides when which bytes of its records leave."""
import functools
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import time

import ports

PYTHON = os.environ.get("RINGSIDE_TEST_PYTHON", "/usr/bin/python3")


@functools.cache
def certificate():
    """The path of a file with a key and a certificate that it signs itself."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="e2e-tls-"), "localhost.pem")
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                           "-days", "2", "-subj", "/CN=localhost", "-keyout", path, "-out", f"{path}.crt"], capture_output=True)
    assert not made.returncode, made.stderr
    with open(path, "ab") as both:
        both.write(pathlib.Path(f"{path}.crt").read_bytes())
    return str(path)


class TlsServer:
    """tls_server.py in one of its ways; ringside shows it under the name of the way."""

    def __init__(self, way, environment=None, python=PYTHON):
        self.service = f"e2e-tls-{way}"
        program = pathlib.Path(__file__).with_name("tls_server.py")
        variables = {**os.environ, "OTEL_SERVICE_NAME": self.service, **(environment or {})}
        self.process = subprocess.Popen([python, program, way, certificate()], env=variables, stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        ports.wait_listens(self.port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def client_context(version=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    return context


class TlsClient:
    """One connection. What is written becomes records at once; they leave when and in the pieces in which they are sent."""

    def __init__(self, port, context=None):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = (context or client_context()).wrap_bio(self.incoming, self.outgoing)
        self.answers = b""
        self.finish(self.session.do_handshake)

    def finish(self, call):
        while True:
            try:
                result = call()
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(65536)
                if not data:
                    raise EOFError("the server has closed") from None
                self.incoming.write(data)
                continue
            self.flush()
            return result

    def flush(self):
        if data := self.outgoing.read():
            self.sock.sendall(data)

    def records(self, plaintext):
        """The records that carry it, to be sent by the caller."""
        self.session.write(plaintext)
        return self.outgoing.read()

    def send(self, plaintext):
        self.sock.sendall(self.records(plaintext))

    def answer(self):
        """Waits for one answer with a Content-Length."""
        while (end := self.answers.find(b"\r\n\r\n")) < 0:
            self.answers += self.finish(lambda: self.session.read(65536))
        length = int(self.answers[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
        while len(self.answers) < end + 4 + length:
            self.answers += self.finish(lambda: self.session.read(65536))
        self.answers = self.answers[end + 4 + length:]

    def get(self, path):
        self.send(request(path))
        self.answer()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def request(path, method="GET", body=b"", fields=()):
    head = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    if body:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def wait_decoded(ringside, port, service, seconds=10):
    """Waits until requests of this service are seen: probes come a moment after its process does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with TlsClient(port) as client:
            client.get("/first")
        if ringside.wait_total(1, "http_requests_total", seconds=0.5, service=service):
            time.sleep(0.2)
            return
    raise AssertionError(f"{service} never seen: {ringside.losses()}\n{ringside.log()[-1500:]}")


