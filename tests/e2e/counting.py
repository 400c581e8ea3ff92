"""What ringside says of one service from now on, and its comparison with what the clients know they sent."""
import time
from collections import Counter

import exposition
from observer import SETTLE_SECONDS

KEYS = ("method", "path", "status")


class Account:
    """Figures of one service since this account was opened, so that tests can share one ringside."""

    def __init__(self, ringside, service, **labels):
        self.ringside = ringside
        self.labels = {"service": service, **labels}
        self.opening = ringside.scrape()

    def since(self, name, keys, samples=None, **labels):
        """{(value of each key): growth of the sum} of one metric."""
        labels = {**self.labels, **labels}
        now = exposition.by(samples or self.ringside.scrape(), name, keys, **labels)
        before = exposition.by(self.opening, name, keys, **labels)
        grown = {key: value - before.get(key, 0) for key, value in now.items()}
        return {key: value for key, value in grown.items() if value}

    def grown(self, name, **labels):
        return sum(self.since(name, (), **labels).values())

    def requests(self):
        return Counter(self.since("http_requests_total", KEYS))

    def settle(self, expected, seconds=SETTLE_SECONDS):
        """The requests once they are as expected, or once time is up; a moment later again, in case some come twice."""
        end = time.monotonic() + seconds
        while self.requests() != expected and time.monotonic() < end:
            time.sleep(0.05)
        time.sleep(0.12)
        return self.requests()

    def settle_total(self, name, at_least, seconds=SETTLE_SECONDS, **labels):
        """How much one metric has grown, once that is so much, or time is up."""
        end = time.monotonic() + seconds
        while (value := self.grown(name, **labels)) < at_least and time.monotonic() < end:
            time.sleep(0.05)
        return value

    def expect(self, expected, seconds=SETTLE_SECONDS):
        """Asserts that exactly these requests, {(method, path, status): n}, were counted."""
        expected = Counter({key: n for key, n in expected.items() if n})
        seen = self.settle(expected, seconds)
        assert seen == expected, self.difference(expected, seen)

    def difference(self, expected, seen):
        lines = [f"{self.labels}: (method, path, status): expected, seen"]
        for key in sorted(set(expected) | set(seen)):
            if expected[key] != seen[key]:
                lines.append(f"  {key}: {expected[key]:.0f}, {seen[key]:.0f}")
        return "\n".join([*lines, f"  admitted losses: {self.ringside.losses()}"])


def wait_counted(ringside, server, seconds=15):
    """Until requests to a server that was just started are counted. In TLS that is a moment after it listens: what must be known
    of its program or library is found out first, and what is asked meanwhile is in no count (see test_https_start.py)."""
    account = Account(ringside, server.service)
    end = time.monotonic() + seconds
    with server.load(mix=["1 GET /"]) as load:
        while time.monotonic() < end:
            load.run(1)
            if account.settle({("GET", "/", "200"): 1}, 0.2):
                return server
    raise AssertionError(f"{server.service}: not a request counted in {seconds} s; {ringside.losses()}\n{ringside.log()[-1500:]}")
