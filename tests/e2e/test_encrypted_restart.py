"""ringside is killed and started anew under load in TLS and with HTTP/2: no client notices, answers stay the same to the byte, and
open connections are counted again."""
import select
import time

import pytest

from counting import Account, wait_counted
from load import ASKED, expected
from observer import Ringside
from servers import MULTIPLEXED, SECURED, Server

REQUESTS = ASKED or 3000
FAMILIES = [(SECURED, "node"), (SECURED, "httpserver"), (SECURED, "gohttp"), (MULTIPLEXED, "node-h2"), (MULTIPLEXED, "gohttp-h2")]
# More of them where numbers are asked for.
MORE = [(SECURED, "node24"), (SECURED, "uvicorn"), (SECURED, "nginx"), (MULTIPLEXED, "nginx-h2"), (MULTIPLEXED, "gohttp-h2c")]
ROUNDS = FAMILIES + MORE if ASKED else FAMILIES
NAMES = [kind for _, kind in ROUNDS]
# A connection whose beginning was not seen: HTTP/2's names in the tables from then are `*`.
MIX = ["4 GET /", "8 GET /items/#?token=canary", "2 GET /missing/#?token=canary", "1 GET /fail", "1 GET /big?bytes=200000"]


@pytest.mark.parametrize("table, kind", ROUNDS, ids=NAMES)
def test_killed_under_load(table, kind):
    with Server(table[kind]) as server, server.load(16, streams=8, mix=MIX) as load:
        with_first = Ringside()
        load.start()
        time.sleep(0.7)
        with_first.kill()
        time.sleep(0.2)
        with Ringside() as second:
            time.sleep(1)
            report = load.stop()
            assert not report["failed"], report["failures"]
            account = Account(second, server.service)
            load.run(400)  # the first of each connection may be under way, or not be known yet
            wait_counted(second, server)
            account = Account(second, server.service)
            sent = expected(load.run(1600))
            account.settle(sent)
            seen = account.requests()
            wrong = {key: n for key, n in seen.items() if n > sent[key] and key[1] != "*"}
            assert not wrong, f"{seen}; sent {sent}"
            lost = second.lost(account.opening)
            assert 0 <= sum(seen.values()) + lost - 1600 <= 16, f"{seen}, lost {lost}; sent {sent}; {second.losses()}"
            assert lost <= 16, account.difference(sent, seen)


@pytest.mark.parametrize("table, kind", ROUNDS, ids=NAMES)
def test_attaching_and_detaching_changes_nothing(table, kind):
    """The same requests with no ringside and with one that comes and goes: the same answers, byte for byte, and none fails."""
    n = int(REQUESTS * table[kind].weight)
    with Server(table[kind]) as server:
        with server.load(8, streams=8, mix=MIX) as alone:
            known = alone.run(n)
        with server.load(8, streams=8, mix=MIX) as watched:
            watched.order(f"run {n}")
            comings = 0
            while comings < 2 or not_done(watched):
                ringside = Ringside()
                time.sleep(0.5)
                assert ringside.stop() == 0
                comings += 1
            report = watched.answer()
        assert not report["failed"], report["failures"]
        assert (report["counts"], report["bytes"], report["digest"]) == (known["counts"], known["bytes"], known["digest"])
        server.process.terminate()
        status = server.process.wait(10)
    with Server(table[kind]) as untouched:
        untouched.process.terminate()
        assert status == untouched.process.wait(10), "its exit status is another with ringside"


def not_done(load):
    """Whether the load has not answered yet."""
    return not select.select([load.process.stdout], [], [], 0)[0]
