"""A TCP server that speaks exactly the bytes it is told to: one script of steps, run anew for each connection.
Usage: raw_server.py '{"host": …, "defer": false, "script": [[step, argument…], …]}'; prints its port. See wire.py for the steps."""
import json
import os
import socket
import struct
import sys
import tempfile
import threading
import time


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def receive(self):
        data = self.sock.recv(65536)
        if not data:
            raise EOFError
        self.buffer += data

    def until(self, marker):
        """Read up to the marker and forget it with all that stands before it."""
        marker = marker.encode("latin-1")
        while marker not in self.buffer:
            self.receive()
        self.buffer = self.buffer.partition(marker)[2]

    def read(self, size):
        while len(self.buffer) < size:
            self.receive()
        self.buffer = self.buffer[size:]

    def eof(self):
        """Read until the client's side ends."""
        try:
            while True:
                self.receive()
        except EOFError:
            pass

    def send(self, text):
        self.sock.sendall(text.encode("latin-1"))

    def send_apart(self, text, size, pause_ms):
        """The text in writes of `size` bytes, each on the wire by itself."""
        data = text.encode("latin-1")
        for start in range(0, len(data), size):
            self.sock.sendall(data[start:start + size])
            time.sleep(pause_ms / 1000)

    def zeros(self, size):
        self.sock.sendall(bytes(size))

    def pause(self, ms):
        time.sleep(ms / 1000)

    def more(self, text):
        self.sock.send(text.encode("latin-1"), socket.MSG_MORE)

    def cork(self, on):
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)

    def sendfile(self, size):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            sent = 0
            while sent < size:
                sent += os.sendfile(self.sock.fileno(), file.fileno(), sent, size - sent)

    def splice(self, size):
        """A file's bytes through a pipe into the socket: no write of this process touches the socket."""
        reader, writer = os.pipe()
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            sent = 0
            while sent < size:
                inside = os.splice(file.fileno(), writer, min(65536, size - sent), offset_src=sent)
                sent += inside
                while inside:
                    inside -= os.splice(reader, self.sock.fileno(), inside)
        os.close(reader)
        os.close(writer)

    def shutdown(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Close with an RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def die(self):
        """The whole process ends at once, as after a crash."""
        os._exit(1)

    def repeat(self, times, script):
        for _ in range(times):
            self.run(script)

    def run(self, script):
        for step, *arguments in script:
            getattr(self, step)(*arguments)


def serve(sock, script):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        Connection(sock).run(script)
    except (EOFError, OSError):
        pass
    sock.close()


def listen(host, defer):
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if ":" in host:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    if defer:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
    listener.bind((host, 0))
    listener.listen(128)
    return listener


def main():
    order = json.loads(sys.argv[1])
    listener = listen(order["host"], order["defer"])
    print(listener.getsockname()[1], flush=True)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, order["script"]), daemon=True).start()


if __name__ == "__main__":
    main()
