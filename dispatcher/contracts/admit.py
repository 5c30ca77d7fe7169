"""Admit: which well-formed submissions we take. Each rule yields pointers and codes; the caller gets them all at once."""

import re
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from dispatcher.contracts import accounts, webhook
from dispatcher.contracts.accounts import Complaint
from dispatcher.contracts.address import CONTROL, addr_spec, host_name
from dispatcher.contracts.errors import Invalid
from dispatcher.contracts.job import Overflow, Submission, full_subject
from dispatcher.contracts.mail import MAX_SUBJECT, Account, Mailbox, PartRole
from dispatcher.contracts.questions import AccountCheck, Verify
from dispatcher.contracts.reader_key import can_be_sealed_to
from dispatcher.contracts.shared_settings import SharedSettings

FORBIDDEN_SUFFIXES: Final = frozenset(
    """
    .ade .adp .apk .appx .appxbundle .bat .cab .chm .cmd .com .cpl .diagcab .diagcfg .diagpkg .dll .dmg .ex .ex_ .exe .hta .img .ins
    .iso .isp .jar .jnlp .js .jse .lib .lnk .mde .mjs .msc .msi .msix .msixbundle .msp .mst .nsh .pif .ps1 .scr .sct .shb .sys .vb .vbe
    .vbs .vhd .vxd .wsc .wsf .wsh .xll
    """.split()
)
PROGRAMS: Final = (b"\x7fELF", b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
MAX_CSS_BYTES: Final = 16_384
MOST_COMPLAINTS: Final = 100
WEB: Final = re.compile(  # not urlsplit, which keeps what it has parsed
    r"https?://(?:[^/?# @]*@)?(?:\[[0-9a-f:.]+\]|[^/?# @:\[\]]+)(?::\d*)?(?:[/?#][^ ]*)?", re.IGNORECASE
)
MEDIA_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,62}")


def admit(posted: Submission, settings: SharedSettings) -> Submission:
    """The submission with its addresses and host in canonical form; raises Invalid with everything that is wrong."""
    if len(posted.recipients) > settings.max_recipients:
        raise Invalid.because(("", "too_many_recipients"))  # and no time is spent on them
    complaints = [complaint for rule in RULES for complaint in rule(posted, settings)]
    if complaints:
        raise Invalid.because(*complaints[:MOST_COMPLAINTS])
    return canonical(posted)


def admit_check(check: AccountCheck, settings: SharedSettings) -> Verify:
    """The account and sender to verify, in canonical form; raises Invalid with everything that is wrong."""
    complaints = list(accounts.complaints(check.account, settings))
    sender = addr_spec(check.author.address) if check.author else None
    if check.author and sender is None:
        complaints.append(("/from/address", "address_invalid"))
    if check.author and CONTROL.search(check.author.name):
        complaints.append(("/from/name", "header_invalid"))
    if complaints:
        raise Invalid.because(*complaints)
    return Verify(canonical_account(check.account), sender)


def canonical(posted: Submission) -> Submission:
    """Every address and the host as they will stand on the wire; for a submission that passed the rules."""
    return msgspec.structs.replace(
        posted,
        account=canonical_account(posted.account),
        author=_canonical(posted.author),
        user=_canonical(posted.user) if posted.user else None,
        reply_to=tuple(map(_canonical, posted.reply_to)),
        to=tuple(map(_canonical, posted.to)),
        cc=tuple(map(_canonical, posted.cc)),
        bcc=tuple(map(_canonical, posted.bcc)),
    )


def canonical_account(account: Account | Literal["default"]) -> Account | Literal["default"]:
    """With its host names as they will stand on the wire."""
    if not isinstance(account, Account):
        return account
    ehlo_name = host_name(account.ehlo_name) if account.ehlo_name else None
    return msgspec.structs.replace(account, host=host_name(account.host) or account.host, ehlo_name=ehlo_name)


def _canonical(mailbox: Mailbox) -> Mailbox:
    return Mailbox(name=mailbox.name, address=addr_spec(mailbox.address) or mailbox.address)


def _mailboxes(posted: Submission) -> Iterator[tuple[str, Mailbox]]:
    yield "/from", posted.author
    if posted.user:
        yield "/user", posted.user
    for name in ("reply_to", "to", "cc", "bcc"):
        for index, mailbox in enumerate(getattr(posted, name)):
            yield f"/{name}/{index}", mailbox


