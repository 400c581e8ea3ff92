"""Strangers cannot make series: endless paths and methods. Every request counts, under labels that stay few."""
import os

import pytest

import lint
from conftest import needs
from counting import Account
from load import Load
from servers import Server

ROUTES_PER_SERVICE = 200
PATHS = int(os.environ.get("RINGSIDE_TEST_PATHS", "100000"))
SHAPES = {
    "numbers": ["1 GET /any/#"],
    "numbers-first": ["1 GET /#/any"],
    "uuids": ["1 GET /any/{uuid}/rest"],
    "hex": ["1 GET /any/{hex}"],
    "words": ["1 GET /any/{word}"],
    "words-first": ["1 GET /{word}"],
    "words-thrice": ["1 GET /{word}/{word}x/{word}y"],
    "files": ["1 GET /static/{word}.js", "1 GET /static/{word}.css"],
    "tildes-and-percents": ["1 GET /~{word}/%2e%2e/{word}%20x"],
    "queries": ["1 GET /search?q={word}&token=canary-{uuid}"],
    "mixed-words": ["1 GET /{word}-#/{hex}", "1 GET /a/{word}/b/{word}/c/#", "1 GET /{hex}/{word}"],
    "deep": ["1 GET /" + "/".join(["{word}"] * 12)],
}


def paths_of(ringside, service):
    return {s.labels["path"] for s in ringside.scrape() if s.name == "http_requests_total" and s.labels["service"] == service}


@pytest.mark.parametrize("shape", SHAPES)
def test_endless_paths_that_are_answered(ringside, shape):
    """A server that answers 200 to everything, each shape in a service of its own: few routes, every request counted."""
    service = f"endless-{shape}"
    requests = PATHS if shape in ("words", "mixed-words") else PATHS // 10
    with Server("gohttp", {"OTEL_SERVICE_NAME": service, "ANSWER": "every"}) as server:
        account = Account(ringside, service)
        with Load(server.port, 32, mix=SHAPES[shape]) as load:
            load.run(requests)
        assert ringside.wait_total(requests, "http_requests_total", service=service) == requests, ringside.losses()
        assert set(account.since("http_requests_total", ("method", "status"))) == {("GET", "200")}
    assert len(paths_of(ringside, service)) <= ROUTES_PER_SERVICE + 2, sorted(paths_of(ringside, service))[:50]


def test_many_real_routes_are_capped(ringside):
    """400 routes that deserve a name (each answered often): 200 get one, the rest are (other), and that is counted."""
    service = "many-routes"
    mix = [f"1 GET /part{chr(97 + i % 20)}{chr(97 + i // 20)}/list" for i in range(400)]
    with Server("gohttp", {"OTEL_SERVICE_NAME": service, "ANSWER": "every"}) as server, Load(server.port, 8, mix=mix) as load:
        load.run(4000)
        assert ringside.wait_total(4000, "http_requests_total", service=service) == 4000
    paths = paths_of(ringside, service)
    assert len(paths - {"(other)", "(unmatched)"}) <= ROUTES_PER_SERVICE, len(paths)


def test_all_methods_on_all_routes_stay_bounded(ringside):
    """The limit holds for methods and statuses on top: no more than eight methods and _OTHER for a route."""
    service = "all-methods"
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO", "BAR", "get"]
    with Server("gohttp", {"OTEL_SERVICE_NAME": service, "ANSWER": "every"}) as server:
        with Load(server.port, 8, mix=[f"1 {method} /any/{{word}}" for method in methods]) as load:
            load.run(5000)
        assert ringside.wait_total(5000, "http_requests_total", service=service) == 5000
    seen = {s.labels["method"] for s in ringside.scrape() if s.name == "http_requests_total" and s.labels["service"] == service}
    assert seen == {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "_OTHER"}


@needs("promtool")
def test_exposition_is_clean_after_all_that(ringside):
    with Server("gohttp") as server, server.load() as load:
        account = Account(ringside, server.service)
        load.run(100)
        assert account.settle_total("http_requests_total", 100) == 100
    assert lint.complaints(ringside.text()) == []
    limit = ringside.total("ringside_series_limit")
    assert 0 < ringside.total("ringside_series") <= limit
    labels = {(s.name, tuple(sorted(s.labels.items()))) for s in ringside.scrape()}
    assert len(labels) == len(ringside.scrape()), "a series appears twice"
    assert not {name for s in ringside.scrape() for name in s.labels} & {"job", "instance", "pid", "client", "url", "query"}
    assert all(len(value) <= 300 for s in ringside.scrape() for value in s.labels.values())
