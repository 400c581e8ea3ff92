"""Where tests/e2e/prepare puts what it makes."""
import os
import pathlib

HERE = pathlib.Path(__file__).resolve().parent
HOME = pathlib.Path(os.environ.get("RINGSIDE_E2E_BUILD", HERE.parents[1] / "build/e2e"))
SERVERS = HOME / "servers"
LOAD = HOME / "load"
CERTIFICATE = HOME / "certificate.pem"  # and its key
GRPC = HOME / "e2e-grpc"
