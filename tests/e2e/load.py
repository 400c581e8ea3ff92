"""Drives the exact load generator (load/main.go) and turns its counts into the series that ringside should show."""
import json
import os
import subprocess
from collections import Counter

import built

ASKED = int(os.environ.get("RINGSIDE_TEST_REQUESTS", "0"))
REQUESTS = ASKED or 20000
ORDER = '{"item":"cup","note":"a body of its own"}'
USUAL = ["4 GET /", "8 GET /items/#?token=canary", "2 POST /orders " + ORDER, "2 GET /missing/#?token=canary", "1 GET /fail"]
ROUTES = {"/items/#": "/items/{id}", "/missing/#": "(unmatched)"}


class Load:
    """Connections that stay open between runs until the `with` block ends."""

    def __init__(self, port, connections=1, close=False, mix=USUAL, host="127.0.0.1", wrapper=(), program=built.LOAD, speak="http",
                 streams=1, cancel_ms=0):
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        flags = [f"-address={address}", f"-connections={connections}", *(["-close"] if close else [])]
        flags += [f"-speak={speak}", f"-streams={streams}", f"-cancel={cancel_ms}ms"]
        self.process = subprocess.Popen([*wrapper, program, *flags, *mix], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        assert line, f"the load generator ended with {self.process.wait()}"
        return json.loads(line)

    def run(self, requests):
        self.order(f"run {requests}")
        report = self.answer()
        assert not report["failed"], f"{report['failed']} requests failed: {report['failures']}"
        return report

    def start(self):
        self.order("start")

    def stop(self):
        self.order("stop")
        return self.answer()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)


def expected(report, routes=ROUTES):
    """The client's counts as ringside's series: {(method, route template, status): n}."""
    series = Counter()
    for key, n in report["counts"].items():
        method, pattern, status = key.split(" ")
        path = pattern.partition("?")[0]
        series[method, routes.get(path, path), status] += n
    return series
