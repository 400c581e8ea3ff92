"""Phases of one service's requests per request, and how near to the truth they must be."""
import json

from counting import Account


def average(answers, what):
    """Seconds that handlers measured of themselves, from their answers' JSON."""
    return sum(json.loads(answer)[what] for answer in answers) / len(answers) / 1e9


def near(seen, known):
    """Within 15 % or 1 ms."""
    return abs(seen - known) <= max(0.15 * known, 0.001)


class Phases(Account):
    def per_request(self, path):
        """{phase: seconds} and the duration, averaged over the requests to a path since the account was opened."""
        samples = self.ringside.scrape()
        requests = self.since("http_request_duration_seconds_count", (), samples, path=path).get((), 0)
        assert requests, f"no request to {path}: {self.requests()}; losses: {self.ringside.losses()}"
        phases = {phase: value / requests for (phase,), value in
                  self.since("http_request_phase_seconds_total", ("phase",), samples, path=path).items()}
        return phases, self.since("http_request_duration_seconds_sum", (), samples, path=path).get((), 0) / requests

    def expect_phases(self, path, **known):
        """Asserts that these phases have these lengths, that the others are short, and that all make up the duration.
        run_queue may be long unasked: it depends on what else this machine does."""
        phases, duration = self.per_request(path)
        for phase, seconds in known.items():
            assert near(phases.get(phase, 0), seconds), f"{phase}: {seconds:.4f} s known; seen {phases} of {duration:.4f} s"
        rest = sum(seconds for phase, seconds in phases.items() if phase not in {*known, "run_queue"})
        assert rest <= max(0.15 * sum(known.values()), 0.003), f"only {known} known; seen {phases}"
        assert abs(sum(phases.values()) - duration) <= 0.01 * duration, f"{phases} are not {duration}"
