"""Packets, bytes and TCP troubles of containers and services: against the interface's counters, the kernel's own, and what the test itself did."""
import os
import pathlib
import socket
import struct
import subprocess
import time

import pytest

import containers
import exposition
from cgroups import Cgroup, Unit, mounts
from containers import COMPOSE, Container, docker
from counting import Account
from load import Load
from namespaces import CLIENT, SERVER, DelayedPair, Pair, run
from observer import Ringside

needs_docker = pytest.mark.skipif(bool(containers.missing()), reason=containers.missing())
NETWORK = [f"container_network_{way}_{unit}_total" for way in ("receive", "transmit") for unit in ("bytes", "packets")]
MIX = ["6 GET /", "1 GET /big?bytes=60000", '1 POST /orders {"item":"cup","note":"' + "n" * 20000 + '"}']
BIND = "import socket, sys, time\nlistener = socket.create_server((HOST, 7000), backlog=BACKLOG)\n"
SERVE = """import threading
def serve(client):
    while data := client.recv(65536):
        client.sendall(data)
    client.close()
while True:
    threading.Thread(target=serve, args=[listener.accept()[0]], daemon=True).start()
"""
HANG_UP = """while True:
    client = listener.accept()[0]
    time.sleep(0.05)
    client.close()
"""
NEVER = "time.sleep(1000)\n"


class Service:
    """A Python script that listens on port 7000 of a network namespace, in a cgroup as systemd gives it to a unit."""

    def __init__(self, name, script, wrapper=(), host=SERVER, backlog=128):
        self.name, self.unit = name, Unit(f"e2e-{name}")
        text = BIND.replace("HOST", repr(host)).replace("BACKLOG", str(backlog)) + script
        self.process = subprocess.Popen([*self.unit.wrapper(), *wrapper, "/usr/bin/python3", "-S", "-c", text],
                                        env={**os.environ, "OTEL_SERVICE_NAME": name})

    def wait_shown(self, ringside):
        end = time.monotonic() + 10
        while not ringside.total("service_up", service=self.name):
            assert self.process.poll() is None and time.monotonic() < end, f"{self.name} is not seen"
            time.sleep(0.05)
        ringside.wait_total(1, "container_start_time_seconds", service=self.name)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        time.sleep(0.1)
        self.unit.remove()


@pytest.fixture
def wire():
    with Pair() as pair:
        yield pair


