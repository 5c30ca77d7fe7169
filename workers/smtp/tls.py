"""Tls: whom we trust, and why there is no TLS; by OpenSSL's numbers and names, never by its text."""

import functools
import ssl
from typing import Final

from dispatcher.contracts.outcome import FailureClass

EXPIRED: Final = frozenset({9, 10})  # X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED
OTHER_NAME: Final = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"})


class SpokenInClear(ConnectionError):
    """The server spoke before TLS began: what it said must not be heard as if it were said under TLS."""


def trust(ca_file: str | None, ca_pem: str | None) -> ssl.SSLContext:
    """The system's anchors, the operator's and the job's; a customer's PEM is kept no longer than its job. Raises ssl.SSLError."""
    if ca_pem is None:
        return _shared_trust(ca_file)
    context = new_trust(ca_file)
    context.load_verify_locations(cadata=ca_pem)
    return context


@functools.lru_cache(maxsize=2)
def _shared_trust(ca_file: str | None) -> ssl.SSLContext:
    """A context takes 20 ms to make."""
    return new_trust(ca_file)


def new_trust(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def tls_failure(error: OSError, *, implicit: bool) -> FailureClass:
    """Why there is no TLS; by OpenSSL's number or name, never by its text."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in OTHER_NAME:
            return FailureClass.TLS_CERT_HOSTNAME
        return FailureClass.TLS_CERT_EXPIRED if error.verify_code in EXPIRED else FailureClass.TLS_CERT_UNTRUSTED
    if implicit and (isinstance(error, SpokenInClear) or (isinstance(error, ssl.SSLError) and error.reason in NOT_TLS)):
        return FailureClass.TLS_MODE_MISMATCH
    return FailureClass.TLS_HANDSHAKE
