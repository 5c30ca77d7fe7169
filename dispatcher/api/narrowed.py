"""Narrowed: what the types of a submission do not say of it, and JSON Schema can: the rules of `admit`, and this deployment's limits.

A format is a promise of what is taken, and no more: addresses, hosts and URLs are judged by rules that no pattern can state.
"""

from typing import Any, Final

from dispatcher.contracts.admit import MEDIA_TYPE
from dispatcher.contracts.api_settings import ApiSettings
from dispatcher.contracts.mail import MAX_SUBJECT

Schemas = dict[str, dict[str, Any]]
CONTROL: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
ONE_LINE: Final = {"pattern": f"^[^{CONTROL}]*$"}
WEB_URL: Final = {"format": "web-url", "description": "Of http or https."}
HTTPS_URL: Final = {"format": "https-url", "description": "Of https."}
HOST: Final = {"format": "idn-hostname", "minLength": 1}
QUAD: Final = "[A-Za-z0-9+/]{4}"
KEY_OF_24_TO_64_BYTES: Final = (
    f"^whsec_(?:(?:{QUAD}){{8,21}}|(?:{QUAD}){{8,20}}[A-Za-z0-9+/]{{3}}=|(?:{QUAD}){{8,21}}[A-Za-z0-9+/]{{2}}==)$"
)
FIELDS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("Account", "ehlo_name"): HOST,
    ("Account", "host"): HOST,
    ("Callback", "secret"): {"pattern": KEY_OF_24_TO_64_BYTES},
    ("Callback", "url"): HTTPS_URL,
    ("ClientCredentialsAuth", "token_url"): HTTPS_URL,
    ("Layout", "custom_css"): {"pattern": r"^[^<\u0000]*$"},
    ("Layout", "subject_prefix"): ONE_LINE,
    ("Mailbox", "address"): {"format": "idn-email", "minLength": 5},
    ("Mailbox", "name"): ONE_LINE,
    ("NewDebugSession", "public_key"): {"format": "x25519-key", "description": "32 bytes in base64."},
    ("NewPause", "reason"): {"format": "printable"},
    ("NewPause", "scope"): {"format": "pause-scope", "description": "`all`, `lane:...`, `destination:...` or `tenant:...`."},
    ("Page", "url"): WEB_URL,
    ("Part", "content"): {"pattern": f"^(?:{QUAD})*(?:[A-Za-z0-9+/]{{2}}==|[A-Za-z0-9+/]{{3}}=)?$"},
    ("Part", "name"): ONE_LINE,
    ("Part", "type"): {"pattern": f"^{MEDIA_TYPE.pattern}$"},
    ("Policy", "allowed_domains"): {"format": "domain-rule", "description": "`example.org`, or `*.example.com` for what is under it."},
    ("Site", "url"): WEB_URL,
    ("Submission", "receipt_key"): {"format": "x25519-key", "description": "32 bytes in base64."},
    ("Submission", "subject"): ONE_LINE | {"maxLength": MAX_SUBJECT, "description": "With its prefix."},
}


def narrow(schemas: Schemas, settings: ApiSettings) -> None:
    """Adds them where they belong."""
    for (name, field), rule in FIELDS.items():
        if name in schemas:
            _innermost(schemas[name]["properties"][field]).update(rule)
    if "Account" in schemas and not settings.allow_plaintext:
        schemas["Tls"]["enum"].remove("none")
    for name in {"Submission", "AccountCheck"} & set(schemas):
        if settings.default_from is None:
            schemas[name]["properties"]["account"] = {"$ref": "#/components/schemas/Account"}
    if "NewDebugSession" in schemas:
        schemas["NewDebugSession"]["properties"]["ttl_seconds"]["maximum"] = settings.debug_seconds
    if "Submission" in schemas:
        _narrow_submission(schemas["Submission"]["properties"], settings)


def _narrow_submission(posted: dict[str, dict[str, Any]], settings: ApiSettings) -> None:
    posted["ttl_seconds"]["maximum"] = settings.max_ttl_seconds
    for field in ("to", "cc", "bcc"):
        posted[field] |= {"maxItems": settings.max_recipients, "description": "No more in to, cc and bcc together."}


def _innermost(schema: dict[str, Any]) -> dict[str, Any]:
    """Of a value that may be null, or of a list, the schema of the value itself."""
    if "anyOf" in schema:
        return _innermost(schema["anyOf"][0])
    return _innermost(schema["items"]) if "items" in schema else schema
