"""What containers and systemd services use: against the cgroup's files, against Docker's own figures, and as they come and go."""
import concurrent.futures
import http.client
import json
import os
import pathlib
import socket
import statistics
import subprocess
import time
import uuid

import pytest

import containers
from cgroups import Cgroup, Unit
from containers import COMPOSE, Container, docker
from observer import Ringside
from servers import Server

pytestmark = pytest.mark.skipif(bool(containers.missing()), reason=containers.missing())
CPU = str(max(os.sched_getaffinity(0)))
BURN = "import time\nend = time.monotonic() + {}\nwhile time.monotonic() < end: pass\n"
HOLD = "import time\ntime.sleep(1000)\n"
COUNTERS = ["container_cpu_usage_seconds_total", "container_cpu_user_seconds_total", "container_cpu_system_seconds_total"]


class Box:
    """A container that runs a Python script and serves nothing."""

    def __init__(self, script, *options, labels=None):
        self.name = f"e2e-box-{uuid.uuid4().hex[:8]}"
        options += tuple(word for key, value in (labels or {}).items() for word in ("--label", f"{key}={value}"))
        docker("run", "--detach", "--network", "none", "--name", self.name, *options, containers.image("python"),
               "/usr/bin/python3", "-c", script)

    def inspect(self):
        return json.loads(docker("inspect", self.name))[0]

    def pid(self):
        return self.inspect()["State"]["Pid"]

    def cgroup(self):
        return Cgroup(self.pid())

    def wait_log(self, word, seconds=20):
        end = time.monotonic() + seconds
        while word not in (log := docker("logs", self.name)):
            assert time.monotonic() < end, f"{self.name} says {log!r}"
            time.sleep(0.05)
        return log

    def remove(self):
        subprocess.run(["docker", "rm", "--force", "--volumes", self.name], capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remove()


def figures(ringside, path="/metrics", **labels):
    """{name: value} of one container, of the families without labels of their own; a series that is there twice is an error."""
    found, met = {}, set()
    for sample in ringside.scrape(path):
        if sample.name.startswith("container_") and all(sample.labels.get(k) == v for k, v in labels.items()):
            series = (sample.name, *sorted(sample.labels.items()))
            assert series not in met, f"twice: {sample}"
            met.add(series)
            if sample.labels.keys() <= {"service", "container", "image"}:
                found[sample.name] = sample.value
    return found


def wait_figures(ringside, seconds=5, **labels):
    end = time.monotonic() + seconds
    while not (found := figures(ringside, **labels)) and time.monotonic() < end:
        time.sleep(0.05)
    assert found, f"no figures of {labels}"
    return found


def wait_gone(ringside, seconds=3, **labels):
    end = time.monotonic() + seconds
    while (found := figures(ringside, **labels)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not found, found


def docker_stats(name):
    """Of the daemon itself, to the byte and nanosecond; `docker stats` rounds."""
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect("/var/run/docker.sock")
    connection.request("GET", f"/containers/{name}/stats?stream=false&one-shot=true")
    return json.loads(connection.getresponse().read())


@pytest.fixture(scope="module")
def used(ringside):
    """Has used a second of CPU time and 30 MB, and now rests."""
    with Box(BURN.format(1) + "x = bytearray(30 << 20)\nprint('rests', flush=True)\n" + HOLD, "--memory", "64m") as box:
        box.wait_log("rests")
        wait_figures(ringside, container=box.name)
        time.sleep(0.5)
        yield box


def test_memory_is_what_the_cgroup_says(ringside, used):
    for _ in range(5):  # something may be reclaimed between two looks
        before = used.cgroup().memory()
        seen = figures(ringside, container=used.name)
        if before == used.cgroup().memory():
            break
    assert {name: seen[name] for name in before} == before
    assert seen["container_memory_rss"] > 30 << 20
    assert seen["container_spec_memory_limit_bytes"] == 64 << 20


def test_cpu_time_is_what_the_cgroup_says(ringside, used):
    expected = used.cgroup().cpu_seconds()
    seen = figures(ringside, container=used.name)
    assert expected > 0.5, "it has burned too little to prove anything"
    assert seen["container_cpu_usage_seconds_total"] == pytest.approx(expected, rel=0.01)
    parts = seen["container_cpu_user_seconds_total"] + seen["container_cpu_system_seconds_total"]
    assert parts == pytest.approx(expected, rel=0.01, abs=0.02)


def test_docker_says_the_same(ringside, used):
    stats = docker_stats(used.name)
    seen = figures(ringside, container=used.name)
    assert seen["container_cpu_usage_seconds_total"] == pytest.approx(stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9, rel=0.01)
    assert seen["container_memory_usage_bytes"] == stats["memory_stats"]["usage"]
    assert seen["container_spec_memory_limit_bytes"] == stats["memory_stats"]["limit"]


def test_start_time_and_pressure(ringside, used):
    seen = figures(ringside, container=used.name)
    boot = next(int(line.split()[1]) for line in open("/proc/stat") if line.startswith("btime"))
    ticks = int(pathlib.Path(f"/proc/{used.pid()}/stat").read_text().rpartition(")")[2].split()[19])
    assert seen["container_start_time_seconds"] == pytest.approx(boot + ticks / os.sysconf("SC_CLK_TCK"), abs=2)
    for resource in ("cpu", "memory", "io"):
        expected = used.cgroup().pressure(resource)
        names = [f"container_pressure_{resource}_{what}_seconds_total" for what in ("waiting", "stalled")]
        if expected is None:
            assert not set(names) & set(seen)
        else:
            assert [seen[name] for name in names] == pytest.approx(expected, abs=0.05)


def test_a_container_without_a_limit_has_0(ringside):
    with Box(HOLD) as box:
        seen = wait_figures(ringside, container=box.name)
        assert seen["container_spec_memory_limit_bytes"] == 0
        assert seen["container_oom_events_total"] == seen["container_restarts_total"] == 0


def test_throttling(ringside):
    with Box(BURN.format(60), "--cpus", "0.2") as box:
        wait_figures(ringside, container=box.name)
        time.sleep(2)
        before = box.cgroup().throttling()
        seen = figures(ringside, container=box.name)
        after = box.cgroup().throttling()
    names = ["periods_total", "throttled_periods_total", "throttled_seconds_total"]
    for low, name, high in zip(before, names, after):
        value = seen[f"container_cpu_cfs_{name}"]
        assert low - 1e-6 <= value <= high + 1e-6, name
        assert value > 0, name
    assert after[2] > 0.8


def test_a_kill_for_want_of_memory_is_counted(ringside):
    """First the kernel kills a child, which only the cgroup knows; then the container itself, which ends it."""
    hungry = "x = bytearray(100 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\n"
    script = ("import os, time\nif os.path.exists('/tmp-mark'):\n  print('again', flush=True)\n  time.sleep(1000)\nif not os.fork():\n  "
              + hungry.replace("\n", "\n  ") + "\nos.wait()\nprint('alone', flush=True)\ntime.sleep(3)\nopen('/tmp-mark', 'w').close()\n" + hungry)
    with Box(script, "--memory", "24m", "--memory-swap", "24m", "--restart", "always", "--oom-score-adj", "0") as box:
        box.wait_log("alone")
        assert ringside.wait_total(1, "container_oom_events_total", container=box.name) == 1
        box.wait_log("again")
        assert ringside.wait_total(1, "container_restarts_total", 5, container=box.name) == 1
        assert ringside.wait_total(2, "container_oom_events_total", container=box.name) == 2
        time.sleep(1.2)
        assert ringside.total("container_oom_events_total", container=box.name) == 2
        docker("restart", "--time", "0", box.name)
        assert ringside.wait_total(2, "container_oom_events_total", container=box.name) == 2


def test_waiting_for_a_cpu_is_what_schedstat_says(ringside):
    """Two on one CPU: each waits for about half of the time."""
    with Box(BURN.format(60), "--cpuset-cpus", CPU) as one, Box(BURN.format(60), "--cpuset-cpus", CPU) as two:
        for box in (one, two):
            wait_figures(ringside, container=box.name)
        time.sleep(2)
        for box in (one, two):
            before = box.cgroup().run_queue_seconds()
            seen = figures(ringside, container=box.name)["container_cpu_run_queue_seconds_total"]
            after = box.cgroup().run_queue_seconds()
            assert before <= seen <= after
            assert seen > 0.5, "no contention: this run proved nothing"


def test_waits_of_the_ended_stay(ringside):
    """Short-lived children compete for one CPU; each says at its end how long it had waited, and the sum never falls."""
    script = ("import os, time\ntime.sleep(2)\ntotal = 0\nfor round in range(4):\n  pipes = []\n  for child in range(5):\n"
              "    reader, writer = os.pipe()\n    if not os.fork():\n      end = time.monotonic() + 0.4\n"
              "      while time.monotonic() < end: pass\n      os.write(writer, open('/proc/self/schedstat').read().split()[1].encode())\n"
              "      os._exit(0)\n    os.close(writer)\n    pipes.append(reader)\n"
              "  total += sum(int(os.read(reader, 64)) for reader in pipes)\n  [os.wait() for _ in pipes]\n"
              "print('waited', total / 1e9, flush=True)\ntime.sleep(1000)\n")
    with Box(script, "--cpuset-cpus", CPU) as box:
        wait_figures(ringside, container=box.name)
        last, end = 0.0, time.monotonic() + 30
        while "waited" not in docker("logs", box.name):
            value = figures(ringside, container=box.name)["container_cpu_run_queue_seconds_total"]
            assert value >= last
            last = value
            assert time.monotonic() < end
        said = float(docker("logs", box.name).split()[1])
        own = box.cgroup().run_queue_seconds()
        seen = figures(ringside, container=box.name)["container_cpu_run_queue_seconds_total"]
    assert said > 3, "no contention: this run proved nothing"
    assert said <= seen - own <= said * 1.01 + 0.02


def test_a_cgroup_within_the_containers_own_counts(ringside, used):
    """As systemd in a container, or Docker in Docker, make them."""
    inner = used.cgroup().directories[""] / "inner"
    before = figures(ringside, container=used.name)["container_cpu_run_queue_seconds_total"]
    inner.mkdir()
    try:
        burner = subprocess.Popen(["taskset", "-c", CPU, "/usr/bin/python3", "-c", BURN.format(2)])
        (inner / "cgroup.procs").write_text(str(burner.pid))
        rival = subprocess.Popen(["taskset", "-c", CPU, "/usr/bin/python3", "-c", BURN.format(2)])
        time.sleep(1)
        grown = figures(ringside, container=used.name)["container_cpu_run_queue_seconds_total"] - before
        assert grown > 0.1
        burner.wait()
        rival.wait()
        ended = figures(ringside, container=used.name)["container_cpu_run_queue_seconds_total"]
    finally:
        inner.rmdir()
    assert ended - before >= grown
    assert figures(ringside, container=used.name)["container_cpu_run_queue_seconds_total"] >= ended


@pytest.mark.parametrize("labels, service", [({"ringside.service": "res-a", COMPOSE: "res-b"}, "res-a"), ({COMPOSE: "res-b"}, "res-b"), ({}, None)])
def test_what_serves_nothing_is_named_all_the_same(ringside, labels, service):
    with Box(HOLD, labels=labels) as box:
        wait_figures(ringside, container=box.name)
        for sample in ringside.scrape():
            if sample.labels.get("container") == box.name and sample.name.startswith(("container_cpu_", "container_memory_", "container_network_")):
                assert sample.labels == {"service": service or box.name, "container": box.name, "image": containers.image("python")}


def test_one_services_page_has_its_figures_only(ringside, used):
    with Box(HOLD, labels={COMPOSE: "res-page"}) as box:
        wait_figures(ringside, container=box.name)
        page = [s for s in ringside.scrape("/metrics?service=res-page") if s.name.startswith("container_")]
        assert len(page) >= 14
        assert {s.labels["container"] for s in page} == {box.name}


def test_a_container_that_serves_has_one_name(ringside):
    with Container(labels={COMPOSE: "res-served"}) as container:
        wait_figures(ringside, container=container.name)
        names = {s.labels["service"] for s in ringside.scrape() if s.labels.get("container") == container.name}
        assert names == {"res-served"}


def test_plumbing_and_ringside_have_no_figures(ringside, used):
    shown = {s.labels["service"] for s in ringside.scrape() if s.name.startswith("container_")}
    assert not shown & {"docker-proxy", "dockerd", "docker", "containerd", "ringside"}, shown


@pytest.mark.parametrize("how", ["rm", "kill", "stop"])
def test_series_leave_with_their_container(ringside, how):
    with Box(HOLD) as box:
        wait_figures(ringside, container=box.name)
        docker(*{"rm": ["rm", "--force"], "kill": ["kill"], "stop": ["stop", "--time", "0"]}[how], box.name)
        wait_gone(ringside, container=box.name)


def test_a_restart_begins_anew(ringside):
    with Box("open('/tmp-ran', 'a').write('x')\nimport os\nif os.path.getsize('/tmp-ran') < 3:\n  " + BURN.format(1.5).replace("\n", "\n  ")
             + "\n  raise SystemExit(1)\n" + HOLD, "--restart", "on-failure:5") as box:
        assert ringside.wait_total(2, "container_restarts_total", 20, container=box.name) == 2
        seen = figures(ringside, container=box.name)
        assert seen["container_cpu_usage_seconds_total"] == pytest.approx(box.cgroup().cpu_seconds(), rel=0.05, abs=0.01)


def test_a_systemd_service_has_figures_of_its_own(ringside):
    unit = Unit("e2e-unit")
    try:
        with Server("gohttp", {"OTEL_SERVICE_NAME": "res-unit"}, wrapper=unit.wrapper()) as server:
            wait_figures(ringside, service="res-unit", container="")
            cgroup = Cgroup(server.process.pid)
            before = cgroup.cpu_seconds()
            seen = figures(ringside, service="res-unit", container="")
            assert before - 1e-3 <= seen["container_cpu_usage_seconds_total"] <= cgroup.cpu_seconds() + 1e-3
            assert seen["container_memory_rss"] > 0 and seen["container_cpu_run_queue_seconds_total"] > 0
            assert abs(seen["container_start_time_seconds"] - time.time()) < 20
            assert "container_restarts_total" not in seen
        wait_gone(ringside, service="res-unit")
    finally:
        unit.remove()


def test_two_units_of_one_name_are_one_series(ringside):
    units = [Unit("e2e-twin-1"), Unit("e2e-twin-2")]
    try:
        with Server("gohttp", {"OTEL_SERVICE_NAME": "res-twin"}, wrapper=units[0].wrapper()) as one:
            wait_figures(ringside, service="res-twin")
            with Server("gohttp", {"OTEL_SERVICE_NAME": "res-twin"}, wrapper=units[1].wrapper()) as two:
                ends = [Cgroup(server.process.pid) for server in (one, two)]
                end = time.monotonic() + 5
                while time.monotonic() < end:
                    expected = sum(each.memory()["container_memory_usage_bytes"] for each in ends)
                    seen = figures(ringside, service="res-twin")["container_memory_usage_bytes"]
                    if seen == pytest.approx(expected, rel=0.02):
                        break
                assert seen == pytest.approx(expected, rel=0.02)
    finally:
        for unit in units:
            unit.remove()


def footprint(ringside):
    status = pathlib.Path(f"/proc/{ringside.process.pid}/status").read_text()
    resident = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return resident, len(os.listdir(f"/proc/{ringside.process.pid}/fd"))


def come_and_go(ringside, count):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        boxes = list(pool.map(lambda _: Box(HOLD), range(count)))
        names = {box.name for box in boxes}
        try:
            end = time.monotonic() + 10
            while time.monotonic() < end:
                shown = {s.labels["container"] for s in ringside.scrape() if s.name == "container_cpu_usage_seconds_total"}
                if names <= shown:
                    break
            assert names <= shown
        finally:
            list(pool.map(Box.remove, boxes))
    end = time.monotonic() + 5
    while any(s.labels.get("container") in names for s in ringside.scrape()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [s for s in ringside.scrape() if s.labels.get("container") in names]


def test_50_containers_come_and_go(ringside, used):
    """Twice: what the first took is kept for the next."""
    steady = figures(ringside, container=used.name)
    come_and_go(ringside, 25)
    resident, descriptors = footprint(ringside)
    come_and_go(ringside, 25)
    after_resident, after_descriptors = footprint(ringside)
    assert after_resident - resident < 1024, "KiB"
    assert after_descriptors <= descriptors + 2
    after = figures(ringside, container=used.name)
    assert all(after[name] >= steady[name] for name in COUNTERS)
    assert not ringside.total("ringside_workloads_lost_total")


def test_1000_processes_come_and_go(ringside):
    script = ("import os, time\ntime.sleep(1.5)\nfor _ in range(1000):\n  child = os.fork()\n  if not child: os._exit(0)\n  os.waitpid(child, 0)\n"
              "print('all ended', flush=True)\ntime.sleep(1000)\n")
    with Box(script) as box:
        wait_figures(ringside, container=box.name)
        resident, descriptors = footprint(ringside)
        last = 0.0
        while "all ended" not in docker("logs", box.name):
            value = figures(ringside, container=box.name)["container_cpu_run_queue_seconds_total"]
            assert value >= last
            last = value
        box.wait_log("all ended")
        seen = figures(ringside, container=box.name)
        assert seen["container_cpu_usage_seconds_total"] == pytest.approx(box.cgroup().cpu_seconds(), rel=0.01)
        after_resident, after_descriptors = footprint(ringside)
    assert after_resident - resident < 512, "KiB"
    assert after_descriptors <= descriptors + 2


def test_many_containers_cost_little():
    """By the cgroups of 200 services, which cost what those of containers do: 200 containers take half a minute to start."""
    units = [Unit(f"e2e-many-{i}") for i in range(200)]
    servers = []
    try:
        for i, unit in enumerate(units):
            script = ("import socket, time\ns = socket.socket()\ns.bind(('127.0.0.1', 0))\ns.listen()\ntime.sleep(1000)\n")
            servers.append(subprocess.Popen([*unit.wrapper(), "/usr/bin/python3", "-S", "-c", script],
                                            env={"OTEL_SERVICE_NAME": f"res-many-{i}"}))
        with Ringside() as ringside:
            end = time.monotonic() + 20
            while time.monotonic() < end:
                shown = [s for s in ringside.scrape() if s.name == "container_cpu_usage_seconds_total" and s.labels["service"].startswith("res-many-")]
                if len(shown) == len(units):
                    break
                time.sleep(0.2)
            assert len(shown) == len(units)
            took = []
            for _ in range(20):
                before = ringside.total("ringside_scrape_duration_seconds_sum")
                ringside.text()
                took.append(ringside.total("ringside_scrape_duration_seconds_sum") - before)
            # Of each pair of scrapes one is between the two sums, and the first of them.
            assert statistics.median(took) / 2 < 0.02, took
    finally:
        for server in servers:
            server.kill()
            server.wait()
        for unit in units:
            unit.remove()
