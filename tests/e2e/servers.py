"""Real servers as a user runs them. Each knows under which service name ringside must show it, and where that name comes from."""
import os
import pathlib
import subprocess
import tempfile
from collections import namedtuple

import built
import ports

# weight: which part of the suite's usual number of requests this server gets (the slow ones get fewer)
Kind = namedtuple("Kind", "service command weight environment", defaults=(1.0, {}))
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


def configure_nginx(home, port):
    """nginx wants folders, a configuration with absolute paths, and a file to send."""
    text = (S / "nginx/nginx.conf").read_text().replace("%PORT%", str(port)).replace("%HOME%", str(home))
    pathlib.Path(home, "nginx.conf").write_text(text)
    pathlib.Path(home, "files").mkdir()
    pathlib.Path(home, "files/big.txt").write_bytes(b"x" * (1 << 20))
    for folder in (home, pathlib.Path(home, "files")):
        os.chmod(folder, 0o755)


class Server:
    """One server from start to end: `with Server("node") as server: … server.port`."""

    def __init__(self, kind, environment=None, wrapper=(), service=None):
        self.kind = KINDS[kind]
        self.service = service or self.kind.service
        self.port = ports.free()
        self.home = tempfile.TemporaryDirectory(prefix=f"e2e-{kind}-")
        if kind == "nginx":
            configure_nginx(self.home.name, self.port)
        command = [*wrapper, *(str(word).format(port=self.port, home=self.home.name) for word in self.kind.command)]
        variables = {**os.environ, "PORT": str(self.port), **self.kind.environment, **(environment or {})}
        self.log = open(os.path.join(self.home.name, "log"), "w+")
        self.process = subprocess.Popen(command, env=variables, stdout=self.log, stderr=self.log, cwd=self.home.name)
        try:
            ports.wait_listens(self.port, self.process)
        except AssertionError:
            self.stop()
            raise

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
