"""The demo platform: what its services run, where they listen, whom they call. `run` starts them as they are, `containers` in
containers. Programs and files are below a home, build/demo or what a container sees of it."""
import pathlib
import secrets
import subprocess
import time
import urllib.request
from collections import namedtuple

HERE = pathlib.Path(__file__).resolve().parent
HOME = HERE.parents[1] / "build/demo"
FIRST_PORT = 30000
PASSWORD, SECRET = secrets.token_hex(16), secrets.token_hex(16)  # others on this host may connect to its ports, too

Service = namedtuple("Service", "name port command calls environment", defaults=({},))


def node(name, port, *calls):
    return Service(name, port, ["node", f"{{home}}/services/{name}/server.js"], calls)


STORES = [  # as Debian has them, but with data and ports of their own
    Service("postgres", 432, ["/bin/sh", "{home}/stores", "postgres"], []),
    Service("redis", 379, ["/bin/sh", "{home}/stores", "redis"], []),
]
SERVICES = [  # the Node and Go services are called what their package.json or module says; the Python one is told
    node("api-gateway", 0, "user-service", "device-service", "app-service", "scheduler-service", "billing-service"),
    node("user-service", 1),
    node("device-service", 2),
    node("app-service", 3, "device-service"),
    Service("scheduler-service", 4,
            ["{home}/venv/bin/python", "-m", "uvicorn", "--app-dir={home}/services/scheduler-service", "--host={host}", "--port={port}",
             "--no-access-log", "scheduler.main:app"], ["device-service", "billing-service"], {"OTEL_SERVICE_NAME": "scheduler-service"}),
    node("billing-service", 5, "user-service"),
    Service("media-service", 6, ["{home}/media-service"], ["scheduler-service"]),
]
BY_NAME = {each.name: each for each in [*STORES, *SERVICES]}


def environment(service, host, port, address_of):
    """What a service is told; address_of(name) is where it finds another."""
    told = {"HOST": host, "PORT": str(port), **service.environment}
    if service in STORES:
        return {**told, "PASSWORD": PASSWORD}
    told |= {"JWT_SECRET": SECRET, "SIGNAL_URL": f"ws://127.0.0.1:{FIRST_PORT + 6}",
             "DATABASE_URL": f"postgresql://cloudphone:{PASSWORD}@{address_of('postgres')}/cloudphone",
             "REDIS_URL": f"redis://:{PASSWORD}@{address_of('redis')}"}
    for name in service.calls:
        told[f"{name.upper().replace('-', '_')}_URL"] = f"http://{address_of(name)}"
    return told


def command(service, home, host, port):
    return [word.format(home=home, host=host, port=port) for word in service.command]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=1) as response:
            return response.status == 200
    except OSError:
        return False


def wait(what, check, alive=lambda: True, seconds=30):
    end = time.monotonic() + seconds
    while not check():
        if not alive() or time.monotonic() > end:
            raise SystemExit(f"tools/demo: {what} does not come up; see its log")
        time.sleep(0.1)


def prepare():
    if subprocess.run([HERE / "prepare"]).returncode:
        raise SystemExit("tools/demo/prepare failed: its message is above")
