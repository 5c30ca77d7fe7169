"""Address: the one grammar of addresses and host names, used at the door and by the composer, so that they never disagree.

An addr-spec here is a dot-atom, one @ and a domain (RFC 5322 section 3.4.1 without comments, quotes, routes and literals;
RFC 6531 section 3.3 for UTF-8 local parts). A host name is LDH labels after IDNA 2008 with UTS 46 mapping.
"""

import re
import unicodedata
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import idna

ATEXT: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a0-\U0010ffff]"
LOCAL_PART: Final = re.compile(rf"{ATEXT}+(?:\.{ATEXT}+)*")
LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
BLANKS: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"})
ENCODED_WORD: Final = "=?"  # how one begins (RFC 2047 section 2); a reader might make another address of it, closed or not
MAX_LOCAL_OCTETS: Final = 64  # RFC 5321 section 4.5.3.1.1
MAX_OCTETS: Final = 254
MAX_HOST: Final = 253


def host_name(text: str) -> str | None:
    """The host name as lower-case A-labels; None when it is not one. Address literals are not host names."""
    text = unicodedata.normalize("NFC", text)
    if CONTROL.search(text) or text.endswith("."):
        return None
    try:
        name = idna.encode(text, uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        name = text.lower() if text.isascii() else ""
    labels = name.split(".")
    if len(name) > MAX_HOST or not all(LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        return None
    return None if re.fullmatch(r"0x[0-9a-f]*", labels[-1]) else name


def address_literal(text: str) -> IPv4Address | IPv6Address | None:
    """The address that the text is, `plain`; None otherwise: `127.1` and `2130706433` are none, nor is one with a zone (`fe80::1%eth0`)."""
    try:
        return None if "%" in text else plain(ip_address(text))
    except ValueError:
        return None


def plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """An IPv4 address out of its IPv6 clothes (`::ffff:`), every other address as it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def addr_spec(text: str) -> str | None:
    """The addr-spec with its domain as A-labels; None when it is not one. The local part is kept to the letter."""
    local, at, domain = text.rpartition("@")
    if not at or not LOCAL_PART.fullmatch(local) or CONTROL.search(local) or ENCODED_WORD in local:
        return None
    if any(unicodedata.category(character) in BLANKS for character in local if character > "\x7f"):
        return None
    name = host_name(domain)
    if name is None or "." not in name or len(local.encode()) > MAX_LOCAL_OCTETS:
        return None
    address = f"{local}@{name}"
    return address if len(address.encode()) <= MAX_OCTETS else None


def needs_smtputf8(address: str) -> bool:
    """Whether a server must offer SMTPUTF8 (RFC 6531) before it is told this address."""
    return not address.isascii()
