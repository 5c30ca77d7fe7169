"""Headers: user text becomes header lines (RFC 5322, RFC 2047) that can be nothing but what was intended.

User text is never parsed. It stands in the clear only where it matches a tight pattern; everything else is a row of encoded words.
The standard library's encoder is not used: up to 3.11.9 it lets a display name or a subject write headers of its own.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from dispatcher.contracts.address import CONTROL, addr_spec
from dispatcher.contracts.errors import AddressUnusable, HeaderUnsafe
from dispatcher.contracts.mail import Mailbox

PLAIN_TEXT: Final = re.compile(
    r"[A-Za-z0-9!#$%&'()*+,\-./:;@^_`{|}~](?:[A-Za-z0-9 !#$%&'()*+,\-./:;@^_`{|}~]*[A-Za-z0-9!#$%&'()*+,\-./:;@^_`{|}~])?"
)
PLAIN_PHRASE: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/^_`{|}~]+(?: [A-Za-z0-9!#$%&'*+\-/^_`{|}~]+)*")
NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
LINE: Final = 76
LONGEST_LINE: Final = 998  # RFC 5322 section 2.1.1
WORD_OCTETS: Final = 39  # so that a line of `Reply-To: =?utf-8?B?...?=` stays within RFC 2047's 76 characters


def text(value: str) -> str:
    """Unstructured text (RFC 5322 section 3.2.5): a subject."""
    value = _clean(value)
    return value if len(value) < LINE and PLAIN_TEXT.fullmatch(value) else encoded_words(value)


def mailbox(value: Mailbox) -> str:
    """`phrase <addr-spec>`, or the bare addr-spec; raises AddressUnusable."""
    address = addr_spec(value.address)
    if address is None:
        raise AddressUnusable
    name = _clean(value.name)
    if not name:
        return address
    phrase = name if len(name) < LINE and PLAIN_PHRASE.fullmatch(name) else encoded_words(name)
    return f"{phrase} <{address}>"


def mailboxes(values: Iterable[Mailbox]) -> str:
    """An address list, one mailbox a line."""
    return ",\r\n ".join(mailbox(value) for value in values)


def encoded_words(value: str) -> str:
    """RFC 2047 B words, none of which splits a character, folded one a line."""
    words, octets = [], b""
    for character in value:
        encoded = character.encode()
        if len(octets) + len(encoded) > WORD_OCTETS:
            words.append(octets)
            octets = b""
        octets += encoded
    words.append(octets)
    return "\r\n ".join(f"=?utf-8?B?{b64encode(word).decode()}?=" for word in words)


def parameter(name: str, value: str) -> str:
    """A MIME parameter on a line of its own; RFC 2231 percent-encoding, in continuations of 56 characters, where it is not plain."""
    value = _clean(value)
    if re.fullmatch(r"[A-Za-z0-9._-]{1,60}", value):
        return f';\r\n {name}="{value}"'
    octets = [chr(octet) if chr(octet).isalnum() and octet < 128 else f"%{octet:02X}" for octet in value.encode()]  # noqa: PLR2004 -- ASCII
    rows = [""]
    for octet in octets:
        if len(rows[-1]) + len(octet) > 56:  # noqa: PLR2004 -- keeps the line under 78 columns
            rows.append("")
        rows[-1] += octet
    rows[0] = f"utf-8''{rows[0]}"
    if len(rows) == 1:
        return f";\r\n {name}*={rows[0]}"
    return "".join(f";\r\n {name}*{number}*={row}" for number, row in enumerate(rows))


def block(fields: Iterable[tuple[str, str]]) -> bytes:
    """The header block with its empty line; raises HeaderUnsafe unless its names are just the given ones, in lines that fit."""
    fields = tuple(fields)
    written = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    lines = written.split(b"\r\n")[:-1]
    names = [line.partition(b":")[0].decode() for line in lines if line[:1] not in {b" ", b"\t"}]
    if names != [name for name, _ in fields] or not all(map(NAME.fullmatch, names)):
        raise HeaderUnsafe
    if any(len(line) > LONGEST_LINE or not line.strip() or b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise HeaderUnsafe
    return written + b"\r\n"


def _clean(value: str) -> str:
    return " ".join(CONTROL.sub("", value).split())
