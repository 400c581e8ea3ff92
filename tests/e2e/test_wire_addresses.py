"""The same over IPv6 and IPv4 in IPv6, and data that arrive with the handshake."""
import pytest

from counting import Account
from load import Load, expected
from servers import Server
from wire import GET, HEAD_READ, OK, Client, expect_gets

ANSWERING = ["repeat", 50, [HEAD_READ, ["send", OK]]]
PAIRS = [("0.0.0.0", "127.0.0.1"), ("::1", "::1"), ("::", "::1"), ("::", "127.0.0.1")]


@pytest.mark.parametrize("listening, calling", PAIRS)
def test_addresses(script, listening, calling):
    """The last pair is an IPv6 socket with an IPv4 client (::ffff:127.0.0.1)."""
    server = script(ANSWERING, host=listening)
    with server.connect(host=calling) as client:
        for _ in range(50):
            client.send(GET).read_answer(OK)
        server.expect(expect_gets(50))


@pytest.mark.parametrize("host, calling", [("::1", "::1"), ("::", "127.0.0.1")])
@pytest.mark.parametrize("kind", ["node", "gohttp"])
def test_real_server(ringside, kind, host, calling):
    name = f"e2e-{kind}-on-{host.replace(':', '-')}-{calling.replace(':', '-').replace('.', '-')}"
    with Server(kind, {"HOST": host, "OTEL_SERVICE_NAME": name}) as server:
        account = Account(ringside, name)
        with Load(server.port, 16, host=calling) as load:
            account.expect(expected(load.run(2000)))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_data_with_the_last_segment_of_the_handshake(script, host):
    """TCP_DEFER_ACCEPT: the connection comes to be by the segment that carries the request."""
    server = script(HEAD_READ, ["send", OK], host=host, defer=True)
    for _ in range(20):
        with server.connect() as client:
            client.send(GET).read_answer(OK)
    server.expect(expect_gets(20))


def test_many_short_connections_reuse_ports(ringside, server):
    """2 000 connections of one request each, sockets and ports used again: no state of a predecessor is taken over."""
    account = Account(ringside, server("gohttp").service)
    for _ in range(2000):
        with Client(server("gohttp").port) as client:
            assert client.send(GET).read_message()[0] == "200"
    account.expect(expect_gets(2000))
