"""What ringside serves: formats, discovery, health, refusals; and that nobody can make it wait."""
import gzip
import json
import shutil
import socket
import time
import urllib.error

import pytest

import lint
from conftest import needs
from counting import Account
from load import Load
from observer import BINARY, Ringside
from wire import Client, request

TEXT = "text/plain; version=0.0.4"
OPENMETRICS = "application/openmetrics-text"
PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
PROMETHEUS = f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8;q=0.6,{OPENMETRICS};version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,{TEXT};q=0.3,*/*;q=0.2"


@pytest.fixture(scope="module", autouse=True)
def traffic(ringside, server):
    """Two services with known figures, so that there is something to serve."""
    for kind in ("node", "gohttp"):
        account = Account(ringside, server(kind).service)
        with Load(server(kind).port, 4, mix=["1 GET /items/#", "1 GET /"]) as load:
            load.run(100)
        account.expect({("GET", "/items/{id}", "200"): 50, ("GET", "/", "200"): 50})


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", TEXT, "text/html", "application/json"])
def test_text_by_default(ringside, accept):
    answer = ringside.get("/metrics", **({"Accept": accept} if accept else {}))
    assert answer.headers["Content-Type"].replace(" ", "").startswith("text/plain;version=0.0.4")
    text = answer.read().decode()
    assert "# EOF" not in text
    assert "# TYPE http_requests_total counter\n" in text and "# HELP http_requests_total " in text


@pytest.mark.parametrize("accept", [f"{OPENMETRICS}; version=1.0.0", PROMETHEUS, f"{OPENMETRICS};version=1.0.0,text/plain;q=0.5"])
def test_openmetrics_when_asked_for(ringside, accept):
    answer = ringside.get("/metrics", Accept=accept)
    assert answer.headers["Content-Type"].replace(" ", "").startswith(f"{OPENMETRICS};version=1.0.0")
    text = answer.read().decode()
    assert text.endswith("# EOF\n") and text.count("# EOF") == 1
    assert "# TYPE http_requests counter\n" in text and "\nhttp_requests_total{" in text
    assert "_total counter" not in text
    named = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE ")]
    assert len(named) == len(set(named)), "a family appears twice"


def test_text_is_preferred_when_it_weighs_more(ringside):
    answer = ringside.get("/metrics", Accept=f"{OPENMETRICS};version=1.0.0;q=0.2,{TEXT};q=0.8")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.skip(reason="protobuf comes with a later issue: README, Limits")
def test_protobuf_when_asked_for(ringside):
    """Only that it is what was asked for and is framed as it should be: a length, then so many bytes, to the end."""
    answer = ringside.get("/metrics", Accept=PROTOBUF)
    assert "application/vnd.google.protobuf" in answer.headers["Content-Type"]
    data, at, messages = answer.read(), 0, 0
    while at < len(data):
        length, shift = 0, 0
        while True:
            length |= (data[at] & 0x7F) << shift
            shift, at = shift + 7, at + 1
            if not data[at - 1] & 0x80:
                break
        at, messages = at + length, messages + 1
    assert at == len(data) and messages > 5
    assert b"http_requests_total" in data


def test_both_formats_say_the_same(ringside):
    def counts(accept):
        lines = ringside.get("/metrics", Accept=accept).read().decode().splitlines()
        return sorted(line for line in lines if line.startswith("http_requests_total{"))
    text, openmetrics = counts(TEXT), counts(f"{OPENMETRICS};version=1.0.0")
    assert text
    assert [line.rpartition(" ")[0] for line in text] == [line.rpartition(" ")[0] for line in openmetrics]
    assert [float(line.split()[-1]) for line in text] == [float(line.split()[-1]) for line in openmetrics]


@pytest.mark.parametrize("offered", ["gzip", "gzip, deflate, br", "deflate, gzip;q=1.0"])
def test_gzip_when_offered(ringside, offered):
    answer = ringside.get("/metrics", Accept_Encoding=offered)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"http_requests_total{" in gzip.decompress(answer.read())


@pytest.mark.parametrize("offered", ["identity", "br", "gzip;q=0"])
def test_no_gzip_when_not_offered(ringside, offered):
    answer = ringside.get("/metrics", Accept_Encoding=offered)
    assert answer.headers["Content-Encoding"] in (None, "identity")
    assert b"http_requests_total{" in answer.read()


@needs("promtool")
def test_promtool_is_content(ringside):
    assert lint.complaints(ringside.text()) == []


def test_one_service(ringside):
    samples = ringside.scrape("/metrics?service=e2e-node")
    assert {s.labels.get("service") for s in samples} == {"e2e-node"}
    everything = ringside.scrape()
    names = {s.name for s in everything if s.labels.get("service") == "e2e-node" and not s.name.startswith("ringside_")}
    assert {s.name for s in samples if not s.name.startswith("ringside_")} == names
    assert sum(s.value for s in samples if s.name == "http_requests_total") == 100


def test_service_that_is_unknown_has_no_series(ringside):
    try:
        assert ringside.scrape("/metrics?service=nobody") == []
    except urllib.error.HTTPError as error:
        assert error.code == 404


def test_discovery(ringside):
    """Prometheus HTTP SD: one target for each service; scraping it as relabelling would have it gives that service."""
    answer = ringside.get("/sd/targets")
    assert answer.headers["Content-Type"].startswith("application/json")
    groups = json.loads(answer.read())
    services = {group["labels"]["__param_service"]: group for group in groups}
    assert len(services) == len(groups) and {"e2e-node", "e2e-gohttp"} <= set(services)
    for group in groups:
        assert set(group) == {"targets", "labels"} and len(group["targets"]) == 1
        assert group["targets"] == [f"127.0.0.1:{ringside.port}"]
        assert all(isinstance(value, str) for value in group["labels"].values())
        assert group["labels"].get("__metrics_path__", "/metrics") == "/metrics"


LATER = pytest.mark.skip(reason="comes with a later issue: README, Limits")


@pytest.mark.parametrize("path", ["/-/healthy", "/-/ready", "/metrics", "/", "/sd/targets", "/api/v1/status", "/api/v1/services",
                                  "/api/v1/services/e2e-node",
                                  pytest.param("/api/v1/requests/slow", marks=LATER), pytest.param("/api/v1/edges", marks=LATER)])
def test_found(ringside, path):
    assert ringside.status_of(path) == 200


@pytest.mark.parametrize("path", ["/nothing", "/metricsx", "/metrics/", "/api/v1/", "/api/v1/services/nobody", "/-/", "/../etc/passwd", "//metrics",
                                  pytest.param("/%00", marks=pytest.mark.skip(reason="libmicrohttpd ends the decoded path at the NUL: it is answered as /")),
                                  "/" + "p" * 4000])
def test_not_found(ringside, path):
    assert ringside.status_of(path) == 404


@pytest.mark.parametrize("method, path", [("POST", "/metrics"), ("PUT", "/"), ("DELETE", "/metrics"), ("GET", "/-/reload"), ("POST", "/-/ready"),
                                          ("POST", "/sd/targets"), ("PATCH", "/api/v1/status")])
def test_method_not_allowed(ringside, method, path):
    assert ringside.status_of(path, method) == 405


def test_head_is_get_without_a_body(ringside):
    answer = ringside.get("/metrics", method="HEAD")
    assert answer.status == 200 and answer.read() == b""


def test_reload(ringside):
    assert ringside.status_of("/-/reload", "POST") == 200


def test_reload_from_its_own_page(ringside):
    assert ringside.status_of("/-/reload", "POST", Origin=f"http://127.0.0.1:{ringside.port}") == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "", "://"])
def test_reload_from_a_foreign_page_is_refused(ringside, origin):
    assert ringside.status_of("/-/reload", "POST", Origin=origin) == 403


def test_status_is_json(ringside):
    answer = ringside.get("/api/v1/status")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(json.loads(answer.read()), dict)


def test_services_are_json(ringside):
    assert "e2e-node" in json.dumps(json.loads(ringside.text("/api/v1/services")))
    assert "/items/{id}" in json.dumps(json.loads(ringside.text("/api/v1/services/e2e-node")))


def test_landing_page(ringside):
    """Self-contained: nothing is fetched from anywhere else."""
    answer = ringside.get("/")
    page = answer.read().decode()
    assert answer.headers["Content-Type"].startswith("text/html") and "<html" in page.lower() and "/metrics" in page
    assert "http://" not in page.replace("http://www.w3.org/", "") or 'src="http' not in page


def test_own_scrapes_are_nobodys_traffic(tmp_path):
    """However often it is asked, no series is about its own HTTP server. Under a name of its own here: there may be other ringsides."""
    copy = shutil.copy(BINARY, tmp_path / "own-scrapes")
    with Ringside(binary=copy) as own:
        for _ in range(50):
            own.scrape()
        time.sleep(0.5)
        about = {s.labels["service"] for s in own.scrape() if "service" in s.labels}
    assert not {name for name in about if "own-scrapes" in name}, about


def test_ringside_describes_itself(ringside):
    names = {s.name for s in ringside.scrape()}
    assert {"ringside_build_info", "ringside_events_total", "ringside_series", "ringside_series_limit", "ringside_capability",
            "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"} <= names
    coverage = [s.value for s in ringside.scrape() if s.name == "ringside_coverage_ratio" and s.labels["service"] == "e2e-node"]
    assert coverage and 0.99 <= coverage[0] <= 1


def test_fifty_milliseconds_are_enough_beside_slow_clients(ringside):
    """A hundred connections that say nothing, half a line, or read nothing; the next one is served at once."""
    idlers = []
    for beginning in [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nHost: x\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20] * 25:
        idler = Client(ringside.port, receive_buffer=2048)
        idler.send(beginning)
        idlers.append(idler)
    time.sleep(0.2)
    begun = time.monotonic()
    assert ringside.status_of("/metrics") == 200
    took = time.monotonic() - begun
    for idler in idlers:
        idler.close()
    assert took < 0.25, took


BROKEN = [b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"X-Long: " + b"x" * 100000 + b"\r\n\r\n", b"GET /metrics HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
          b"POST /-/reload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"GET /metrics?service=%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
          b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: " + b",;q=" * 2000 + b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
          b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip;q=nan\r\n\r\n", b"POST /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc"]


@pytest.mark.parametrize("data", BROKEN, ids=[f"{i}" for i in range(len(BROKEN))])
def test_malformed_clients(ringside, data):
    with Client(ringside.port) as client:
        client.sock.settimeout(0.3)
        try:
            client.send(data).read_all()
        except (TimeoutError, ConnectionError, socket.timeout):
            pass
    assert ringside.alive() and ringside.status_of("/-/healthy") == 200


def test_scraped_by_kept_alive_and_pipelined_connections(ringside):
    with Client(ringside.port) as client:
        for _ in range(3):
            assert client.send(request("GET", "/-/healthy")).read_message()[0] == "200"
        client.send(request("GET", "/-/healthy") * 3)
        assert [client.read_message()[0] for _ in range(3)] == ["200"] * 3
