"""Scram: what SCRAM-SHA-256 computes on the client's side (RFC 5802, RFC 7677); pure functions of texts."""

import base64
import binascii
import hashlib
import hmac
import re
import stringprep
from typing import Final
from unicodedata import ucd_3_2_0

import msgspec

GS2_HEADER: Final = "n,,"  # no channel binding, no other identity
MIN_ITERATIONS: Final = 4096  # RFC 7677 section 4
MAX_ITERATIONS: Final = 100_000  # 20 to 30 ms, in which the loop stands still
SERVER_FIRST: Final = re.compile(r"r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,[a-zA-Z]=[^,\0]+)*")
PROHIBITED: Final = (
    stringprep.in_table_a1,  # not assigned in Unicode 3.2, on which RFC 3454 stands
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


class ServerFirst(msgspec.Struct, frozen=True):
    """The server's first message, and what it says."""

    text: str
    nonce: str
    salt: bytes
    iterations: int


class Proof(msgspec.Struct, frozen=True):
    """Our final message, and the signature that only a server which knows the password's key can answer it with."""

    final: str
    signature: bytes


def client_first(user: str, nonce: str) -> str:
    """The bare first message."""
    return f"n={escaped(prepared(user))},r={nonce}"


def server_first(text: str, nonce: str) -> ServerFirst | None:
    """What the server makes of our nonce; None: no such message, or one that extends the protocol (`m=`) or not our nonce."""
    found = SERVER_FIRST.fullmatch(text)
    if found is None:
        return None
    theirs, salt, iterations = found.groups()
    if not theirs.startswith(nonce) or theirs == nonce:
        return None
    try:
        return ServerFirst(text, theirs, base64.b64decode(salt), int(iterations))
    except binascii.Error:
        return None


def prove(password: str, bare: str, server: ServerFirst) -> Proof:
    """That we know the password, without saying it (RFC 5802 section 3)."""
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), server.salt, server.iterations)
    unproven = f"c={base64.b64encode(GS2_HEADER.encode()).decode()},r={server.nonce}"
    said = f"{bare},{server.text},{unproven}".encode()
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    mask = hmac.digest(hashlib.sha256(client_key).digest(), said, "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, mask, strict=True))
    signature = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), said, "sha256")
    return Proof(f"{unproven},p={base64.b64encode(proof).decode()}", signature)


def is_signed(server_final: str, signature: bytes) -> bool:
    """Whether the server's final message holds this signature."""
    told = server_final.partition(",")[0].encode()
    return hmac.compare_digest(told, b"v=" + base64.b64encode(signature))


def escaped(user: str) -> str:
    """A user name between commas (`saslname`, RFC 5801 section 4)."""
    return user.replace("=", "=3D").replace(",", "=2C")


def prepared(text: str) -> str:
    """SASLprep (RFC 4013); what it prohibits, or leaves nothing of, stays as it is: it was set so somewhere."""
    spaced = (" " if stringprep.in_table_c12(sign) else sign for sign in text)  # first: U+200B is in both tables
    normal = ucd_3_2_0.normalize("NFKC", "".join(sign for sign in spaced if not stringprep.in_table_b1(sign)))
    if not normal or any(prohibits(sign) for sign in normal for prohibits in PROHIBITED) or not _is_one_way(normal):
        return text
    return normal


def _is_one_way(text: str) -> bool:
    """Text that runs from right to left does so at both ends, and nowhere the other way (RFC 3454 section 6)."""
    if not any(map(stringprep.in_table_d1, text)):
        return True
    return stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1]) and not any(map(stringprep.in_table_d2, text))
