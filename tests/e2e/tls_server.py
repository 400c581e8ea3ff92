"""A small server in TLS that keeps connections alive, in the ways in which programs tie sessions to sockets.
Usage: tls_server.py WAY CERTIFICATE; prints its port. /size/N answers N bytes, /block/MS first stops the thread that long."""
import asyncio
import os
import selectors
import signal
import socket
import ssl
import sys
import threading
import time


class Requests:
    """What has come in on one connection; `take` gives an answer for each request that is whole."""

    def __init__(self):
        self.buffer = b""

    def take(self, data):
        self.buffer += data
        answers = b""
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:end].decode("latin-1").split("\r\n")
            length = sum(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
            if len(self.buffer) < end + 4 + length:
                break
            self.buffer = self.buffer[end + 4 + length:]
            answers += self.answer(lines[0].split(" ")[1])
        return answers

    @staticmethod
    def answer(path):
        words = path.split("/")
        body = b"hello"
        if words[1] == "block":
            time.sleep(int(words[2]) / 1000)
        elif words[1] == "size":
            body = b"x" * int(words[2])
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def serve_blocking(sock):
    requests = Requests()
    try:
        while data := sock.recv(65536):
            answers = requests.take(data)
            if answers:
                sock.sendall(answers)
    except OSError:
        pass
    sock.close()


def threads(listener, context):
    """A thread for each connection, which also shakes hands."""
    def serve(sock):
        try:
            serve_blocking(context.wrap_socket(sock, server_side=True))
        except OSError:
            sock.close()

    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


def forking(listener, context):
    """The parent shakes hands, a child of its own serves each connection."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    secured = context.wrap_socket(listener, server_side=True)
    while True:
        try:
            sock = secured.accept()[0]
        except OSError:
            continue
        if os.fork() == 0:
            serve_blocking(sock)
            os._exit(0)
        # A parent that has more to do: its copy of the session lives on while the child serves.
        threading.Timer(0.5, sock.close).start()


def select(listener, context):
    """One thread for all, whose library reads the sockets."""
    selector = selectors.DefaultSelector()

    def accept(_):
        sock = listener.accept()[0]
        sock.setblocking(False)
        secured = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        selector.register(secured, selectors.EVENT_READ, lambda it: shake(it, Requests()))

    def shake(sock, requests):
        try:
            sock.do_handshake()
        except ssl.SSLWantReadError:
            return
        except OSError:
            selector.unregister(sock)
            sock.close()
            return
        selector.modify(sock, selectors.EVENT_READ, lambda it: read(it, requests))
        read(sock, requests)

    def read(sock, requests):
        try:
            while data := sock.recv(65536):
                answers = requests.take(data)
                if answers:
                    sock.setblocking(True)
                    sock.sendall(answers)
                    sock.setblocking(False)
        except ssl.SSLWantReadError:
            return
        except OSError:
            pass
        selector.unregister(sock)
        sock.close()

    selector.register(listener, selectors.EVENT_READ, accept)
    while True:
        for key, _ in selector.select():
            key.data(key.fileobj)


def memory(listener, context):
    """One thread for all, which reads the sockets itself and hands the library what came."""
    async def serve(reader, writer):
        requests = Requests()
        try:
            while data := await reader.read(65536):
                answers = requests.take(data)
                if answers:
                    writer.write(answers)
                    await writer.drain()
        except OSError:
            pass
        writer.close()

    async def forever():
        server = await asyncio.start_server(serve, sock=listener, ssl=context)
        await server.serve_forever()

    asyncio.run(forever())


WAYS = {"threads": threads, "forking": forking, "select": select, "memory": memory}


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[2])
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    print(listener.getsockname()[1], flush=True)
    WAYS[sys.argv[1]](listener, context)


if __name__ == "__main__":
    main()
