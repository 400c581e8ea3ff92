"""Real servers as a user runs them: in plaintext, in TLS (SECURED), with HTTP/2 (MULTIPLEXED) and gRPC (CALLED). Each knows
under which service name ringside must show it, and where that name comes from."""
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections import namedtuple

import pytest

import built
import ports
from load import Load

# weight: which part of the suite's usual number of requests this server gets (the slow ones get fewer)
# speaks: http, https (HTTP/1.1 in TLS), h2 (HTTP/2 in TLS) or h2c
Kind = namedtuple("Kind", "service command weight environment speaks", defaults=(1.0, {}, "http"))
S = built.SERVERS
GUNICORN = [S / "flask/venv/bin/gunicorn", "--workers=4", "--bind=127.0.0.1:{port}", "--chdir", S / "flask", "shop:app"]
GUNICORN_THREADS = [*GUNICORN[:1], "--threads=8", "--keep-alive=3600", *GUNICORN[1:]]
UVICORN = [S / "fastapi/venv/bin/uvicorn", "--port={port}", "--app-dir", S / "fastapi", "--loop=uvloop", "--http=httptools",
           "--no-access-log", "--timeout-keep-alive=3600", "shop:app"]

KINDS = {
    "node": Kind("e2e-node", ["node", S / "node/server.js"]),
    "express": Kind("e2e-express", ["node", S / "express/server.js"], 0.5, {"OTEL_SERVICE_NAME": "e2e-express"}),
    "fastify": Kind("e2e-fastify", ["node", S / "fastify/server.js"]),
    "httpserver": Kind("e2e_httpserver", ["/usr/bin/python3", S / "httpserver/e2e_httpserver.py"], 0.2),
    "flask": Kind("e2e-flask", GUNICORN, 0.2, {"OTEL_SERVICE_NAME": "e2e-flask"}),
    "flask-threads": Kind("e2e-flask-threads", GUNICORN_THREADS, 0.2, {"OTEL_SERVICE_NAME": "e2e-flask-threads"}),
    "fastapi": Kind("e2e-fastapi", UVICORN, 0.4, {"OTEL_SERVICE_NAME": "e2e-fastapi"}),
    "gohttp": Kind("e2e-gohttp", [built.HOME / "e2e-gohttp"]),
    "gin": Kind("e2e-gin", [built.HOME / "e2e-gin"]),
    "nginx": Kind("e2e-nginx", [built.HOME / "e2e-nginx", "-c", "{home}/nginx.conf", "-p", "{home}"]),
}
NGINX = KINDS["nginx"].command


def variant(service, command, speaks, weight=1.0, **environment):
    """A server whose name only the environment tells, for many of these are one program."""
    return Kind(service, command, weight, {"OTEL_SERVICE_NAME": service, **environment}, speaks)


def nginx(speaks):
    """It overwrites its environment with its title, so that its name is that of the link it is started by."""
    return Kind("e2e-nginx", NGINX, 1.0, {}, speaks)


def node(service, program="node", speaks="https"):
    return variant(service, [program, S / "node/server.js"], speaks)


def go(service, program, speaks="https"):
    return variant(service, [built.HOME / program], speaks)


def hypercorn(service, *flags, speaks):
    command = [S / "fastapi/venv/bin/hypercorn", "--bind=127.0.0.1:{port}", "--keep-alive=3600", *flags, "shop:app"]
    return variant(service, command, speaks, 0.2, PYTHONPATH=str(S / "fastapi"))


SECURED = {
    "node": node("e2e-node-tls"),
    "node18": node("e2e-node18-tls", built.HOME / "node-18/node"),
    "node22": node("e2e-node22-tls", built.HOME / "node-22/node"),
    "node24": node("e2e-node24-tls", built.HOME / "node-24/node"),
    "express": variant("e2e-express-tls", KINDS["express"].command, "https", 0.5),
    "httpserver": variant("e2e-httpserver-tls", KINDS["httpserver"].command, "https", 0.2),
    "gunicorn": variant("e2e-gunicorn-tls", [*GUNICORN_THREADS[:-1], f"--certfile={built.CERTIFICATE}", "shop:app"], "https", 0.2),
    "uvicorn": variant("e2e-uvicorn-tls", [*UVICORN[:-1], f"--ssl-certfile={built.CERTIFICATE}", "shop:app"], "https", 0.4),
    "aiohttp": variant("e2e-aiohttp-tls", [S / "aiohttp/venv/bin/python", S / "aiohttp/shop.py"], "https", 0.4),
    "gohttp": go("e2e-gohttp-tls", "e2e-gohttp"),
    "gohttp-stripped": go("e2e-gohttp-stripped", "e2e-gohttp-stripped"),
    "gohttp-pie": go("e2e-gohttp-pie", "e2e-gohttp-pie"),
    "gohttp-pie-stripped": go("e2e-gohttp-pie-stripped", "e2e-gohttp-pie-stripped"),
    "gohttp-1.19": go("e2e-gohttp-1-19", "e2e-gohttp-1.19.13"),
    "gohttp-1.22": go("e2e-gohttp-1-22", "e2e-gohttp-1.22.12"),
    "gohttp-1.27": go("e2e-gohttp-1-27", "e2e-gohttp-1.27.4"),
    "gin": go("e2e-gin-tls", "e2e-gin"),
    "nginx": nginx("https"),
}