def in_client(wire, script, wait=True):
    """Runs a Python script at the other end of the wire."""
    process = subprocess.Popen([*wire.inside(wire.client), "/usr/bin/python3", "-S", "-c", "import socket, struct, sys, time\n" + script],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if wait:
        process.communicate()
        assert process.returncode == 0
    return process


def interface(pid, name="eth0"):
    for line in pathlib.Path(f"/proc/{pid}/net/dev").read_text().splitlines():
        device, _, numbers = line.strip().partition(":")
        if device == name:
            numbers = [int(word) for word in numbers.split()]
            return dict(zip(NETWORK, (numbers[0], numbers[1], numbers[8], numbers[9])))
    raise AssertionError(f"no {name}")


def kernel_counter(wire, name, which):
    for line in run(*wire.inside(name), "nstat", "-asz", which).splitlines():
        if line.startswith(which):
            return int(line.split()[1])
    raise AssertionError(f"nstat shows no {which}")


def grown(account):
    return {name: account.grown(name) for name in NETWORK}


@needs_docker
def test_bytes_and_packets_are_the_interfaces(ringside):
    with Container(labels={COMPOSE: "net-bridge"}) as container:
        pid = container.inspect()["State"]["Pid"]
        ringside.wait_total(1, "container_start_time_seconds", service="net-bridge")
        account, before = Account(ringside, "net-bridge", container=container.name), interface(pid)
        with Load(container.port, 16, mix=MIX) as load:
            load.run(2000)
        time.sleep(0.5)
        counted, after = grown(account), interface(pid)
        for name in NETWORK:
            assert counted[name] == pytest.approx(after[name] - before[name], rel=0.01), name
        labels = [s.labels for s in ringside.scrape() if s.name == NETWORK[0] and s.labels["service"] == "net-bridge"]
        assert labels == [{"service": "net-bridge", "container": container.name, "image": containers.image("go")}]


@needs_docker
def test_a_container_on_the_hosts_network_has_its_own_figures(ringside):
    """Where cAdvisor has none: its packets pass the host's interfaces together with everybody's."""
    gateway = containers.gateway()
    with Container(labels={COMPOSE: "net-host"}, environment={"HOST": gateway}, host_network=True) as server:
        with Container(labels={COMPOSE: "net-client"}) as client:
            pid = client.inspect()["State"]["Pid"]
            for service in ("net-host", "net-client"):
                ringside.wait_total(1, "container_start_time_seconds", service=service)
            accounts, before = [Account(ringside, name) for name in ("net-host", "net-client")], interface(pid)
            inside = ["docker", "exec", "--interactive", client.name]
            with Load(server.inner_port, 8, host=gateway, mix=MIX, wrapper=inside, program="/srv/load") as load:
                load.run(2000)
            time.sleep(0.5)
            after = interface(pid)
            counted, mirrored = [grown(account) for account in accounts]
            for name in NETWORK:
                assert mirrored[name] == pytest.approx(after[name] - before[name], rel=0.01), name
                opposite = name.replace("receive", "TRANSMIT").replace("transmit", "receive").replace("TRANSMIT", "transmit")
                assert counted[name] == pytest.approx(mirrored[opposite], rel=0.01), name


@needs_docker
def test_the_loopback_is_not_counted(ringside):
    with Container(labels={COMPOSE: "net-loopback"}) as container:
        ringside.wait_total(1, "container_start_time_seconds", service="net-loopback")
        account = Account(ringside, "net-loopback")
        with container.load_inside(connections=4, mix=MIX) as load:
            load.run(500)
        assert sum(grown(account).values()) < 10000


def test_cgroups_within_add_to_their_service_and_leave_their_counts(ringside, wire):
    """A container engine within a container, a worker's own cgroup: what it has sent stays counted when it goes."""
    with Service("net-within", SERVE, wire.inside(wire.server)) as service:
        service.wait_shown(ringside)
        inner = mounts()[""] / f"system.slice/e2e-net-within.service/inner"
        inner.mkdir()
        account = Account(ringside, "net-within")
        script = f"import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor _ in range(1000): s.sendto(bytes(972), ({CLIENT!r}, 9))"
        subprocess.run(["sh", "-c", f'echo $$ >{inner}/cgroup.procs; exec "$@"', "sh", *wire.inside(wire.server), "/usr/bin/python3", "-S", "-c", script], check=True)
        assert account.grown("container_network_transmit_packets_total") == 1000
        assert account.grown("container_network_transmit_bytes_total") == 1000 * (14 + 20 + 8 + 972)
        inner.rmdir()
        time.sleep(16)
        assert account.grown("container_network_transmit_packets_total") == 1000


@pytest.mark.parametrize("losing", ["server", "client"])
def test_retransmissions_are_the_kernels(ringside, wire, losing):
    """Whatever the server sends again, by the counter of its network namespace, in which it is alone."""
    with Service(f"net-retransmits-{losing}", SERVE, wire.inside(wire.server)) as service:
        service.wait_shown(ringside)
        if losing == "client":
            wire.lose_data(wire.client, 5)
        else:
            wire.lose_acknowledgements(wire.server, 2)
        account, before = Account(ringside, service.name), wire.retransmitted(wire.server)
        in_client(wire, f"""
s = socket.create_connection(({SERVER!r}, 7000))
for _ in range(100):
    s.sendall(bytes(3000))
    left = 3000
    while left:
        left -= len(s.recv(left))
""")
        time.sleep(0.3)
        happened = wire.retransmitted(wire.server) - before
        assert happened > (20 if losing == "client" else 0)
        assert account.grown("container_tcp_retransmits_total") == happened


def test_resets_that_clients_send(ringside, wire):
    with Service("net-resets-received", SERVE, wire.inside(wire.server)) as service:
        account = Account(service.wait_shown(ringside) and ringside, service.name)
        in_client(wire, f"""
for _ in range(20):
    s = socket.create_connection(({SERVER!r}, 7000))
    s.sendall(b"x"); s.recv(1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
""")
        time.sleep(0.2)
        assert account.since("container_tcp_resets_total", ("direction",)) == {("received",): 20}


def test_resets_that_the_server_sends(ringside, wire):
    """It closes while there is something that it has not read."""
    with Service("net-resets-sent", HANG_UP, wire.inside(wire.server)) as service:
        account = Account(service.wait_shown(ringside) and ringside, service.name)
        in_client(wire, f"""
for _ in range(20):
    s = socket.create_connection(({SERVER!r}, 7000))
    s.sendall(b"x")
    try:
        s.recv(1)
    except ConnectionResetError:
        pass
""")
        time.sleep(0.2)
        assert account.since("container_tcp_resets_total", ("direction",)) == {("sent",): 20}


def connections(ringside, service):
    return tuple(ringside.total("container_tcp_connections_active", service=service, role=role) for role in ("server", "client"))


BOTH_ENDS = """
accepted, made = [], []
for _ in range(30):
    made.append(socket.create_connection(("127.0.0.1", 7000)))
    accepted.append(listener.accept()[0])
print("made", flush=True)
sys.stdin.readline()
for each in made[:20]:
    each.close()
for each in accepted[:20]:
    each.close()
print("closed", flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("older", [False, True], ids=["seen-to-open", "older-than-ringside"])
def test_connections_by_role(ringside, wire, older):
    """One process is both ends of 30 connections and closes 20 of them."""
    unit = Unit("e2e-net-roles")
    text = BIND.replace("HOST", "'127.0.0.1'").replace("BACKLOG", "64") + BOTH_ENDS
    process = subprocess.Popen([*unit.wrapper(), *wire.inside(wire.server), "/usr/bin/python3", "-S", "-c", text], text=True,
                               env={**os.environ, "OTEL_SERVICE_NAME": "net-roles"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    later = None
    try:
        assert process.stdout.readline() == "made\n"
        later = Ringside() if older else ringside
        end = time.monotonic() + 5
        while (seen := connections(later, "net-roles")) != (30, 30) and time.monotonic() < end:
            time.sleep(0.1)
        assert seen == (30, 30)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "closed\n"
        assert connections(later, "net-roles") == (10, 10)
    finally:
        process.kill()
        process.wait()
        if older and later:
            assert later.stop() == 0
        time.sleep(0.1)
        unit.remove()


@pytest.mark.parametrize("older", [False, True], ids=["seen-to-listen", "older-than-ringside"])
def test_accept_queue_of_a_server_that_never_accepts(ringside, wire, older):
    """A backlog of 4 holds five connections (sk_acceptq_is_full); what comes after is dropped."""
    with Service("net-queue", NEVER, wire.inside(wire.server), backlog=4) as service:
        if older:
            service.wait_shown(ringside)  # it listens
        later = Ringside() if older else ringside
        try:
            service.wait_shown(later)
            account, before = Account(later, "net-queue"), kernel_counter(wire, wire.server, "TcpExtListenDrops")
            assert later.total("container_accept_queue_length", service="net-queue") == 0
            clients = in_client(wire, f"""
clients = [socket.socket() for _ in range(20)]
for each in clients:
    each.setblocking(False)
    each.connect_ex(({SERVER!r}, 7000))
    time.sleep(0.01)
print("tried", flush=True)
sys.stdin.readline()
""", wait=False)
            assert clients.stdout.readline() == "tried\n"
            assert later.wait_total(5, "container_accept_queue_length", service="net-queue") == 5
            time.sleep(1.5)
            dropped = kernel_counter(wire, wire.server, "TcpExtListenDrops") - before
            seen = account.grown("container_accept_queue_overflows_total")
            assert dropped >= 15 and dropped <= seen <= kernel_counter(wire, wire.server, "TcpExtListenDrops") - before
            clients.communicate()
        finally:
            if older:
                assert later.stop() == 0


def rtt_mean(account, at_least, seconds):
    end = time.monotonic() + seconds
    while (count := account.grown("container_tcp_rtt_seconds_count")) < at_least and time.monotonic() < end:
        time.sleep(0.2)
    assert count >= at_least
    return account.grown("container_tcp_rtt_seconds_sum") / count


@pytest.mark.parametrize("closing", [True, False], ids=["as-they-end", "while-they-stay"])
def test_round_trip_times(ringside, closing):
    """A wire of 20 ms each way."""
    with DelayedPair(0.02) as wire, Service(f"net-rtt-{closing}", SERVE, wire.inside(wire.server)) as service:
        account = Account(service.wait_shown(ringside) and ringside, service.name)
        client = in_client(wire, f"""
clients = [socket.create_connection(({SERVER!r}, 7000)) for _ in range(5)]
for _ in range({20 if closing else 1000000}):
    for each in clients:
        each.sendall(b"x")
        each.recv(1)
""", wait=closing)
        try:
            assert rtt_mean(account, 5, 5 if closing else 45) == pytest.approx(0.04, rel=0.25)
            buckets = {s.labels["le"]: s.value for s in ringside.scrape()
                       if s.name == "container_tcp_rtt_seconds_bucket" and s.labels["service"] == service.name}
            assert buckets["0.025"] == 0 and buckets["0.1"] == buckets["+Inf"]
        finally:
            client.kill()
            client.communicate()


def test_a_service_that_is_gone_leaves_no_series(ringside, wire):
    with Service("net-gone", SERVE, wire.inside(wire.server)) as service:
        service.wait_shown(ringside)
    end = time.monotonic() + 5
    while any(s.labels.get("service") == "net-gone" for s in ringside.scrape() if s.name.startswith("container_")):
        assert time.monotonic() < end
        time.sleep(0.1)
    lost = [s for s in ringside.scrape() if s.name == "ringside_network_lost_total" and s.value]
    assert not lost
