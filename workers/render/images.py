"""Images: pictures of the page as parts of the mail; what was not delivered becomes a link that says so."""

from collections.abc import Iterable
from typing import Final

from dispatcher.contracts.mail import ExternalImages, ImageScaling
from dispatcher.contracts.outcome import Remark
from workers.render.album import Found, file_name
from workers.render.boxes import WIDTHS
from workers.render.draft import Draft
from workers.render.links import page_link, safe_web_url
from workers.render.normalise import without_controls
from workers.render.pictures import Picture
from workers.render.selector import Selector
from workers.render.tree import Element, classes, drop, make, replace
from workers.render.urls import split

IMAGES: Final = Selector("img")
ATTACHMENTS: Final = Selector("a.confluence-embedded-file, .embedded-file-wrapper, span.confluence-embedded-file")
CONTENT_WIDTH: Final = 592
CELL_WIDTH: Final = 280
GUTTER: Final = 16
MAX_DIGITS: Final = 5
HIDDEN_SIDE: Final = 1
ATLASSIAN: Final = (".atlassian.net", ".atlassian.com", ".atl-paas.net")


def images(draft: Draft) -> None:
    """Every `<img>` is shown from the mail's own parts, linked, kept or dropped, as the layout says."""
    for image in draft.find(IMAGES):
        draft.watch.look()
        if image.get("src", "").startswith("cid:"):
            continue
        if draft.layout.image_scaling is ImageScaling.NONE or _is_hidden(image):
            draft.warnings[Remark.IMAGE_DROPPED] += 1
            drop(image)
            continue
        _place(draft, image)
    _keep_to_budget(draft)


def _is_hidden(image: Element) -> bool:
    """Whether nobody would see it: such a picture only counts its readers."""
    sides = (_number(image.get("width")), _number(image.get("height")))
    return None not in sides and max(side or 0 for side in sides) <= HIDDEN_SIDE


def _place(draft: Draft, image: Element) -> None:
    original = image.get("data-image-src", "") or image.get("src", "")
    name = image.get("data-linked-resource-default-alias") or file_name(original)
    found = draft.album.find(image.get("data-linked-resource-id"), image.get("data-media-id"), name, file_name(image.get("src", "")))
    if found and draft.layout.image_scaling is not ImageScaling.LINK:
        _show(draft, image, found, name)
    elif found:
        _link_instead(image, page_link(draft, f"🖼 {label_of(image, name, draft)}"))
    elif _is_external(draft, original):
        _external(draft, image, original, name)
    else:
        draft.warnings[Remark.IMAGE_MISSING] += 1
        _link_instead(image, page_link(draft, f"🖼 {label_of(image, name, draft)}"))


def label_of(image: Element, name: str, draft: Draft) -> str:
    """What stands for a picture that is not shown: its alternative text, its file name, or the word."""
    alternative = image.get("alt", "").strip()
    return alternative or name or draft.words.picture


def _link_instead(image: Element, link: Element) -> None:
    """A link in a link is no HTML: the picture's own link stays, with the label as its text."""
    inside = next(image.iterancestors("a"), None)
    replace(image, link if inside is None else make("span", None, link.text))


def _show(draft: Draft, image: Element, found: Found, name: str) -> None:
    label = label_of(image, name, draft)
    width, height = shown_size(draft, image, found.picture)
    source = draft.album.show(found, width)
    if source is None:
        draft.warnings[Remark.IMAGE_LINKED] += 1
        _link_instead(image, page_link(draft, f"🖼 {label}"))
        return
    attributes = {"class": "bp-image", "src": source, "width": str(width), "height": str(height), "border": "0"}
    shown = make("img", attributes | {"alt": label})
    around = {*classes(image), *(name for parent in image.iterancestors("span", "div", "p") for name in classes(parent))}
    for side in ("left", "right"):
        if f"image-{side}" in classes(image) and f"image-{side}-wrapper" in around:
            shown.set("align", side)
            shown.set("hspace", "12")
    replace(image, shown)
    parent = shown.getparent()
    while parent is not None and parent.tag in {"span", "a"}:
        parent = parent.getparent()
    if parent is not None and "image-center" in classes(image) and parent.tag in {"p", "div"} and _is_alone(parent):
        parent.set("align", "center")
    if draft.layout.image_scaling is ImageScaling.THUMBNAIL and next(shown.iterancestors("a"), None) is None:
        link = make("a", {"class": "bp-link", "href": draft.page_url})
        replace(shown, link)
        link.append(shown)


