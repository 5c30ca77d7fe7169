"""The catcher's own certificate authority: new at each start, its keys never on a disk where memory is at hand."""

import os
import ssl
from pathlib import Path
from typing import Final

import trustme

NAMES: Final = ("localhost", "127.0.0.1", "::1", "catcher")


def issue() -> tuple[str, ssl.SSLContext]:
    """The authority's certificate as PEM, and a server's context with a certificate for NAMES."""
    authority = trustme.CA(organization_name="Beampost mail catcher")
    certificate = authority.issue_cert(*NAMES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with certificate.private_key_and_cert_chain_pem.tempfile(dir=_memory_directory()) as path:
        context.load_cert_chain(path)
    return authority.cert_pem.bytes().decode("ascii"), context


def _memory_directory() -> str | None:
    """OpenSSL loads keys from files only; None leaves the place to tempfile."""
    candidates = (os.environ.get("XDG_RUNTIME_DIR"), "/dev/shm")  # noqa: S108 -- the file in it has a random name and mode 0600
    return next((place for place in candidates if place and Path(place).is_dir() and os.access(place, os.W_OK | os.X_OK)), None)
