"""Masked: what may be shown of a server's words: those of a closed list. An address becomes a hint, anything else its length."""

import re
from typing import Final

WORDS: Final = frozenset(
    """
    a about accept accepted access accessing account action active additional address addresses administrator administratively after again
    all allow allowed already an and another any are as at attempt attempts authenticate authenticated authentication authorization
    authorized back bad banned be because been before begin being block blocked blocklist blocklisted bounce busy but by bytes cannot change
    check chunking client closed closing command commands complete completed connect connecting connection connections contact contain
    contains content correct could count credentials current currently daily data day days deferred delayed delivered delivery denied
    device did disabled discarded disk dkim dmarc dns do does domain domains due duplicate early ehlo email enabled encryption end ended
    enough enter error errors exceeded exceeds exist exists expected expired failed failure fatal few file first for format forbidden found
    from full further gateway given go goodbye graylisted graylisting greeting greylist greylisted greylisting has have header headers
    hello helo help host hour hours id if immediately in inactive incoming incorrect input insufficient internal internet invalid is issue
    it junk just kept large later length less limit limits line lines list listed load local locked log login long lookup lost mail
    mailbox mailboxes mailer malformed many match maximum may message messages minute minutes missing more must name needed network next no
    non not number object of ok on one only open operation or order other our outbound out over password per permanent permission
    permitted please policy poor possible postmaster problem process processed processing protocol quarantined queue queued quit quota
    rate reached read ready reason receive received receiving recipient recipients record records refused reject rejected rejecting relay
    relaying remote reply reputation request requested require required requires resource resources response restart retry return
    reverse route routing rule same secs second seconds security seems send sender sending sent sequence server servers service session
    short should sign size slow smtp so some source space spam spf spoof start started starting status still stopped storage such support
    supported suspended syntax system temporarily temporary than that the then there these this throttled throttling time timed timeout
    tls to too traffic transaction transmission transport trust try trying two unable unauthenticated unauthorized unavailable unexpected
    unimplemented unknown unrecognized unsolicited until up use used user username using valid value verification verify via violation
    virus wait waiting was we welcome went were while will with within without write wrong you your
    auth bdat expn mail noop rcpt rset starttls vrfy
    8bitmime binarymime dsn enhancedstatuscodes etrn pipelining smtputf8
    cram-md5 login oauthbearer plain scram-sha-1 scram-sha-256 xoauth2
    """.split()
)
WRAPPING: Final = "\"'<>()[]{}.,:;!?*=-"
CLOSING: Final = frozenset(".,:;")
ADDRESS: Final = re.compile(r"([^@]+)@([^@]+)")
SHORT_SUFFIX: Final = re.compile(r"[A-Za-z]{2,3}")
MOST_CHARACTERS: Final = 512  # as long as a line may be, RFC 5321 section 4.5.3.1.5


def masked(text: str) -> str:
    """The reply as it may be shown: which of its words stand on the list is all that it tells."""
    return " ".join(map(_word, text[:MOST_CHARACTERS].split()))[:MOST_CHARACTERS]


def _word(word: str) -> str:
    """A word keeps its full stop or comma, and loses all else that stands around it."""
    bare = word.strip(WRAPPING)
    if bare.isascii() and bare.lower() in WORDS:
        return bare + word[-1] if word[-1] in CLOSING else bare
    address = ADDRESS.fullmatch(bare)
    return _hint(*address.groups()) if address else f"<{len(word)} chars>"


def _hint(local: str, domain: str) -> str:
    """As `m***@e***.org(15)`: enough to recognise an address by, for somebody who knows it."""
    suffix = domain.rpartition(".")[2] if "." in domain else ""
    shown = f".{suffix}" if SHORT_SUFFIX.fullmatch(suffix) else ""
    return f"{local[0]}***@{domain[0]}***{shown}({len(local) + 1 + len(domain)})"