def _is_alone(parent: Element) -> bool:
    """Whether a picture has a paragraph to itself, with its caption perhaps."""
    return len(parent) == 1 or [child.tag for child in parent] == ["img", "br", "em"]


def _keep_to_budget(draft: Draft) -> None:
    """Where all pictures together are too much for a mail, the largest become links."""
    left_out = draft.album.overflow()
    for image in draft.find(IMAGES) if left_out else ():
        if image.get("src") in left_out:
            draft.warnings[Remark.IMAGE_LINKED] += 1
            _link_instead(image, page_link(draft, f"🖼 {image.get('alt', '')}"))


def shown_size(draft: Draft, image: Element, picture: Picture) -> tuple[int, int]:
    """Width and height in px by the layout's scaling; never larger than the file, and never wider than the place with `fit_width`."""
    scaling = draft.layout.image_scaling
    wanted = _number(image.get("width")) or _number(image.get("data-width")) or picture.width
    limit = float(min(wanted, picture.width))
    if scaling in {ImageScaling.MAX_SIDE, ImageScaling.THUMBNAIL}:
        limit = min(limit, picture.width * draft.layout.image_max_px / max(picture.width, picture.height))
    if scaling is not ImageScaling.ORIGINAL:
        limit = min(limit, _room(image))
    width = max(1, round(limit))
    return width, max(1, round(picture.height * width / picture.width))


def _room(image: Element) -> int:
    for parent in image.iterancestors():
        if parent.tag in {"td", "th"}:
            return CELL_WIDTH
        layout = parent.getparent()
        if layout is not None and "columnLayout" in classes(layout) and len(layout) > 1:
            known = next((WIDTHS[name] for name in classes(layout) if name in WIDTHS), ())
            percent = known[layout.index(parent)] if len(known) == len(layout) else 100 // len(layout)
            return CONTENT_WIDTH * percent // 100 - GUTTER
    return CONTENT_WIDTH


def _is_external(draft: Draft, source: str) -> bool:
    """Whether a picture is on a foreign host; URLs of Atlassian's media hosts hold tokens and count as the site's."""
    if not safe_web_url(source):
        return False
    host = split(source).host
    return host != split(draft.site_url).host and not host.endswith(ATLASSIAN)


def _external(draft: Draft, image: Element, source: str, name: str) -> None:
    policy = draft.layout.external_images
    if policy is ExternalImages.KEEP and source.startswith("https://"):
        draft.warnings[Remark.EXTERNAL_IMAGE_KEPT] += 1
        width = min(_number(image.get("width")) or CONTENT_WIDTH, _room(image))
        attributes = {"class": "bp-image", "src": source, "width": str(width), "border": "0", "alt": label_of(image, name, draft)}
        replace(image, make("img", attributes))
        return
    if policy is ExternalImages.EMBED and (found := draft.album.fetched(source)):
        _show(draft, image, found, name)
        return
    draft.warnings[Remark.EXTERNAL_IMAGE_UNREACHABLE if policy is ExternalImages.EMBED else Remark.EXTERNAL_IMAGE_BLOCKED] += 1
    label = f"🖼 {label_of(image, name, draft)} ({split(source).host})"
    _link_instead(image, make("a", {"class": "bp-link", "href": source}, label))


def external_sources(draft: Draft) -> tuple[str, ...]:
    """The URLs of the foreign pictures of a page, each once, in the order of the page."""
    sources = (image.get("data-image-src", "") or image.get("src", "") for image in draft.find(IMAGES) if not _is_hidden(image))
    return tuple(dict.fromkeys(source for source in sources if source.startswith("https://") and _is_external(draft, source)))


def attachments(draft: Draft) -> None:
    """Files shown on a page: a paper clip and the name."""
    for embedded in draft.find(ATTACHMENTS):
        if next(embedded.iter("img"), None) is not None:
            continue
        name = embedded.get("data-linked-resource-default-alias") or "".join(str(piece) for piece in embedded.itertext()).strip()
        replace(embedded, page_link(draft, f"📎 {name or draft.words.file}"))


def link_attachments(draft: Draft, names: Iterable[str]) -> None:
    """Attachments that the mail has no room for, before the page: its end may be cut."""
    for place, name in enumerate(names):
        draft.warnings[Remark.ATTACHMENT_LINKED] += 1
        draft.page.insert(place, make("p", None, None, [page_link(draft, f"📎 {without_controls(name)}")]))


def _number(text: str | None) -> int | None:
    digits = (text or "").strip().removesuffix("px").partition(".")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= MAX_DIGITS else None