# Python's ssl module as it is in other interpreters than the system's, where their paths are given.
for python in os.environ.get("RINGSIDE_TEST_PYTHONS", "").split():
    version = subprocess.run([python, "-c", "import platform; print(platform.python_version())"], capture_output=True, text=True, check=True).stdout.strip()
    SECURED[f"httpserver-{version}"] = variant(f"e2e-httpserver-{version}", [python, S / "httpserver/e2e_httpserver.py"], "https", 0.2)

MULTIPLEXED = {
    "node-h2c": node("e2e-node-h2c", speaks="h2c"),
    "node-h2": node("e2e-node-h2", speaks="h2"),
    "gohttp-h2c": go("e2e-gohttp-h2c", "e2e-gohttp", "h2c"),
    "gohttp-h2": go("e2e-gohttp-h2", "e2e-gohttp", "h2"),
    "nginx-h2c": nginx("h2c"),
    "nginx-h2": nginx("h2"),
    "hypercorn-h2c": hypercorn("e2e-hypercorn-h2c", speaks="h2c"),
    "hypercorn-h2": hypercorn("e2e-hypercorn-h2", f"--certfile={built.CERTIFICATE}", f"--keyfile={built.CERTIFICATE}", speaks="h2"),
}

CALLED = {
    "grpc-go": go("e2e-grpc-go", "e2e-grpc", "h2c"),
    "grpc-go-tls": go("e2e-grpc-go-tls", "e2e-grpc", "h2"),
    "grpc-js": variant("e2e-grpc-js", ["node", S / "grpcjs/server.js"], "h2c"),
    "grpc-js-tls": variant("e2e-grpc-js-tls", ["node", S / "grpcjs/server.js"], "h2"),
}
CALLED = {name: kind._replace(command=[*kind.command, "serve"]) if "go" in name else kind for name, kind in CALLED.items()}

# How nginx is told; in TLS it wants to be told of HTTP/2, too.
NGINX_SPEAKS = {"http": "", "https": "ssl", "h2": "ssl http2", "h2c": "http2"}


def absent(kind):
    """Why a server cannot run here, or nothing: prepare has said what a registry does not have."""
    program = str(kind.command[0])
    return "" if shutil.which(program) else f"{program} is not here"


def those_here(kinds):
    """Parameters for tests of these servers, less what is not here."""
    return [pytest.param(name, marks=pytest.mark.skipif(bool(absent(kind)), reason=absent(kind))) for name, kind in kinds.items()]


def configure_nginx(home, port, speaks):
    """nginx wants folders, a configuration with absolute paths, and a file to send."""
    text = (S / "nginx/nginx.conf").read_text().replace("%PORT%", str(port)).replace("%HOME%", str(home))
    pathlib.Path(home, "nginx.conf").write_text(text.replace("%SPEAKS%", NGINX_SPEAKS[speaks]))
    shutil.copy(built.CERTIFICATE, home)
    pathlib.Path(home, "files").mkdir()
    pathlib.Path(home, "files/big.txt").write_bytes(b"x" * (1 << 20))
    for folder in (home, pathlib.Path(home, "files")):
        os.chmod(folder, 0o755)


class Server:
    """One server from start to end: `with Server("node") as server: … server.port`."""

    def __init__(self, kind, environment=None, wrapper=(), service=None):
        self.kind = kind if isinstance(kind, Kind) else KINDS[kind]
        self.service = service or self.kind.service
        self.port = ports.free()
        self.home = tempfile.TemporaryDirectory(prefix=f"{self.kind.service}-")
        if self.kind.command is NGINX:
            configure_nginx(self.home.name, self.port, self.kind.speaks)
        command = [*wrapper, *(str(word).format(port=self.port, home=self.home.name) for word in self.kind.command)]
        variables = {**os.environ, "PORT": str(self.port), **self.speech(), **self.kind.environment, **(environment or {})}
        self.log = open(os.path.join(self.home.name, "log"), "w+")
        self.process = subprocess.Popen(command, env=variables, stdout=self.log, stderr=self.log, cwd=self.home.name)
        try:
            ports.wait_listens(self.port, self.process)
        except AssertionError:
            self.stop()
            raise

    def speech(self):
        if self.kind.speaks == "http":
            return {}
        secret = {"CERTIFICATE": str(built.CERTIFICATE)} if self.kind.speaks in ("https", "h2") else {}
        return {"SPEAK": self.kind.speaks, **secret}

    def load(self, *arguments, **options):
        """The load generator, in this server's own protocol."""
        return Load(self.port, *arguments, speak=self.kind.speaks, **options)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.home.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()
