"""A wire that loses and repeats: segments pass ringside's programs again, and out of order, and every request still counts once."""
import pytest

from counting import Account
from load import ORDER, Load, expected
from namespaces import CLIENT, SERVER, Pair
from servers import Server

SMALL = ["4 GET /", "4 GET /items/#", "2 POST /orders " + ORDER, "2 GET /missing/#"]
LONG_HEADS = ["1 GET /items/#?filler=" + "q" * 3000]
LONG_BODIES = ["1 POST /orders " + '{"item":"cup","note":"' + "n" * 20000 + '"}']
LONG_ANSWERS = ["1 GET /big?bytes=60000"]


@pytest.fixture
def wire():
    """An MTU of 600 makes many segments of one message."""
    with Pair(mtu=600) as pair:
        yield pair


def count(ringside, wire, mix, requests=1500, kind="gohttp", connections=16):
    """Sends over the wire; returns of each request the seconds as the client and as ringside saw them, and the bytes."""
    name = f"lossy-{kind}"
    with Server(kind, {"HOST": SERVER, "OTEL_SERVICE_NAME": name}, wrapper=wire.inside(wire.server)) as server:
        account = Account(ringside, name)
        with Load(server.port, connections, host=SERVER, mix=mix, wrapper=wire.inside(wire.client)) as load:
            report = load.run(requests)
            account.expect(expected(report))
        assert wire.hits() > requests / 20, "the rules met hardly a packet: this run proved nothing"
        waited, lasted = sum(report["waited"].values()), account.grown("http_request_duration_seconds_sum")
        received = account.grown("http_request_size_bytes_total")
        return waited / requests, lasted / requests, received / requests


@pytest.mark.parametrize("kind", ["gohttp", "node"])
def test_requests_lost_on_their_way(ringside, wire, kind):
    """The segment that carries the request never comes; what ringside sees first is its retransmission."""
    wire.lose_data(wire.server, 5)
    waited, lasted, _ = count(ringside, wire, SMALL, kind=kind)
    assert wire.retransmitted(wire.client) > 50
    assert 0 < lasted < waited


@pytest.mark.parametrize("kind", ["gohttp", "node"])
def test_answers_lost_on_their_way(ringside, wire, kind):
    """The answer passes ringside twice. Its duration ends when it was first handed over: the wait for its repetition is the wire's."""
    wire.lose_data(wire.client, 5)
    waited, lasted, _ = count(ringside, wire, SMALL, kind=kind)
    assert wire.retransmitted(wire.server) > 50
    assert 0 < lasted < waited / 2


def test_acknowledgements_lost(ringside, wire):
    wire.lose_acknowledgements(wire.server, 2)
    wire.lose_acknowledgements(wire.client, 2)
    count(ringside, wire, [*SMALL, *LONG_ANSWERS])


def test_both_directions_and_repeated_segments(ringside, wire):
    wire.lose_data(wire.server, 7)
    wire.lose_data(wire.client, 6)
    wire.repeat_data(wire.client, 3, SERVER)
    wire.repeat_data(wire.server, 4, CLIENT)
    waited, lasted, _ = count(ringside, wire, SMALL)
    assert 0 < lasted < waited


@pytest.mark.parametrize("mix", [LONG_HEADS, LONG_BODIES, LONG_ANSWERS], ids=["heads", "bodies", "answers"])
def test_messages_of_many_segments_out_of_order(ringside, wire, mix):
    """The first, the last or any in the middle comes late; what follows it has passed before."""
    wire.lose_data(wire.server, 5)
    wire.lose_data(wire.client, 7)
    wire.repeat_data(wire.client, 4, SERVER)
    waited, lasted, received = count(ringside, wire, mix, requests=400)
    assert 0 < lasted < waited
    sent = len(mix[0].split(" ", 2)[2])
    assert sent - 20 < received < sent + 300, "less than the message, or more than it and its usual fields"
