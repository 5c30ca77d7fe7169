"""Advice: for each failure class, one sentence that tells the admin of a Confluence site what to do."""

from typing import Final

from dispatcher.contracts.outcome import FailureClass as F

ADVICE: Final[dict[F, str]] = {
    F.DNS_NOT_FOUND: "The mail server's name does not exist. Check the host name of the mail account.",
    F.DNS_TEMPORARY: "The mail server's name could not be looked up just now. It is tried again by itself.",
    F.HOST_FORBIDDEN: "This mail server or port is not allowed. Use port 465 or 587; the operator may allow a server in a private network.",
    F.CONNECT_REFUSED: "The mail server refused the connection. Check host and port, and whether the server is running.",
    F.CONNECT_TIMEOUT: "The mail server did not answer. Check host and port, and whether a firewall is in the way.",
    F.CONNECT_UNREACHABLE: "There is no network path to the mail server. Check its address with its administrator.",
    F.BANNER_TIMEOUT: "The mail server took the connection but did not greet, in clear or by TLS. Check host and port.",
    F.SERVER_BUSY: "The mail server is busy. It is tried again by itself.",
    F.SERVER_REFUSED: "The mail server does not want to talk to us. Ask its administrator whether our address is blocked.",
    F.PROTOCOL_ERROR: "What answered does not speak SMTP as it should. Check host and port.",
    F.TLS_NOT_OFFERED: "The mail server offers no STARTTLS on this port. Use port 465 with implicit TLS, or ask its administrator.",
    F.TLS_MODE_MISMATCH: "Port and TLS mode do not belong together. Use implicit TLS on 465, STARTTLS on 587.",
    F.TLS_REFUSED: "The mail server could not start TLS just now. It is tried again by itself.",
    F.TLS_HANDSHAKE: "The encrypted connection could not be set up. Ask the server's administrator for TLS 1.2 or newer.",
    F.TLS_CERT_UNTRUSTED: "The server's certificate is not from a known authority. Add the authority's certificate to the mail account.",
    F.TLS_CERT_EXPIRED: "The mail server's certificate has expired. Ask its administrator to renew it.",
    F.TLS_CERT_HOSTNAME: "The mail server's certificate is for another name. Use the name that stands in the certificate as the host.",
    F.AUTH_UNAVAILABLE: "The mail server offers no sign-in here. Check port and TLS mode, or use an account without sign-in.",
    F.AUTH_MECHANISM: "The mail server offers no way of signing in that this account can use.",
    F.AUTH_REJECTED: "The mail server refused user or password, or the provider the client. Type them anew in the mail account.",
    F.AUTH_APP_PASSWORD: "The provider wants an app password for this account. Make one there and use it in place of the password.",
    F.AUTH_DISABLED: "The provider has switched off sign-in by password. Use OAuth (client_credentials or xoauth2) for this mail account.",
    F.AUTH_REQUIRED: "The mail server wants a sign-in. Add user and password to the mail account.",
    F.AUTH_TEMPORARY: "The mail server could not check the sign-in just now. It is tried again by itself.",
    F.SENDER_REFUSED: "The mail server does not let this account send from this address. Use the account's own address as sender.",
    F.SENDER_TEMPORARY: "The mail server does not take this sender just now. It is tried again by itself.",
    F.RECIPIENT_UNKNOWN: "The server does not know this mailbox. Check the address at this place in the list.",
    F.RECIPIENT_REFUSED: "The server does not take mail for this recipient. Ask the recipient's administrator.",
    F.MAILBOX_FULL: "The recipient's mailbox is full. Try again when there is room.",
    F.GREYLISTED: "The server takes mail from newcomers only at the second try. It is tried again by itself.",
    F.RECIPIENT_TEMPORARY: "The server does not take mail for this recipient just now. It is tried again by itself.",
    F.TOO_MANY_RECIPIENTS: "The server takes fewer recipients at once than were named. They are tried again by themselves.",
    F.RATE_LIMITED: "The provider limits how much this account may send at a time. It is tried again more slowly.",
    F.QUOTA_EXCEEDED: "The account has sent as much as its provider allows. Wait until tomorrow, or ask for a higher quota.",
    F.MESSAGE_TOO_LARGE: "The mail is larger than the server takes. Send fewer or smaller attachments.",
    F.CONTENT_REJECTED: "The server refused the content of the mail. Ask its administrator about its spam and virus rules.",
    F.MESSAGE_TEMPORARY: "The server could not take the mail just now. It is tried again by itself.",
    F.CONNECTION_LOST: "The connection broke before the mail was handed over. It is tried again by itself.",
    F.TIMEOUT: "The mail server became too slow before the mail was handed over. It is tried again by itself.",
    F.OUTCOME_UNKNOWN: "Contact was lost after the mail was handed over and before a yes. Ask a recipient before you send it again.",
    F.SMTPUTF8_UNSUPPORTED: "The mail server cannot send to addresses with letters outside ASCII.",
    F.ADDRESS_INVALID: "An address cannot be used in mail. Check the addresses.",
    F.HEADER_INVALID: "Subject or names hold something that cannot stand in a mail's header.",
    F.RENDER_FAILED: "The page is too large or too deeply nested to be made into a mail. Send a shorter page, or a link to it.",
    F.RENDER_TIMEOUT: "The page took too long to be made into a mail. Send a shorter page, or a link to it.",
    F.SUBMISSION_INVALID: "What was submitted is not valid, or this service has no account of its own. Tell the operator.",
    F.SOURCE_FORBIDDEN: "The site did not allow the page to be read. Check the app's rights.",
    F.SOURCE_UNAVAILABLE: "The site did not give the page just now. It is tried again by itself.",
    F.PAYLOAD_EXPIRED: "The job's time was over before it could be sent.",
    F.PAYLOAD_UNDECRYPTABLE: "The sealed job does not open: its key is gone. Submit it again, and tell the operator.",
    F.INTERNAL_ERROR: "Something went wrong inside this service. Tell the operator; the report names no one.",
    F.WORKER_LOST: "A worker stopped in the middle of the job. It is tried again by itself.",
}


def advice_on(name: str) -> str:
    """Of a class by its name, also where a newer release has counted one that this one does not know."""
    known = {str(failure_class): advice for failure_class, advice in ADVICE.items()}
    return known.get(name, "This release does not know this class of failure; the documents of a newer one do.")


def advice_now(failure_class: F) -> str:
    """For whoever tries an account, without a job that would be tried again by itself."""
    first, _, rest = ADVICE[failure_class].partition(" It is tried again")
    return f"{first} Try again in a minute." if rest else first
