"""Requests to servers in Docker containers, under the names that the containers were given."""
import re
import time

import pytest

import containers
from containers import COMPOSE, Container
from counting import Account
from load import REQUESTS, Load, expected
from observer import Ringside
from servers import Server

pytestmark = pytest.mark.skipif(bool(containers.missing()), reason=containers.missing())
RUNTIMES = ["go", "node", "python"]
NAMED = {  # the container's labels and environment → the service's name
    "label-ringside-service": ({"ringside.service": "by-ringside", COMPOSE: "by-compose"}, {"OTEL_SERVICE_NAME": "by-otel"}, "by-ringside"),
    "label-compose-service": ({COMPOSE: "by-compose"}, {"OTEL_SERVICE_NAME": "by-otel"}, "by-compose"),
    "label-swarm-service": ({"com.docker.swarm.service.name": "by-swarm"}, {"OTEL_SERVICE_NAME": "by-otel"}, "by-swarm"),
    "environment-otel": ({}, {"OTEL_SERVICE_NAME": "by-otel"}, "by-otel"),
    "container-name": ({}, {}, None),
}


def count(ringside, container, service, requests=500, connections=8):
    account = Account(ringside, service, container=container.name)
    with Load(container.port, connections) as load:
        account.expect(expected(load.run(requests)))


@pytest.fixture(scope="module")
def there_first():
    """A container of each runtime, and one on the host's network, that run before ringside does."""
    running = {}
    try:
        for runtime in RUNTIMES:
            running[runtime] = Container(runtime, labels={COMPOSE: f"first-{runtime}"})
        running["host-network"] = Container("go", labels={COMPOSE: "first-host-network"}, host_network=True)
        yield running
    finally:
        for container in running.values():
            container.remove()


@pytest.fixture(scope="module")
def ringside(there_first):
    with Ringside() as running:
        yield running


@pytest.mark.parametrize("connections, closing", [(1, False), (64, False), (64, True)])
@pytest.mark.parametrize("which", [*RUNTIMES, "host-network"])
def test_container_started_before_ringside(ringside, there_first, which, connections, closing):
    container = there_first[which]
    account = Account(ringside, f"first-{which}", container=container.name)
    with Load(container.port, connections, closing) as load:
        account.expect(expected(load.run(REQUESTS // 10)))


@pytest.mark.parametrize("host_network", [False, True], ids=["bridge", "host-network"])
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_container_started_after_ringside(ringside, runtime, host_network):
    service = f"later-{runtime}-{host_network}"
    with Container(runtime, labels={COMPOSE: service}, host_network=host_network) as container:
        count(ringside, container, service, REQUESTS // 10)


@pytest.mark.parametrize("case", NAMED)
def test_where_the_name_comes_from(ringside, case):
    labels, environment, service = NAMED[case]
    with Container(labels=labels, environment=environment) as container:
        count(ringside, container, service or container.name)


def test_replicas_are_one_service_in_two_containers(ringside):
    """Both serve the same port inside; requests from inside use the same 127.0.0.1:8080 at the same time, too."""
    labels = {COMPOSE: "replicated"}
    with Container(labels=labels) as one, Container(labels=labels) as two:
        count(ringside, one, "replicated", 500)
        count(ringside, two, "replicated", 700)
        accounts = [Account(ringside, "replicated", container=each.name) for each in (one, two)]
        with one.load_inside(connections=32) as first, two.load_inside(connections=32) as second:
            first.order("run 3000")
            second.order("run 2000")
            reports = first.answer(), second.answer()
            for account, report in zip(accounts, reports):
                assert not report["failed"]
                account.expect(expected(report))
        assert {account.grown("http_requests_total") for account in accounts} == {3000, 2000}


def test_docker_proxy_is_no_service(ringside, there_first):
    """All of the above came through docker-proxy; it is plumbing, and each request counts once."""
    count(ringside, there_first["go"], "first-go")
    assert not [s for s in ringside.scrape() if "proxy" in s.labels.get("service", "")]
    listed = {s.labels["service"] for s in ringside.scrape() if s.name == "http_requests_total"}
    assert not listed & {"docker-proxy", "dockerd", "docker", "docker-init", "containerd-shim"}, listed


def test_no_container_id_and_no_address_in_labels(ringside, there_first):
    count(ringside, there_first["go"], "first-go")
    identities = [container.inspect() for container in there_first.values()]
    text = ringside.text()
    for identity in identities:
        assert identity["Id"][:12] not in text
        address = identity["NetworkSettings"]["IPAddress"]
        assert not address or address not in text
    assert not re.search(r'[{,](pid|instance|job|client|client_address)="', text)


def test_process_on_the_host_has_no_container(ringside):
    account = Account(ringside, "e2e-gohttp", container="")
    with Server("gohttp") as server, Load(server.port) as load:
        account.expect(expected(load.run(200)))


def test_container_restarts(ringside):
    with Container(labels={COMPOSE: "restarted"}) as container:
        count(ringside, container, "restarted")
        container.restart()
        count(ringside, container, "restarted")


def test_container_removed_under_load(ringside, there_first):
    """What was answered is counted, and ringside goes on with the others."""
    with Container(labels={COMPOSE: "removed"}) as container:
        account = Account(ringside, "removed")
        with Load(container.port, 16, mix=["1 GET /"]) as load:
            load.order("run 5000")
            before = load.answer()
            load.start()
            container.remove()
            report = load.stop()
    answered = sum(before["counts"].values()) + sum(report["counts"].values())
    seen = account.settle({("GET", "/", "200"): answered})
    assert answered <= sum(seen.values()) <= answered + report["failed"], f"{seen}; {answered} answered; {ringside.losses()}"
    assert answered <= seen[("GET", "/", "200")] <= answered + 16, f"{seen}; {answered} answered"
    assert ringside.alive()
    count(ringside, there_first["go"], "first-go")


def test_name_is_used_again_by_another_container(ringside):
    """A removed container's name comes back with another service in it."""
    name = "e2e-same-name"
    for service in ("same-name-first", "same-name-second"):
        with Container(name=name, labels={COMPOSE: service}) as container:
            count(ringside, container, service)


def test_containers_in_service_info(ringside, there_first):
    info = {s.labels["container"]: s.labels for s in ringside.scrape() if s.name == "service_info"}
    runtimes = {"go": "go", "node": "nodejs", "python": "python"}
    for which, runtime in runtimes.items():
        labels = info[there_first[which].name]
        assert (labels["service"], labels["runtime"]) == (f"first-{which}", runtime)
        assert labels["image"] == containers.image(which)


def test_service_up_follows_the_listener(ringside):
    with Container(labels={COMPOSE: "up-and-down"}) as container:
        assert ringside.wait_total(1, "service_up", 5, service="up-and-down") == 1
        containers.docker("kill", container.name)
    end = time.monotonic() + 5
    while ringside.total("service_up", service="up-and-down") and time.monotonic() < end:
        time.sleep(0.1)
    assert ringside.total("service_up", service="up-and-down") == 0
