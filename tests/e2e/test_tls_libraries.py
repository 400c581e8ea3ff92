"""Which libraries' plaintext is seen, and that connections of the others are counted, each once."""
import os
import shutil
import subprocess
import time

import pytest

import ports
import tls
from counting import Account


def opaque(ringside):
    return ringside.total("ringside_connections_unparsed_total", reason="tls-opaque")


@pytest.fixture
def hidden_server(tmp_path):
    """A server whose libssl lies in a file that does not look like one, as code that is linked into a program does not."""
    listed = subprocess.run(["ldconfig", "-p"], capture_output=True, text=True, check=True).stdout
    library = next(line.split(" => ")[1] for line in listed.splitlines() if "libssl.so.3" in line)
    hidden = tmp_path / "hidden.so"
    shutil.copy(os.path.realpath(library), hidden)
    with tls.TlsServer("threads", {"LD_PRELOAD": str(hidden), "OTEL_SERVICE_NAME": "e2e-tls-hidden"}) as server:
        server.service = "e2e-tls-hidden"
        yield server


def test_opaque_connections_are_counted_as_they_end(ringside, hidden_server):
    before, account = opaque(ringside), Account(ringside, hidden_server.service)
    for _ in range(5):
        with tls.TlsClient(hidden_server.port) as client:
            client.get("/unseen")
            client.get("/unseen")
        tls.TlsClient(hidden_server.port).close()  # asked for nothing
    ringside.wait_total(before + 5, "ringside_connections_unparsed_total", reason="tls-opaque")
    time.sleep(0.3)
    assert opaque(ringside) == before + 5
    account.expect({})


def test_opaque_connections_that_stay_are_counted_once(ringside, hidden_server):
    before = opaque(ringside)
    with tls.TlsClient(hidden_server.port) as client:
        client.get("/unseen")
        time.sleep(2.5)
        client.get("/unseen")
        assert ringside.wait_total(before + 1, "ringside_connections_unparsed_total", reason="tls-opaque") == before + 1
        client.get("/unseen")
    time.sleep(0.5)
    assert opaque(ringside) == before + 1


@pytest.fixture
def gnutls_server(tmp_path):
    port = ports.free()
    command = ["gnutls-serv", "--http", "--quiet", "--port", str(port), "--x509keyfile", tls.certificate(), "--x509certfile",
               tls.certificate()]
    process = subprocess.Popen(command, env={**os.environ, "OTEL_SERVICE_NAME": "e2e-tls-gnutls"}, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, cwd=tmp_path)
    ports.wait_listens(port, process)
    yield port
    process.kill()
    process.wait()


def test_gnutls(ringside, gnutls_server):
    time.sleep(1)
    account = Account(ringside, "e2e-tls-gnutls")
    for _ in range(30):
        with tls.TlsClient(gnutls_server) as client:
            client.send(tls.request("/page"))
            while b"</HTML>" not in client.answers.upper():
                client.answers += client.finish(lambda it=client: it.session.read(65536))
    account.expect({("GET", "/page", "200"): 30})
