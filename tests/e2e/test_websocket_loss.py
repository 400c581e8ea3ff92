"""WebSocket over a wire that loses and repeats: segments come out of order, and every message still counts once."""
import json
import os
import subprocess

import pytest

import built
import ports
from counting import Account
from namespaces import CLIENT, SERVER, Pair

PORT = 8391
SESSIONS = 8
LONGEST = 65536
NODE = built.SERVERS / "websocket-node"


@pytest.fixture
def wire():
    with Pair(mtu=600) as pair:
        yield pair


def lossless(account, wire):
    environment = {**os.environ, "HOST": SERVER, "PORT": str(PORT), "OTEL_SERVICE_NAME": account.labels["service"]}
    server = subprocess.Popen([*wire.inside(wire.server), "node", str(NODE / "server.js")], env=environment)
    try:
        ports.wait_listens(PORT, server)
        command = ["node", NODE / "client.js", f"ws://{SERVER}:{PORT}/echo", SESSIONS, "1000,4001", LONGEST]
        done = subprocess.run([*wire.inside(wire.client), *(str(word) for word in command)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        truth = json.loads(done.stdout)
        assert account.settle_total("websocket_session_duration_seconds_count", SESSIONS) == SESSIONS
    finally:
        server.kill()
        server.wait()
    assert wire.hits() > 100, "the rules met hardly a packet: this run proved nothing"
    messages = account.since("websocket_messages_total", ("direction",))
    assert messages == {("received",): truth["sent"], ("sent",): truth["received"]}, account.ringside.losses()
    assert account.since("websocket_closes_total", ("code",)) == {("1000",): SESSIONS / 2, ("other",): SESSIONS / 2}
    assert account.grown("websocket_connections_total") == SESSIONS


def test_messages_lost_on_their_way(ringside, wire):
    wire.lose_data(wire.server, 7)
    lossless(Account(ringside, "e2e-websocket-lossy-in"), wire)


def test_answers_lost_on_their_way(ringside, wire):
    wire.lose_data(wire.client, 7)
    lossless(Account(ringside, "e2e-websocket-lossy-out"), wire)


def test_repeated_and_lost_both_ways(ringside, wire):
    wire.lose_data(wire.server, 9)
    wire.lose_data(wire.client, 8)
    wire.repeat_data(wire.client, 3, SERVER)
    wire.repeat_data(wire.server, 4, CLIENT)
    lossless(Account(ringside, "e2e-websocket-lossy-both"), wire)