def _addresses(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    for pointer, mailbox in _mailboxes(posted):
        if addr_spec(mailbox.address) is None:
            yield f"{pointer}/address", "address_invalid"


def _headers(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    for pointer, mailbox in _mailboxes(posted):
        if CONTROL.search(mailbox.name):
            yield f"{pointer}/name", "header_invalid"
    if CONTROL.search(posted.layout.subject_prefix):
        yield "/layout/subject_prefix", "header_invalid"
    if CONTROL.search(posted.subject):
        yield "/subject", "header_invalid"
    if len(full_subject(posted)) > MAX_SUBJECT:
        yield "/subject", "too_long"
    for index, part in enumerate(posted.parts):
        if CONTROL.search(part.name):
            yield f"/parts/{index}/name", "header_invalid"
        if not MEDIA_TYPE.fullmatch(part.type):
            yield f"/parts/{index}/type", "header_invalid"


def _policy(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    allowed = [_domain_rule(rule) for rule in posted.policy.allowed_domains]
    for index, rule in enumerate(allowed):
        if rule is None:
            yield f"/policy/allowed_domains/{index}", "not_allowed"
    for pointer, mailbox in _mailboxes(posted):
        address = addr_spec(mailbox.address)
        if allowed and address and pointer.startswith(("/to", "/cc", "/bcc", "/reply_to")) and not _allowed(address, allowed):
            yield f"{pointer}/address", "recipient_domain_blocked"


def _domain_rule(text: str) -> str | None:
    """`example.org` for the domain, `.example.org` for what is under it; None when it is neither."""
    wildcard = text.startswith("*.")
    name = host_name(text[2:] if wildcard else text)
    return name and (f".{name}" if wildcard else name)


def _allowed(address: str, rules: list[str | None]) -> bool:
    domain = address.rpartition("@")[2]
    return any(domain == rule or (rule.startswith(".") and domain.endswith(rule)) for rule in rules if rule)


def _account(posted: Submission, settings: SharedSettings) -> Iterator[Complaint]:
    yield from accounts.complaints(posted.account, settings)


def _urls(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    for pointer, url in (("/page/url", posted.page.url), ("/site/url", posted.site.url)):
        if not _web(url):
            yield pointer, "not_allowed"


def _callback(posted: Submission, settings: SharedSettings) -> Iterator[Complaint]:
    if posted.callback:
        yield from webhook.complaints(posted.callback, settings)


def _receipt_key(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    if posted.receipt_key is not None and not can_be_sealed_to(posted.receipt_key):
        yield "/receipt_key", "not_allowed"


def _web(url: str) -> bool:
    return WEB.fullmatch(url) is not None and CONTROL.search(url) is None


def _parts(posted: Submission, settings: SharedSettings) -> Iterator[Complaint]:
    for index, part in enumerate(posted.parts):
        if part.role is PartRole.ATTACHMENT and (_suffix(part.name) in FORBIDDEN_SUFFIXES or _is_program(part.content)):
            yield f"/parts/{index}/name", "attachment_forbidden"
    if posted.overflow is Overflow.FAIL and sum(len(part.content) for part in posted.parts) > settings.max_message_bytes:
        yield "/parts", "too_long"


def _is_program(content: bytes) -> bool:
    """Whatever it is called: of Windows, Linux, macOS or Java."""
    return content.startswith(PROGRAMS) or (content.startswith(b"MZ") and b"\0" in content[:64])


def _suffix(name: str) -> str:
    """As the recipient's system will see it: blanks and dots at the end do not hide it, and it may be the whole name."""
    return "".join(re.sub(r"[\s.]+$", "", name).lower().rpartition(".")[1:]) if "." in name else ""


def _ttl(posted: Submission, settings: SharedSettings) -> Iterator[Complaint]:
    if posted.ttl_seconds > settings.max_ttl_seconds:
        yield "/ttl_seconds", "not_allowed"


def _css(posted: Submission, _: SharedSettings) -> Iterator[Complaint]:
    if len(posted.layout.custom_css.encode()) > MAX_CSS_BYTES:
        yield "/layout/custom_css", "too_long"
    if "<" in posted.layout.custom_css or "\0" in posted.layout.custom_css:
        yield "/layout/custom_css", "css_invalid"


RULES: Final[tuple[Callable[[Submission, SharedSettings], Iterator[Complaint]], ...]] = (
    _addresses, _headers, _policy, _account, _urls, _callback, _receipt_key, _parts, _ttl, _css,
)  # fmt: skip
