"""WebSocket sessions as their client knows them: how many, messages both ways, how each ended, in plaintext and TLS."""
import json
import os
import subprocess

import pytest

import built
import ports
from counting import Account
from observer import Ringside

S = built.SERVERS
SERVERS = {
    "node": ["node", S / "websocket-node/server.js"],
    "python": [S / "websocket-python/venv/bin/python", S / "websocket-python/echo.py"],
    "go": [built.HOME / "e2e-websocket-go"],
}
SESSIONS = int(os.environ.get("RINGSIDE_TEST_SESSIONS", "40"))
WAYS = ["1000", "4001", "cut", "1000"]
CODES = {"1000": "1000", "4001": "other", "cut": "1006"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    home = tmp_path_factory.mktemp("certificate")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", home / "key.pem", "-out", home / "cert.pem"], check=True, capture_output=True)
    return {"CERTIFICATE": str(home / "cert.pem"), "KEY": str(home / "key.pem")}


class Server:
    def __init__(self, kind, secure, certificate):
        self.service = f"e2e-websocket-{kind}-{'tls' if secure else 'plain'}"
        self.port = ports.free()
        self.scheme = "s" if secure else ""
        variables = {**os.environ, "PORT": str(self.port), "OTEL_SERVICE_NAME": self.service, **(certificate if secure else {})}
        self.process = subprocess.Popen([str(word) for word in SERVERS[kind]], env=variables)
        ports.wait_listens(self.port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def ringside():
    with Ringside() as running:
        yield running


def client(name, *words):
    command = ["node", str(S / "websocket-node" / name), *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("secure", [False, True], ids=["plaintext", "tls"])
@pytest.mark.parametrize("kind", SERVERS)
def test_sessions_messages_and_closes(ringside, certificate, kind, secure):
    with Server(kind, secure, certificate) as server:
        account = Account(ringside, server.service)
        truth = client("client.js", f"ws{server.scheme}://127.0.0.1:{server.port}/echo", SESSIONS, ",".join(WAYS))
        assert truth["opened"] == SESSIONS
        assert account.settle_total("websocket_session_duration_seconds_count", SESSIONS) == SESSIONS
        assert account.settle_total("websocket_connections_total", SESSIONS) == SESSIONS
        messages = account.since("websocket_messages_total", ("direction",))
        assert messages == {("received",): truth["sent"], ("sent",): truth["received"]}, ringside.losses()
        expected = {}
        for way, count in truth["closes"].items():
            expected[CODES[way],] = expected.get((CODES[way],), 0) + count
        assert account.since("websocket_closes_total", ("code",)) == expected
        assert ringside.total("websocket_connections_active", service=server.service) == 0
        assert account.since("http_requests_total", ("status",)) == {("101",): SESSIONS}


@pytest.mark.parametrize("secure", [False, True], ids=["plaintext", "tls"])
def test_socket_io(ringside, certificate, secure):
    with Server("node", secure, certificate) as server:
        account = Account(ringside, server.service)
        client("chat.js", f"http{server.scheme}://127.0.0.1:{server.port}", 5, 20)
        assert account.settle_total("websocket_connections_total", 5) == 5
        # Beside what is said, Socket.IO probes the session and upgrades to it; heartbeats are 25 s apart.
        assert account.settle_total("websocket_messages_total", 100, direction="received") >= 100
        assert account.settle_total("websocket_messages_total", 100, direction="sent") >= 100


@pytest.mark.parametrize("secure", [False, True], ids=["plaintext", "tls"])
def test_open_sessions_end_with_their_server(ringside, certificate, secure):
    holder = "const W = require('ws'); for (let i = 0; i < 3; i++) new W(process.argv[1], {rejectUnauthorized: false}).on('error', () => {})"
    with Server("node", secure, certificate) as server:
        url = f"ws{server.scheme}://127.0.0.1:{server.port}/echo"
        holding = subprocess.Popen(["node", "-e", holder, url], cwd=S / "websocket-node")
        try:
            assert ringside.wait_total(3, "websocket_connections_active", seconds=5, service=server.service) == 3
            account = Account(ringside, server.service)
            server.process.kill()
            assert account.settle_total("websocket_closes_total", 3, code="1006") == 3
            assert ringside.total("websocket_connections_active", service=server.service) == 0
        finally:
            holding.kill()
            holding.wait()
