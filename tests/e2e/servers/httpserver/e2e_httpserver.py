"""Python's http.server behind the suite's routes: one thread a connection. Its service name is this script's base name.
/cpu, /sleep, /lock and /spin say in their answer what the handler measured of itself (see test_phases.py).
With a CERTIFICATE (a file with a key, too) in the environment it speaks TLS."""
import gc
import json
import os
import platform
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

lock = threading.Lock()


def run_delay_ns():
    """How long this thread has been runnable without a CPU, by the kernel's own account."""
    with open("/proc/thread-self/schedstat") as file:
        return int(file.read().split()[1])


def spin_wall(ms):
    end = time.monotonic() + ms / 1000
    while time.monotonic() < end:
        pass


def spin_cpu(ms):
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        pass


def wait_for_lock(ms):
    """Wait while another thread holds the lock for ms."""
    held = threading.Event()

    def hold():
        with lock:
            held.set()
            time.sleep(ms / 1000)
    threading.Thread(target=hold).start()
    held.wait()
    with lock:
        pass


WORK = {"/spin": spin_wall, "/cpu": spin_cpu, "/sleep": lambda ms: time.sleep(ms / 1000), "/lock": wait_for_lock}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def chunked(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in [b"part %d\n" % i for i in range(5)]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def events(self, n, ms):
        """Server-sent events: n of them, ms apart. The first leaves at once."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for i in range(n):
            time.sleep(ms / 1000 if i else 0)
            event = b"data: %d\n\n" % i
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def work(self, kind, ms):
        wall, cpu, delay = time.monotonic_ns(), time.thread_time_ns(), run_delay_ns()
        WORK[kind](ms)
        measured = {"wall": time.monotonic_ns() - wall, "cpu": time.thread_time_ns() - cpu, "run_queue": run_delay_ns() - delay}
        self.answer(200, json.dumps(measured).encode())

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items() if values[0].isdigit()}
        if url.path in WORK:
            self.work(url.path, query.get("ms", 10))
        elif url.path == "/":
            self.answer(200, b"hello")
        elif url.path == "/fail":
            self.answer(500, b"failed")
        elif url.path == "/big":
            self.answer(200, b"x" * query.get("bytes", 65536))
        elif url.path == "/runtime":
            gc.collect(query.get("generation", 2))
            self.answer(200, json.dumps({"generations": gc.get_stats(), "version": platform.python_version()}).encode())
        elif url.path == "/chunked":
            self.chunked()
        elif url.path == "/events":
            self.events(query.get("n", 5), query.get("ms", 10))
        elif url.path.startswith("/items/"):
            self.answer(200, b"item " + url.path[7:].encode())
        else:
            self.answer(404, b"nothing here")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if urlsplit(self.path).path != "/orders":
            return self.answer(404, b"nothing here")
        return self.answer(201, json.dumps({"id": 7, "item": json.loads(body or b"{}").get("item")}).encode())

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024


def secure(server, certificate):
    """As the library's documentation does it: the thread that accepts shakes hands, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)


if __name__ == "__main__":
    serving = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ["PORT"])), Handler)
    if "CERTIFICATE" in os.environ:
        secure(serving, os.environ["CERTIFICATE"])
    serving.serve_forever()
