"""Scanners, binary garbage and clients gone mad: ringside lives, makes no series of them, and counts the others exactly."""
import random
import socket

import pytest

import lint
from conftest import needs
from counting import Account
from load import Load
from wire import Client, request

SCANNED = """.env .git/config .git/HEAD wp-login.php wp-admin/ xmlrpc.php admin administrator phpmyadmin/index.php pma server-status
actuator/env actuator/health api/v1/pods api/v2/users console solr/admin/info/system cgi-bin/luci boaform/admin/formLogin HNAP1 owa/auth
vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php shell cmd.php backup.sql db.sql.gz config.json config.yml .aws/credentials .ssh/id_rsa
robots.txt sitemap.xml favicon.ico login users signup manager/html jenkins/login _profiler/phpinfo debug/default/view graphql v1 v2""".split()
WAYS = ["{}", "{}~", "{}.bak", "old/{}", "%2e%2e/{}", "{}/../../etc/passwd", "{}?x=<script>"]



def test_scanner_is_unmatched(ringside, server):
    """A scanner's word list against a server that knows none of it: one series."""
    account = Account(ringside, server("node").service)
    mix = [f"1 GET /{way.format(word)}" for word in SCANNED for way in WAYS]
    with Load(server("node").port, 16, mix=mix) as load:
        report = load.run(2 * len(mix))
    assert {key.rpartition(" ")[2] for key in report["counts"]} == {"404"}
    account.expect({("GET", "(unmatched)", "404"): 2 * len(mix)})


def garbage():
    noise = random.Random(7)
    yield from (noise.randbytes(noise.randrange(1, 3000)) for _ in range(200))
    yield bytes.fromhex("160301012c0100012803030000000000000000000000000000000000000000000000000000000000000000") + noise.randbytes(260)
    yield b"\x00\x00\x00\x54\xffSMB\x72" + noise.randbytes(80)
    yield b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Administr\r\n"
    yield b"*1\r\n$4\r\nPING\r\n"
    yield b"SSH-2.0-Go\r\n"
    yield b"\x00" * 5000
    yield b"GET \xff\xfe\x00\x01 HTTP/1.1\r\nHost: x\r\n\r\n"
    yield b"GET / HTTP/9.9\r\n\r\n"
    yield b"GET /" + noise.randbytes(200).replace(b"\r", b"").replace(b"\n", b"") + b" HTTP/1.1\r\nHost: x\r\n\r\n"
    yield b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\nhello"
    yield b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhello"
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise.randbytes(300)
    yield b"GET " * 1000
    yield b"\x7f\"\\\n{}=,\" HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("kind", ["node", "httpserver", "gohttp", "nginx"])
def test_binary_garbage(ringside, server, kind):
    """Whatever the server makes of it, ringside lives, makes next to no series of it, and counts what follows exactly."""
    started = server(kind)
    before = len(ringside.scrape())
    for data in garbage():
        client = Client(started.port)
        client.sock.settimeout(0.05)
        try:
            client.send(data).read_all()
        except (TimeoutError, ConnectionError, socket.timeout):
            pass
        client.close()
    account = Account(ringside, started.service)
    with Load(started.port, 4, mix=["1 GET /items/#"]) as load:
        load.run(200)
    assert account.settle({("GET", "/items/{id}", "200"): 200})[("GET", "/items/{id}", "200")] == 200
    assert ringside.alive()
    assert len(ringside.scrape()) - before < 400, "garbage made series"
    assert {method for method, _, _ in account.requests()} <= {"GET", "_OTHER"}


def test_garbage_in_the_middle_of_a_conversation(ringside, server):
    """A client goes mad after three good requests; those count, and its next connection does."""
    account = Account(ringside, server("node").service)
    for data in list(garbage())[:50]:
        with Client(server("node").port) as client:
            client.sock.settimeout(0.05)
            for _ in range(3):
                client.send(request("GET", "/items/7")).read_message()
            try:
                client.send(data).read_all()
            except (TimeoutError, ConnectionError):
                pass
    assert account.settle({("GET", "/items/{id}", "200"): 150})[("GET", "/items/{id}", "200")] == 150


def test_query_strings_never_appear(ringside, server):
    """Nor fragments, credentials or header values."""
    with Client(server("node").port) as client:
        for target in ("/?token=canary", "/items/7?password=canary", "/missing?canary", "http://user:canary@host/items/7", "/items/7;session=canary",
                       "/fail#canary"):
            client.send(request("GET", target, "Authorization: Bearer canary", "Cookie: canary=canary")).read_message()
    account = Account(ringside, server("node").service)
    with Client(server("node").port) as client:
        client.send(request("GET", "/")).read_message()
    account.expect({("GET", "/", "200"): 1})
    assert "canary" not in ringside.text()
    for path in ("/api/v1/services", f"/api/v1/services/{server('node').service}", "/api/v1/requests/slow", "/api/v1/edges", "/sd/targets", "/"):
        assert ringside.status_of(path) == 404 or "canary" not in ringside.text(path)


@needs("promtool")
def test_exposition_is_clean_after_all_that(ringside):
    assert lint.complaints(ringside.text()) == []
