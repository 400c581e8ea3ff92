"""The product under test as a process: start it, wait until it is ready, read its figures, end it."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import exposition
import ports

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("RINGSIDE_BINARY", ROOT / "build/ringside")).resolve()
SETTLE_SECONDS = float(os.environ.get("RINGSIDE_TEST_SETTLE", "3"))


class Ringside:
    started = []  # all of them, so that a test that fails leaves none behind (see conftest.py)

    def __init__(self, *flags, port=None, wait=True, binary=BINARY):
        self.port = port or ports.free()
        self.home = tempfile.TemporaryDirectory(prefix="ringside-e2e-")
        self.log_path = pathlib.Path(self.home.name, "log")
        command = [binary, "run", f"--web.listen-address=127.0.0.1:{self.port}", *flags]
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, cwd=self.home.name)
        self.started.append(self)
        if wait:
            self.wait_ready()

    def log(self):
        return self.log_path.read_text(errors="replace")

    def alive(self):
        return self.process.poll() is None

    def wait_ready(self, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.alive():
                raise AssertionError(f"ringside ended with {self.process.returncode}:\n{self.log()[-2000:]}")
            try:
                if self.get("/-/ready", timeout=1).status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"/-/ready: not within {seconds} s:\n{self.log()[-2000:]}")

    def get(self, path, timeout=5, method="GET", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers, method=method)
        return urllib.request.urlopen(request, timeout=timeout)

    def status_of(self, path, method="GET", **headers):
        try:
            return self.get(path, method=method, **headers).status
        except urllib.error.HTTPError as error:
            return error.code

    def text(self, path="/metrics"):
        return self.get(path).read().decode()

    def scrape(self, path="/metrics"):
        return exposition.parse(self.text(path))

    def total(self, name, **labels):
        return exposition.total(self.scrape(), name, **labels)

    def wait_total(self, at_least, name, seconds=SETTLE_SECONDS, **labels):
        """Wait until a sum is reached; returns what it then is, even if that is too little."""
        end = time.monotonic() + seconds
        while (value := self.total(name, **labels)) < at_least and time.monotonic() < end:
            time.sleep(0.05)
        return value

    def losses(self):
        """What ringside itself admits to have missed, for the message of a test that fails."""
        admitted = ("ringside_events_lost_total", "ringside_connections_unparsed_total", "ringside_series_overflow_total")
        return [(s.name, s.labels, s.value) for s in self.scrape() if s.name in admitted and s.value]

    def lost(self, since=()):
        """Requests that it admits to have lost, since an earlier scrape."""
        return self.total("ringside_events_lost_total") - exposition.total(since, "ringside_events_lost_total")

    def stop(self, by=signal.SIGTERM):
        """Ends it and returns its exit status."""
        if self.alive():
            self.process.send_signal(by)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"ringside did not end within 15 s of {by!r}:\n{self.log()[-2000:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        try:
            if not self.alive():
                raise AssertionError(f"ringside had ended with {self.process.returncode}:\n{self.log()[-2000:]}")
            status = self.stop()
            assert status == 0, f"exit status {status} on SIGTERM:\n{self.log()[-2000:]}"
        finally:
            self.kill()
            self.home.cleanup()
