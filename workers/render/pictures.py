"""Pictures: files of five formats, read by their first octets, and made no larger than a mail shows them. Nothing of their makers stays."""

import io
import threading
from collections.abc import Iterator
from typing import Final

import msgspec
from PIL import Image, ImageChops, ImageCms

from workers.render.limits import RenderLimits
from workers.render.metadata import bare

FORMATS: Final = ("PNG", "JPEG", "GIF", "WEBP", "AVIF")
TYPES: Final = {form: f"image/{form.lower()}" for form in FORMATS} | {"MPO": "image/jpeg"}  # a JPEG file with further pictures behind it
MAILED: Final = frozenset({"image/png", "image/jpeg", "image/gif"})  # the others: not in Outlook on Windows
PASSED_BYTES: Final = 300_000
DENSITY: Final = 2  # pixels of a file for one that is shown, for fine screens
ORIENTATION: Final = 0x0112
ON_ITS_SIDE: Final = frozenset({5, 6, 7, 8})
UPRIGHT: Final = dict(zip(range(2, 9), map(Image.Transpose, (0, 3, 1, 5, 4, 6, 2)), strict=True))  # by orientation (Exif 2.32, table 4)
JPEG_QUALITIES: Final = (85, 70)
PALETTE: Final = 256
RESIZABLE: Final = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})

DECODER: Final = threading.Lock()  # one at a time: forty million pixels take 180 MB, 370 with holes, and 620 in a WebP file
Image.MAX_IMAGE_PIXELS = None  # ours is asked before anything is decoded


class Picture(msgspec.Struct, frozen=True):
    """What a file's header says; sizes are in pixels, the way up that it is shown."""

    type: str
    width: int
    height: int
    turned: bool = False
    animated: bool = False


def picture_of(content: bytes) -> Picture | None:
    """The format and size by magic octets; None for anything else, such as the HTML of a login page. Nothing is decoded."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            orientation = _orientation(image)
            width, height = image.size[::-1] if orientation in ON_ITS_SIDE else image.size
            animated = bool(getattr(image, "is_animated", False))
            return Picture(TYPES[str(image.format)], width, height, orientation != 1, animated)
    except Exception:  # noqa: BLE001 -- decoders raise what they like at a broken file
        return None


def fitted(content: bytes, picture: Picture, shown_width: int, limits: RenderLimits) -> tuple[str, bytes] | None:
    """Type and octets of the file as it is mailed; None when it is too large to be decoded or mailed, or broken."""
    if picture.width * picture.height > limits.picture_pixels or len(content) > limits.picture_input_bytes:
        return None
    width = min(picture.width, DENSITY * shown_width)
    if _passes(content, picture, width, limits) and (passed := bare(picture.type, content)) is not None:
        return picture.type, passed
    try:
        with DECODER:
            return next((made for made in _attempts(content, picture, width) if len(made[1]) <= limits.picture_bytes), None)
    except Exception:  # noqa: BLE001 -- decoders raise what they like at a broken file
        return None


def _passes(content: bytes, picture: Picture, width: int, limits: RenderLimits) -> bool:
    """Whether the file can go as it is: an animation would lose its movement, and may be larger."""
    if picture.type not in MAILED or picture.turned:
        return False
    if picture.animated and picture.type == "image/gif":
        return len(content) <= limits.picture_bytes
    return picture.width <= width and len(content) <= min(PASSED_BYTES, limits.picture_bytes)


def _attempts(content: bytes, picture: Picture, width: int) -> Iterator[tuple[str, bytes]]:
    """At full density, then in poorer quality, then at half the density: each smaller than the one before."""
    for size in dict.fromkeys((width, max(1, width // DENSITY))):
        image = _decoded(content, picture, size)
        yield from _encoded(image, photo=picture.type == "image/jpeg")


def _decoded(content: bytes, picture: Picture, width: int) -> Image.Image:
    """The first frame in sRGB, upright, so wide; the decoder skips what a smaller picture does not need."""
    height = max(1, round(picture.height * width / picture.width))
    with Image.open(io.BytesIO(content), formats=FORMATS) as file:
        orientation = _orientation(file)
        size = (height, width) if orientation in ON_ITS_SIDE else (width, height)
        file.draft("RGB", (DENSITY * size[0], DENSITY * size[1]))
        image = _in_srgb(_resizable(file).resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image


def _orientation(file: Image.Image) -> int:
    """What the header says; `getexif` alone would decode a PNG file to look behind its pixels."""
    return int(file.getexif().get(ORIENTATION, 1)) if "exif" in file.info else 1


def _resizable(file: Image.Image) -> Image.Image:
    """In full colours, each with its own opacity; most files are, and a copy would cost as much memory again."""
    if file.mode.startswith("I"):  # 16 bits of grey, which a plain conversion would cut off at the lowest 8
        return file.convert("I").point(lambda level: level * (1 / 256)).convert("L")
    if "transparency" in file.info:
        return file.convert("RGBA")
    return file if file.mode in RESIZABLE else file.convert("RGB")


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if not profile or image.mode not in {"RGB", "CMYK"}:
        return image.convert("RGB")
    own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, own, srgb, outputMode="RGB") or image.convert("RGB")


def _encoded(image: Image.Image, *, photo: bool) -> Iterator[tuple[str, bytes]]:
    """As PNG where it is drawn or has holes, in colours of its own where there are few; else as JPEG."""
    if not photo:
        yield "image/png", _written(_with_few_colours(image), "PNG", compress_level=6)
    if image.mode == "RGBA":
        yield "image/png", _written(image.quantize(PALETTE, Image.Quantize.FASTOCTREE), "PNG", compress_level=6)
        return
    for quality in JPEG_QUALITIES:
        yield "image/jpeg", _written(image, "JPEG", quality=quality, progressive=True)


def _with_few_colours(image: Image.Image) -> Image.Image:
    """With a palette or in grey, where that keeps every colour as it is."""
    if image.getcolors(PALETTE) is None:
        return image
    drawn = image.quantize(PALETTE, Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT)
    grey = image.convert("LA" if image.mode == "RGBA" else "L")
    return next((smaller for smaller in (drawn, grey) if _is_same(smaller, image)), image)


def _is_same(smaller: Image.Image, image: Image.Image) -> bool:
    return ImageChops.difference(image, smaller.convert(image.mode)).getbbox(alpha_only=False) is None


def _written(image: Image.Image, form: str, **options: int) -> bytes:
    image.info = {}
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()
