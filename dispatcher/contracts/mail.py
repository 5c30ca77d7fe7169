"""Mail: the submission's parts in the mail field's terms; immutable, strict, parsed once at the door."""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from dispatcher.contracts.address import addr_spec

MAX_NAME: Final = 255
MAX_ADDRESS: Final = 254  # RFC 5321 section 4.5.3.1.3, less the angle brackets
MAX_SUBJECT: Final = 255
MAX_URL: Final = 2048
MAX_CSS_CHARACTERS: Final = 16_384

ShortText = Annotated[str, Meta(max_length=MAX_NAME)]
Url = Annotated[str, Meta(max_length=MAX_URL)]


class Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of everything a caller may send: frozen, and an unknown field is an error."""


class Mailbox(Value, frozen=True):
    """A display name and an addr-spec (RFC 5322 section 3.4)."""

    address: Annotated[str, Meta(max_length=MAX_ADDRESS)]
    name: ShortText = ""


class PageFormat(StrEnum):
    """The representations of Confluence that can be rendered."""

    EXPORT_VIEW = "export_view"
    VIEW = "view"
    STYLED_VIEW = "styled_view"
    STORAGE = "storage"


class Page(Value, frozen=True):
    """The page to mail: its body is HTML, or storage XML."""

    title: ShortText
    body: str
    url: Url
    format: PageFormat = PageFormat.EXPORT_VIEW
    space: ShortText = ""


class Site(Value, frozen=True):
    """The Confluence site; `url` is the base of the page's relative links."""

    url: Url
    name: ShortText = ""


class ImageScaling(StrEnum):
    """How page images are shown (RENDERING.md section 8)."""

    ORIGINAL = "original"
    FIT_WIDTH = "fit_width"
    MAX_SIDE = "max_side"
    THUMBNAIL = "thumbnail"
    LINK = "link"
    NONE = "none"


class ExternalImages(StrEnum):
    """What happens to images that are neither delivered with the job nor on the site."""

    BLOCK = "block"
    KEEP = "keep"
    EMBED = "embed"


class Toc(StrEnum):
    """Where a table of contents points."""

    LINK = "link"
    KEEP = "keep"
    DROP = "drop"


class Locale(StrEnum):
    """The languages of our own words in a mail."""

    EN = "en"
    DE = "de"


class Layout(Value, frozen=True):
    """How the mail looks around the page; `image_max_px` serves `max_side` and `thumbnail`."""

    subject_prefix: Annotated[str, Meta(max_length=100)] = ""
    header_text: Annotated[str, Meta(max_length=1000)] = "Shared by {user_name} from {site_name}"
    button_label: Annotated[str, Meta(max_length=60)] = "Open in Confluence"
    custom_css: Annotated[str, Meta(max_length=MAX_CSS_CHARACTERS)] = ""
    image_scaling: ImageScaling = ImageScaling.FIT_WIDTH
    image_max_px: Annotated[int, Meta(ge=16, le=4000)] = 800
    external_images: ExternalImages = ExternalImages.BLOCK
    locale: Locale = Locale.EN
    toc: Toc = Toc.LINK
    dark_theme: bool = False


class PartRole(StrEnum):
    """What a delivered file is for."""

    IMAGE = "image"
    ATTACHMENT = "attachment"
    LOGO = "logo"


class Part(Value, frozen=True):
    """A file delivered with the job; an image is matched to the page by attachment id, media id or name."""

    id: ShortText
    name: ShortText
    type: Annotated[str, Meta(max_length=127)]
    role: PartRole
    content: bytes


class Tls(StrEnum):
    """How a connection is protected; nothing is opportunistic."""

    IMPLICIT = "implicit"
    STARTTLS = "starttls"
    NONE = "none"


Secret = Annotated[str, Meta(max_length=16_384)]


class SignIn(Value, frozen=True):
    """Base of what signs in; what it is made of is in no traceback."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"


class NoAuth(Value, frozen=True, tag_field="kind", tag="none"):
    """No sign-in."""


class PasswordAuth(SignIn, frozen=True, tag_field="kind", tag="password"):
    """User and password (RFC 4954)."""

    user: ShortText
    password: Secret


class Xoauth2Auth(SignIn, frozen=True, tag_field="kind", tag="xoauth2"):
    """A bearer token in Google's and Microsoft's form."""

    user: ShortText
    token: Secret


class OauthbearerAuth(SignIn, frozen=True, tag_field="kind", tag="oauthbearer"):
    """A bearer token (RFC 7628)."""

    user: ShortText
    token: Secret


class ClientCredentialsAuth(SignIn, frozen=True, tag_field="kind", tag="client_credentials"):
    """A token that the worker fetches itself (RFC 6749 section 4.4)."""

    user: ShortText
    token_url: Url
    client_id: ShortText
    client_secret: Secret
    scope: ShortText = ""


Auth = NoAuth | PasswordAuth | Xoauth2Auth | OauthbearerAuth | ClientCredentialsAuth


class Account(Value, frozen=True):
    """The mail account that transmits; `ca_pem` adds trust anchors for this job alone."""

    host: Annotated[str, Meta(max_length=253)]
    port: Annotated[int, Meta(ge=1, le=65_535)]
    tls: Tls
    auth: Auth = NoAuth()
    ca_pem: Annotated[str, Meta(max_length=65_536)] | None = None
    ehlo_name: Annotated[str, Meta(max_length=253)] | None = None

    @property
    def own_address(self) -> str | None:
        """The address that it signs in with, where its user is one: the sender that no server refuses it."""
        return None if isinstance(self.auth, NoAuth) else addr_spec(self.auth.user)


class Addressing(msgspec.Struct, frozen=True):
    """What the reader sees (RFC 5322 section 3.6); Bcc is not in it."""

    author: Mailbox
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    subject: str


class Envelope(msgspec.Struct, frozen=True):
    """What the server is told (RFC 5321): each distinct address once, with every index of the submission that it stands for."""

    sender: str
    recipients: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def indexes(self) -> frozenset[int]:
        """Every recipient index that this envelope speaks for."""
        return frozenset(index for _, indexes in self.recipients for index in indexes)
