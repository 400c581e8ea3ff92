"""Whatever the server: the phases of its requests add up to their duration, and first byte plus send does too."""
import pytest

from counting import Account
from load import Load, expected
from servers import KINDS


@pytest.mark.parametrize("connections", [1, 32])
@pytest.mark.parametrize("kind", KINDS)
def test_phases_add_up(ringside, server, kind, connections):
    started = server(kind)
    account = Account(ringside, started.service)
    with Load(started.port, connections) as load:
        report = load.run(600)
        account.expect(expected(report))
    phases = account.since("http_request_phase_seconds_total", ("path", "phase"))
    durations = account.since("http_request_duration_seconds_sum", ("path",))
    assert phases and all(seconds > 0 for seconds in phases.values()), phases
    for (path,), duration in durations.items():
        parts = {phase: seconds for (where, phase), seconds in phases.items() if where == path}
        assert abs(sum(parts.values()) - duration) <= 0.01 * duration, f"{path}: {parts} are not {duration}"
    send = sum(seconds for (_, phase), seconds in phases.items() if phase == "send")
    first_byte = account.grown("http_request_first_byte_seconds_sum")
    whole = sum(durations.values())
    assert abs(first_byte + send - whole) <= 0.01 * whole, f"first byte {first_byte}, send {send}, whole {whole}"
    waited = sum(report["waited"].values())
    assert 0 < whole <= waited, f"ringside {whole}, client {waited}"
    known = {"socket_wait", "run_queue", "on_cpu", "blocked", "blocked_db", "blocked_http", "app", "send"}
    assert {phase for _, phase in phases} <= known
