"""Docker containers made from files of this machine: no registry, an image for each runtime, a published port on loopback."""
import functools
import hashlib
import json
import subprocess
import time
import uuid

import built
import ports
from load import Load

PORT = 8080
COMMANDS = {
    "go": ["/srv/e2e-gohttp"],
    "node": ["/usr/bin/node", "/srv/server.js"],
    "python": ["/usr/bin/python3", "/srv/e2e_httpserver.py"],
}
COMPOSE = "com.docker.compose.service"


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True)
    assert done.returncode == 0, f"docker {' '.join(words)}: {done.stderr.strip()}"
    return done.stdout.strip()


def missing():
    """Why there can be no containers here, or nothing."""
    try:
        docker("version")
    except (AssertionError, FileNotFoundError) as error:
        return f"no Docker here: {error}"
    return ""


def gateway():
    """The host's address on Docker's bridge. Not what `docker network inspect` says: a daemon's first start leaves that out."""
    shown = subprocess.run(["ip", "-4", "-json", "addr", "show", "docker0"], capture_output=True, check=True).stdout
    return json.loads(shown)[0]["addr_info"][0]["local"]


@functools.cache
def image(runtime):
    """Imports a runtime's root once for each state of it."""
    root = built.HOME / f"root-{runtime}.tar"
    tag = f"ringside-e2e-{runtime}:{hashlib.file_digest(open(root, 'rb'), 'sha1').hexdigest()[:12]}"
    if not docker("images", "-q", tag):
        docker("import", str(root), tag)
    return tag


class Container:
    def __init__(self, runtime="go", name=None, labels=None, environment=None, host_network=False):
        self.name = name or f"e2e-{uuid.uuid4().hex[:8]}"
        self.inner_port = ports.free() if host_network else PORT
        network = ["--network=host"] if host_network else ["--publish", f"127.0.0.1::{PORT}"]
        variables = {"PORT": self.inner_port, "HOST": "127.0.0.1" if host_network else "0.0.0.0", **(environment or {})}
        options = [word for key, value in variables.items() for word in ("--env", f"{key}={value}")]
        options += [word for key, value in (labels or {}).items() for word in ("--label", f"{key}={value}")]
        docker("run", "--detach", "--init", "--name", self.name, *network, *options, image(runtime), *COMMANDS[runtime])
        try:
            self.wait_open()
        except BaseException:
            self.remove()
            raise
        self.port = self.inner_port if host_network else int(docker("port", self.name, str(PORT)).rpartition(":")[2])

    def inspect(self):
        return json.loads(docker("inspect", self.name))[0]

    def wait_open(self):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            state = self.inspect()["State"]
            assert state["Running"], f"{self.name} ended: {docker('logs', self.name)}"
            if ports.listens(self.inner_port, state["Pid"]):
                return
            time.sleep(0.05)
        raise AssertionError(f"{self.name} does not listen on {self.inner_port}")

    def restart(self):
        docker("restart", "--time=0", self.name)
        self.wait_open()
        if self.inner_port == PORT:
            self.port = int(docker("port", self.name, str(PORT)).rpartition(":")[2])

    def load_inside(self, **options):
        """The load generator in the container itself, talking to the container's own 127.0.0.1."""
        return Load(self.inner_port, wrapper=["docker", "exec", "--interactive", self.name], program="/srv/load", **options)

    def remove(self):
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remove()
