"""The demo platform, as `make demo` starts it: seven services whose every request is known to the visitors' program."""
import json
import signal
import subprocess
from collections import Counter, namedtuple

import pytest

import exposition
import ports
from counting import Account
from observer import ROOT

RUNTIMES = {"api-gateway": "nodejs", "user-service": "nodejs", "device-service": "nodejs", "app-service": "nodejs",
            "billing-service": "nodejs", "scheduler-service": "python", "media-service": "go"}
Visits = namedtuple("Visits", "truth accounts")


def send_visitors(number):
    command = [ROOT / "build/demo/demo-load", f"--visits={number}", "--visitors=8", "--media-interface=lo", "--limit=40s"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def demo(ringside):
    command = [ROOT / "tools/demo/run", f"--ringside=http://127.0.0.1:{ringside.port}", "--without-load"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        said = process.stdout.readline()
        assert said.startswith("the demo platform is at"), f"it says {said!r} and ends with {process.wait()}"
        yield process
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def visits(ringside, demo):
    """What is counted from when all routes have been seen."""
    send_visitors(15)
    accounts = {service: Account(ringside, service) for service in RUNTIMES}
    return Visits(send_visitors(40), accounts)


@pytest.mark.parametrize("service", RUNTIMES)
def test_counts_are_those_of_the_visitors(visits, service):
    seen = [each for each in visits.truth["requests"] if each["service"] == service]
    assert seen
    visits.accounts[service].expect({(each["method"], each["path"], str(each["status"])): each["count"] for each in seen})


def test_truth_is_consistent(visits):
    """Each request comes over one edge; each event of business is a request that could tell of it."""
    requests = Counter()
    for each in visits.truth["requests"]:
        requests[each["service"]] += each["count"]
    for each in visits.truth["edges"]:
        requests[each["callee"]] -= each["count"]
    assert not any(requests.values())
    told = {(each["method"], each["path"], each["status"]): each["count"] for each in visits.truth["requests"]
            if each["service"] != "api-gateway"}
    events = visits.truth["events"]
    assert events["user_registrations_total"] == told["POST", "/api/users", 201]
    assert events["user_logins_total"] == told["POST", "/api/auth/login", 200]
    assert events["session_duration_seconds_count"] == told["DELETE", "/sessions/{id}", 200]
    assert events["transactions_total"] == sum(told["POST", "/payments", status] for status in (201, 402, 504))


def test_signalling_is_counted_by_message(visits):
    account, events = visits.accounts["media-service"], visits.truth["events"]
    sessions = events["websocket_connections_total"]
    assert account.settle_total("websocket_connections_total", sessions) == sessions
    for direction in ("received", "sent"):
        messages = events[f'websocket_messages_total{{direction="{direction}"}}']
        assert account.settle_total("websocket_messages_total", messages, direction=direction) == messages


def test_services_have_their_names_and_runtimes(ringside, visits):
    info = exposition.by(ringside.scrape(), "service_info", ("service", "runtime"))
    assert {service: runtime for service, runtime in info if service in RUNTIMES} == RUNTIMES


def test_all_of_it_ends_on_sigint(ringside, visits, demo):
    children = subprocess.run(["ps", "--ppid", str(demo.pid), "-o", "pid="], capture_output=True, text=True).stdout.split()
    assert len(children) == len(RUNTIMES) + 2  # and the stores
    demo.send_signal(signal.SIGINT)
    assert demo.wait(20) == 0
    assert not any(ports.listens(port) for port in (*range(30000, 30007), 30379, 30432))
    assert subprocess.run(["ps", "-o", "pid=", *children], capture_output=True).returncode != 0
    assert not list((ROOT / "build/demo").glob("data-*"))
    assert ringside.alive()  # it was there before
