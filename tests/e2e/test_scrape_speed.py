"""A scrape answers within 50 ms while thousands of series exist and load runs."""
import statistics
import time
from contextlib import ExitStack

from load import Load
from servers import Server

ROUTES = [f"1 GET /part{chr(97 + i % 20)}{chr(97 + i // 20)}/list" for i in range(100)]
SERIES = 5000


def test_scrape_under_load_with_5000_series(ringside):
    with ExitStack() as stack:
        for i in range(3):
            server = stack.enter_context(Server("gohttp", {"OTEL_SERVICE_NAME": f"wide-{i}", "ANSWER": "every"}))
            load = stack.enter_context(Load(server.port, 4, mix=ROUTES))
            load.run(1000)
            ringside.wait_total(1000, "http_requests_total", service=f"wide-{i}")
        assert len(ringside.scrape()) >= SERIES, "too few series to prove anything"
        load.start()
        took = []
        for _ in range(30):
            begun = time.monotonic()
            ringside.get("/metrics").read()
            took.append(time.monotonic() - begun)
            time.sleep(0.03)
        report = load.stop()
    assert report["seconds"] > 1 and not report["failed"]
    assert statistics.median(took) < 0.05, f"median {statistics.median(took):.3f} s, slowest {max(took):.3f} s"
    assert max(took) < 0.15, f"slowest {max(took):.3f} s"
