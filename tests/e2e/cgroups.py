"""What the kernel says of a cgroup, read apart from ringside: v1, v2 and hybrids."""
import functools
import os
import pathlib


@functools.cache
def mounts():
    """{controller, or "" for v2: where its hierarchy is mounted}"""
    found = {}
    for line in open("/proc/mounts"):
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup2":
            found.setdefault("", pathlib.Path(where))
        elif kind == "cgroup":
            for name in options.split(","):
                found.setdefault(name, pathlib.Path(where))
    return found


class Cgroup:
    """Of a process: cgroup.file("memory", "memory.stat", v2="memory.stat")."""

    def __init__(self, pid):
        self.directories = {}
        for line in open(f"/proc/{pid}/cgroup"):
            _, names, path = line.rstrip("\n").split(":", 2)
            for name in names.split(","):
                if name in mounts():
                    self.directories[name] = mounts()[name] / path.lstrip("/")

    def text(self, controller, v1, v2):
        if controller in self.directories:
            return (self.directories[controller] / v1).read_text()
        return (self.directories[""] / v2).read_text()

    def number(self, controller, v1, v2):
        text = self.text(controller, v1, v2).strip()
        return 0 if text == "max" else int(text)

    def fields(self, controller, v1, v2):
        return {words[0]: int(words[1]) for words in map(str.split, self.text(controller, v1, v2).splitlines())}

    def cpu_seconds(self):
        if "cpuacct" in self.directories:
            return self.number("cpuacct", "cpuacct.usage", None) / 1e9
        return self.fields("cpu", None, "cpu.stat")["usage_usec"] / 1e6

    def memory(self):
        """usage, working set, rss, cache, limit"""
        usage = self.number("memory", "memory.usage_in_bytes", "memory.current")
        stat = self.fields("memory", "memory.stat", "memory.stat")
        prefix, rss, cache = ("total_", "rss", "cache") if "memory" in self.directories else ("", "anon", "file")
        limit = self.number("memory", "memory.limit_in_bytes", "memory.max")
        return {
            "container_memory_usage_bytes": usage,
            "container_memory_working_set_bytes": max(0, usage - stat[prefix + "inactive_file"]),
            "container_memory_rss": stat[prefix + rss],
            "container_memory_cache": stat[prefix + cache],
            "container_spec_memory_limit_bytes": 0 if limit > 1 << 62 else limit,
        }

    def throttling(self):
        """periods, throttled periods, throttled seconds"""
        stat = self.fields("cpu", "cpu.stat", "cpu.stat")
        seconds = stat["throttled_time"] / 1e9 if "throttled_time" in stat else stat["throttled_usec"] / 1e6
        return stat["nr_periods"], stat["nr_throttled"], seconds

    def pressure(self, resource):
        """Seconds for which some and all waited; None where the kernel does not count that."""
        try:
            lines = (self.directories[""] / f"{resource}.pressure").read_text().split()
        except OSError:
            return None
        return [int(word.partition("=")[2]) / 1e6 for word in lines if word.startswith("total=")]

    def threads(self):
        return [int(line) for line in (self.directories[""] / "cgroup.threads").read_text().split()]

    def run_queue_seconds(self):
        """Of the threads that live."""
        return sum(int(pathlib.Path(f"/proc/{tid}/schedstat").read_text().split()[1]) for tid in self.threads()) / 1e9


class Unit:
    """A cgroup as systemd gives it to a service, in every hierarchy there is."""

    def __init__(self, name):
        self.directories = {where / "system.slice" / f"{name}.service" for where in mounts().values()}
        for directory in self.directories:
            directory.mkdir(parents=True, exist_ok=True)

    def wrapper(self):
        """Starts a command in it."""
        joined = "; ".join(f"echo $$ >{directory}/cgroup.procs" for directory in self.directories)
        return ["sh", "-c", f'{joined}; exec "$@"', "sh"]

    def remove(self):
        for directory in self.directories:
            for path, _, _ in os.walk(directory, topdown=False):
                os.rmdir(path)
