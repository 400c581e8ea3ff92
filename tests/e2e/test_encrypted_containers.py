"""TLS in containers: the libraries are files of the container's own, which ringside finds in its root."""
import pytest

import containers
from containers import COMPOSE, Container
from counting import Account, wait_counted
from load import ASKED, Load, expected
from observer import Ringside

pytestmark = pytest.mark.skipif(bool(containers.missing()), reason=containers.missing())
TLS = {"SPEAK": "https", "CERTIFICATE": "/srv/certificate.pem"}
RUNTIMES = ["node", "python", "go"]
REQUESTS = ASKED or 400


class Secured:
    """A container's server as counting.wait_counted knows servers."""

    def __init__(self, container, service):
        self.container, self.service = container, service

    def load(self, *arguments, **options):
        return Load(self.container.port, *arguments, speak="https", **options)


@pytest.fixture(scope="module")
def there_first():
    running = {}
    try:
        for runtime in RUNTIMES:
            service = f"tls-first-{runtime}"
            running[runtime] = Secured(Container(runtime, labels={COMPOSE: service}, environment=TLS), service)
        yield running
    finally:
        for secured in running.values():
            secured.container.remove()


@pytest.fixture(scope="module")
def ringside(there_first):
    with Ringside() as running:
        yield running


def count(ringside, secured):
    for closing in (False, True):
        account = Account(ringside, secured.service, container=secured.container.name)
        with secured.load(16, closing) as load:
            account.expect(expected(load.run(REQUESTS)))


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_container_started_before_ringside(ringside, there_first, runtime):
    count(ringside, there_first[runtime])


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_container_started_after_ringside(ringside, runtime):
    service = f"tls-later-{runtime}"
    with Container(runtime, labels={COMPOSE: service}, environment=TLS) as container:
        secured = Secured(container, service)
        wait_counted(ringside, secured)
        count(ringside, secured)
