"""Two hosts joined by one wire: network namespaces of this test's own, with a veth pair that can lose and repeat segments."""
import collections
import ctypes
import fcntl
import os
import select
import signal
import struct
import subprocess
import time

SERVER, CLIENT = "198.18.7.1", "198.18.7.2"
DATA = ["-p", "tcp", "--tcp-flags", "SYN,RST,FIN", "NONE", "-m", "length", "--length", "53:65535"]  # an ACK alone has 52 bytes
ACKS = ["-p", "tcp", "--tcp-flags", "SYN,RST,FIN", "NONE", "-m", "length", "--length", "0:52"]


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, words))}: {done.stderr.strip()}"
    return done.stdout


def nth(every, packet):
    return ["-m", "statistic", "--mode", "nth", "--every", every, "--packet", packet]


class Pair:
    """`server` and `client` are the names of the namespaces; `inside(which)` is the command that runs another one there."""

    def __init__(self, mtu=1500):
        self.server, self.client = f"e2e-server-{os.getpid()}", f"e2e-client-{os.getpid()}"
        for name in (self.server, self.client):
            run("ip", "netns", "add", name)
        run("ip", "link", "add", "wire", "netns", self.server, "mtu", mtu, "type", "veth", "peer", "name", "wire", "netns", self.client, "mtu", mtu)
        for name, address in ((self.server, SERVER), (self.client, CLIENT)):
            self.ip(name, "link", "set", "lo", "up")
            self.ip(name, "link", "set", "wire", "gso_max_segs", 1, "up")
            self.ip(name, "address", "add", f"{address}/24", "dev", "wire")
            self.ip(name, "route", "replace", "198.18.7.0/24", "dev", "wire", "rto_min", "20ms")

    def ip(self, name, *words):
        run("ip", "-netns", name, *words)

    def inside(self, name):
        return ["ip", "netns", "exec", name]

    def iptables(self, name, *words):
        run(*self.inside(name), "iptables", *words)

    def lose_data(self, name, every):
        """What arrives there with data in it is dropped, one segment in `every`."""
        self.iptables(name, "-A", "INPUT", *DATA, *nth(every, every - 1), "-j", "DROP")

    def lose_acknowledgements(self, name, every):
        self.iptables(name, "-A", "INPUT", *ACKS, *nth(every, every - 1), "-j", "DROP")

    def repeat_data(self, name, every, towards):
        """What leaves there with data in it is sent twice, one segment in `every`."""
        self.iptables(name, "-t", "mangle", "-A", "OUTPUT", *DATA, *nth(every, every - 1), "-j", "TEE", "--gateway", towards)

    def hits(self):
        """How many packets the rules above have met."""
        met = 0
        for name in (self.server, self.client):
            for table in ("filter", "mangle"):
                listing = run(*self.inside(name), "iptables", "-t", table, "-nvxL")
                met += sum(int(line.split()[0]) for line in listing.splitlines() if " DROP " in line or " TEE " in line)
        return met

    def retransmitted(self, name):
        for line in run(*self.inside(name), "nstat", "-asz", "TcpRetransSegs").splitlines():
            if line.startswith("TcpRetransSegs"):
                return int(line.split()[1])
        raise AssertionError("nstat shows no TcpRetransSegs")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for name in (self.server, self.client):
            subprocess.run(["ip", "netns", "delete", name])


class DelayedPair(Pair):
    """The same two hosts, but each packet takes its time. By tun devices and a process between them: not every kernel has netem."""

    def __init__(self, delay_seconds):
        self.server, self.client = f"e2e-server-{os.getpid()}", f"e2e-client-{os.getpid()}"
        ends = []
        for name, address in ((self.server, SERVER), (self.client, CLIENT)):
            run("ip", "netns", "add", name)
            ends.append(open_tun(name))
            self.ip(name, "link", "set", "wire", "up")
            self.ip(name, "address", "add", f"{address}/24", "dev", "wire")
        self.carrier = os.fork()
        if not self.carrier:
            try:
                carry(*ends, delay_seconds)
            finally:
                os._exit(1)
        for end in ends:
            os.close(end)

    def __exit__(self, *error):
        os.kill(self.carrier, signal.SIGKILL)
        os.waitpid(self.carrier, 0)
        super().__exit__()


def open_tun(namespace):
    """A tun device in a network namespace (linux/if_tun.h: TUNSETIFF, IFF_TUN | IFF_NO_PI); the thread moves there for the moment."""
    libc, clone_newnet = ctypes.CDLL(None, use_errno=True), 0x40000000
    home, there = (os.open(path, os.O_RDONLY) for path in ("/proc/thread-self/ns/net", f"/run/netns/{namespace}"))
    try:
        assert libc.setns(there, clone_newnet) == 0, os.strerror(ctypes.get_errno())
        device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", b"wire", 0x1001))
        return device
    finally:
        assert libc.setns(home, clone_newnet) == 0
        os.close(home)
        os.close(there)


def carry(one, other, delay_seconds):
    """Moves packets between two tun devices, each so much later than it came."""
    waiting = collections.deque()
    while True:
        patience = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for end in select.select([one, other], [], [], patience)[0]:
            waiting.append((time.monotonic() + delay_seconds, other if end == one else one, os.read(end, 65536)))
        while waiting and waiting[0][0] <= time.monotonic():
            _, end, packet = waiting.popleft()
            os.write(end, packet)
