"""Free TCP ports, and waiting until somebody listens on one. Asking the kernel's tables sends no connection that would be seen."""
import pathlib
import socket
import time


def free(host="127.0.0.1"):
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def listens(port, pid="self"):
    """Whether anybody listens on the port in the network namespace of that process."""
    for table in ("tcp", "tcp6"):
        for line in pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False


def wait_listens(port, process, seconds=15):
    """Until a child process, or one of its own, listens on the port."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if listens(port, process.pid):
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.args}: does not listen on {port}; exit status {process.poll()}")
