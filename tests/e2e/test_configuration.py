"""Names and routes by configuration, limits, and reloading: a bad file is refused whole and the old one stays."""
import signal
import subprocess
import time

import pytest

import ports
from counting import Account
from load import Load, expected
from observer import BINARY, Ringside
from servers import Server

BASE = """
services:
- name: by-executable-and-port
  match: {{executable: "*/e2e-gohttp", port: {gohttp}}}
  routes: ["/items/{{item_number}}", "/files/*", "/orders"]
- name: by-command
  match: {{command: "*node/server.js*"}}
- name: wrong-port
  match: {{executable: "/usr/bin/python3*", port: 1}}
limits:
  routes_per_service: {routes}
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory):
    """ringside with a configuration that speaks of servers which run already; the file can be rewritten."""
    file = tmp_path_factory.mktemp("configuration") / "ringside.yml"
    with Server("gohttp", {"ANSWER": "every"}) as gohttp, Server("node") as node, Server("httpserver") as python:
        file.write_text(BASE.format(gohttp=gohttp.port, routes=5))
        with Ringside(f"--config.file={file}") as ringside:
            yield ringside, file, {"gohttp": gohttp, "node": node, "httpserver": python}


def count(ringside, server, service, routes=None):
    account = Account(ringside, service)
    with Load(server.port, 2, mix=["1 GET /items/#", "1 GET /"]) as load:
        account.expect(expected(load.run(100), routes or {"/items/#": "/items/{id}"}))


def test_name_by_executable_and_port(configured):
    ringside, _, servers = configured
    count(ringside, servers["gohttp"], "by-executable-and-port", {"/items/#": "/items/{item_number}"})


def test_name_by_command(configured):
    ringside, _, servers = configured
    count(ringside, servers["node"], "by-command")


def test_all_that_is_given_must_match(configured):
    ringside, _, servers = configured
    count(ringside, servers["httpserver"], "e2e_httpserver")


def test_routes_by_configuration(configured):
    """A template's own name for its parameter; a trailing * takes any depth; what is not configured is still learned."""
    ringside, _, servers = configured
    account = Account(ringside, "by-executable-and-port")
    mix = ["1 GET /items/{word}?token=canary", "1 GET /files/{word}/{word}/{word}", "1 GET /files/{word}", "1 POST /orders {}", "1 GET /users/#"]
    with Load(servers["gohttp"].port, 2, mix=mix) as load:
        load.run(500)
    account.expect({("GET", "/items/{item_number}", "200"): 100, ("GET", "/files/*", "200"): 200, ("POST", "/orders", "200"): 100,
                    ("GET", "/users/{id}", "200"): 100})


def test_limit_of_routes(configured):
    ringside, _, servers = configured
    with Load(servers["gohttp"].port, 2, mix=[f"1 GET /limited{chr(97 + i)}" for i in range(20)]) as load:
        account = Account(ringside, "by-executable-and-port")
        load.run(400)
        assert sum(account.settle({("GET", "(other)", "200"): 400}).values()) == 400
    paths = {s.labels["path"] for s in ringside.scrape() if s.name == "http_requests_total" and s.labels["service"] == "by-executable-and-port"}
    assert "(other)" in paths and len(paths - {"(other)", "(unmatched)"}) <= 5, paths
    assert ringside.total("ringside_series_overflow_total", service="by-executable-and-port") > 0


@pytest.mark.parametrize("how", ["SIGHUP", "POST /-/reload"])
def test_bad_configuration_is_refused_whole(configured, how):
    """Its good part is not taken over either, and the log quotes what was bad."""
    ringside, file, servers = configured
    good = file.read_text()
    file.write_text(good.replace("by-command", "half-taken") + "  series: plenty\n")
    try:
        reload(ringside, how, 400)
        assert "plenty" in ringside.log()
        count(ringside, servers["node"], "by-command")
    finally:
        file.write_text(good)
        reload(ringside, how, 200)


@pytest.mark.parametrize("how", ["SIGHUP", "POST /-/reload"])
def test_reload_renames(configured, how):
    """New names hold for open connections and running processes; the figures of the old name stay."""
    ringside, file, servers = configured
    good = file.read_text()
    before = ringside.total("http_requests_total", service="by-command")
    file.write_text(good.replace("by-command", "renamed-" + how[:4].strip().lower()))
    try:
        reload(ringside, how, 200)
        count(ringside, servers["node"], "renamed-" + how[:4].strip().lower())
        assert ringside.total("http_requests_total", service="by-command") in (before, 0)
    finally:
        file.write_text(good)
        reload(ringside, how, 200)
    count(ringside, servers["node"], "by-command")


def reload(ringside, how, status):
    if how == "SIGHUP":
        ringside.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert ringside.alive()
    else:
        answered = ringside.status_of("/-/reload", "POST")
        assert answered == status or (status == 400 and answered >= 400), answered


def test_listen_addresses_by_configuration(tmp_path):
    port = ports.free()
    file = tmp_path / "ringside.yml"
    file.write_text(f'web:\n  listen_addresses: ["127.0.0.1:{port}"]\n')
    process = subprocess.Popen([BINARY, "run", f"--config.file={file}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        ports.wait_listens(port, process)
    finally:
        process.terminate()
        assert process.wait(10) == 0


def test_limit_of_series(tmp_path):
    """Past the limit nothing new appears, the requests still count under (other), and the overflow is counted."""
    file = tmp_path / "ringside.yml"
    file.write_text("limits:\n  series: 300\n")
    with Server("gohttp", {"OTEL_SERVICE_NAME": "narrow", "ANSWER": "every"}) as server, Ringside(f"--config.file={file}") as ringside:
        assert ringside.total("ringside_series_limit") == 300
        with Load(server.port, 4, mix=[f"1 GET /narrow{chr(97 + i % 20)}{chr(97 + i // 20)}" for i in range(100)]) as load:
            load.run(1000)
        assert ringside.wait_total(1000, "http_requests_total", service="narrow") == 1000
        assert ringside.total("ringside_series") <= 300
        assert ringside.total("ringside_series_overflow_total") > 0
