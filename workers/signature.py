"""Signature: a mail is signed in the name of its From domain (DKIM: RFC 6376, RFC 8301); the one door to the library for it."""

import hashlib
import re
import time
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import dkim
from dkim.canonicalization import Relaxed, compress_whitespace, strip_trailing_whitespace
from dkim.crypto import RSASSA_PKCS1_v1_5_sign, RSASSA_PKCS1_v1_5_verify, parse_pem_private_key

from dispatcher.contracts.errors import HeaderUnsafe, Misconfigured

# Each is named once more than it stands in a mail, so that nobody can add another one (RFC 6376 section 5.4.2).
SIGNED: Final = (b"from", b"reply-to", b"to", b"cc", b"subject", b"date", b"message-id", b"mime-version", b"content-type")
NAMED: Final = tuple(name for name in SIGNED for _ in range(2))
H: Final = ":\r\n ".join(f"{name}:{name}" for name in map(bytes.decode, SIGNED))
KEY_BITS: Final = range(1024, 4097)  # RFC 8301 section 3.2
PEM: Final = re.compile(rb"-----BEGIN (?:RSA )?PRIVATE KEY-----\n([A-Za-z0-9+/=\n]+)\n-----END ")
ED25519: Final = b"MC4CAQAwBQYDK2Vw"  # how such a key begins (RFC 8410 section 7)
PIECE: Final = 65_536
LINE: Final = 72
EMPTY_LINE: Final = b"\r\n\r\n"


class SigningKeyUnusable(Misconfigured):
    """BEAMPOST_DKIM_KEY_FILE cannot be read, or holds no unencrypted RSA key in PEM, of 1024 to 4096 bits, that can sign."""


class SigningKeyEd25519(Misconfigured):
    """BEAMPOST_DKIM_KEY_FILE holds an Ed25519 key; this version signs with RSA keys alone, which every receiver can verify."""


@dataclass(frozen=True)
class Signer:
    """One key; `selector._domainkey.domain` is where DNS has its public half. The library computes with Python's own integers."""

    domain: str
    selector: str
    key: dict[str, int] = field(repr=False)

    @classmethod
    def read(cls, path: Path, domain: str, selector: str) -> "Signer":
        """With the key of a PEM file, which is tried at once; raises SigningKeyUnusable or SigningKeyEd25519."""
        try:
            return cls(domain, selector, signing_key(path.read_bytes()))
        except OSError:
            raise SigningKeyUnusable from None

    def sign(self, message: bytes) -> bytes:
        """The message under its DKIM-Signature; everything ends in CRLF. Raises HeaderUnsafe for headers that cannot be read."""
        body_at = message.find(EMPTY_LINE) + len(EMPTY_LINE)
        fields = {"v": "1", "a": "rsa-sha256", "c": "relaxed/relaxed", "d": self.domain, "s": self.selector, "t": str(int(time.time()))}
        fields |= {"h": H, "bh": b64encode(body_hash(message, body_at)).decode(), "b": ""}
        unsigned = ";\r\n ".join(f"{tag}={value}" for tag, value in fields.items()).encode()
        signature = b64encode(RSASSA_PKCS1_v1_5_sign(header_digest(message[:body_at], unsigned), self.key))
        folded = b"\r\n ".join(signature[at : at + LINE] for at in range(0, len(signature), LINE))
        return b"".join((b"DKIM-Signature: ", unsigned, folded, b"\r\n", message))


def signing_key(pem: bytes) -> dict[str, int]:
    """The numbers of an RSA key that has just signed something; raises SigningKeyUnusable or SigningKeyEd25519."""
    found = PEM.search(pem.replace(b"\r\n", b"\n"))
    if found is None:
        raise SigningKeyUnusable
    if found[1].startswith(ED25519):
        raise SigningKeyEd25519
    try:
        key: dict[str, int] = parse_pem_private_key(found[0])
        probe = hashlib.sha256(pem)
        proven = RSASSA_PKCS1_v1_5_verify(probe, RSASSA_PKCS1_v1_5_sign(probe, key), key)
    except Exception:  # noqa: BLE001 -- a file of any content, in a parser that says no in many ways
        raise SigningKeyUnusable from None
    if not proven or key["modulus"].bit_length() not in KEY_BITS:
        raise SigningKeyUnusable
    return key


def header_digest(headers: bytes, unsigned: bytes) -> "hashlib._Hash":
    """SHA-256 of the signed headers and the signature's own without its value (RFC 6376 section 3.7); raises HeaderUnsafe."""
    digest = hashlib.sha256()
    try:
        parsed, _ = dkim.rfc822_parse(headers)
    except (dkim.DKIMException, IndexError):  # the library quotes what it could not read
        raise HeaderUnsafe from None
    dkim.hash_headers(digest, Relaxed, Relaxed.canonicalize_headers(parsed), NAMED, (b"DKIM-Signature", b" " + unsigned), {})
    return digest


def body_hash(message: bytes, start: int, piece: int = PIECE) -> bytes:
    """SHA-256 of the relaxed body (RFC 6376 section 3.4.4), piece by piece: one call over 25 MB would keep all other threads waiting."""
    digest, empty_lines, some = hashlib.sha256(), b"", False
    for lines in pieces(message, start, piece):
        relaxed = _relaxed(lines)
        text = relaxed.rstrip(b"\r\n")
        if text:
            digest.update(empty_lines + text)
            empty_lines, some = b"", True
        empty_lines += relaxed[len(text) :]
    if some:
        digest.update(b"\r\n")
    return digest.digest()


def pieces(message: bytes, start: int, least: int) -> Iterator[bytes]:
    """Whole lines, about so many octets at a time."""
    while start < len(message):
        end = message.find(b"\r\n", start + least) + 2
        end = end if end >= 2 else len(message)  # noqa: PLR2004 -- found
        yield message[start:end]
        start = end


def _relaxed(lines: bytes) -> bytes:
    """As the library does it; lines of base64 are so already."""
    if any(blank in lines for blank in (b"\t", b"  ", b" \r\n")):
        return bytes(compress_whitespace(strip_trailing_whitespace(lines)))
    return lines
