"""Pictures: what is read of a file, and what becomes of it before it is mailed."""

import io
import struct
import zlib
from typing import Final

import pytest
from PIL import Image, ImageSequence, PngImagePlugin

from workers.render.limits import RenderLimits
from workers.render.pictures import Picture, fitted, picture_of

LIMITS: Final = RenderLimits()
RED, BLUE = (200, 0, 0), (0, 0, 200)
GPS: Final = 0x8825


def file(image: Image.Image, form: str, **options: object) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **options)
    return written.getvalue()


def drawn(size: tuple[int, int] = (400, 200), mode: str = "RGB") -> Image.Image:
    """Red, and blue in the left half of the upper half."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, 0, size[0] // 2, size[1] // 2))
    return image.convert(mode)


def photo(width: int, height: int) -> Image.Image:
    return Image.effect_noise((width, height), 80).convert("RGB")


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def opened(made: tuple[str, bytes] | None) -> Image.Image:
    assert made is not None
    return Image.open(io.BytesIO(made[1]))


def made_of(content: bytes, shown_width: int = 592, limits: RenderLimits = LIMITS) -> tuple[str, bytes] | None:
    picture = picture_of(content)
    assert picture is not None
    return fitted(content, picture, shown_width, limits)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_a_file_is_what_its_first_octets_say(form: str) -> None:
    assert picture_of(file(drawn(), form)) == Picture(f"image/{form.lower()}", 400, 200)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>Log in</title>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff\xe0",
        b"BM" * 50,
    ],
)
def test_whatever_else_is_no_picture(content: bytes) -> None:
    assert picture_of(content) is None


def test_a_file_that_fits_keeps_its_pixels() -> None:
    content = file(drawn(), "PNG")
    assert made_of(content) == ("image/png", content)


@pytest.mark.parametrize(("form", "width"), [("PNG", 400), ("JPEG", 400), ("GIF", 400), ("WEBP", 400)])
def test_a_large_file_has_two_pixels_for_one_that_is_shown(form: str, width: int) -> None:
    assert opened(made_of(file(drawn((2000, 1000)), form), 200)).size == (width, 200)


def test_nothing_is_made_larger() -> None:
    assert opened(made_of(file(drawn((40, 20)), "WEBP"), 592)).size == (40, 20)


@pytest.mark.parametrize("form", ["WEBP", "AVIF"])
@pytest.mark.parametrize(("mode", "kind"), [("RGB", "image/png"), ("RGBA", "image/png")])
def test_what_outlook_cannot_show_is_converted(form: str, mode: str, kind: str) -> None:
    made = made_of(file(drawn(mode=mode), form, lossless=True) if form == "WEBP" else file(drawn(mode=mode), form))
    assert made is not None
    assert (made[0], opened(made).size) == (kind, (400, 200))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_and_tells_no_place(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[GPS] = orientation, {1: "N", 2: (50.0, 3.0, 1.0)}
    turns = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # how the camera held it
    turn = turns[orientation]
    held = drawn((400, 200)) if turn is None else drawn((400, 200)).transpose(Image.Transpose(turn))
    content = file(held, "JPEG", exif=exif, quality=95)
    picture, made = picture_of(content), made_of(content)
    shown = opened(made).convert("RGB")
    red_at = [shown.getpixel((x, y))[0] > 100 for x, y in ((50, 50), (350, 50), (50, 150), (350, 150))]
    assert ((picture.width, picture.height) if picture else None, shown.size, red_at) == ((400, 200), (400, 200), [False, True, True, True])
    assert (dict(opened(made).getexif()), b"Exif" in (made or ("", b""))[1]) == ({}, False)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_words_in_a_file_are_gone_though_its_pixels_stay(form: str) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "Ann Smith")
    options = {"pnginfo": text} if form == "PNG" else {"comment": b"Ann Smith", "xmp": b"<x:xmpmeta>Ann Smith</x:xmpmeta>"}
    content = file(drawn(), form, **options)
    made = made_of(content)
    assert (b"Ann Smith" in content, b"Ann Smith" in (made or ("", b""))[1]) == (True, False)
    assert opened(made).tobytes() == Image.open(io.BytesIO(content)).tobytes()


def test_words_in_an_animation_are_gone_though_it_moves_as_before() -> None:
    frames = [Image.new("RGB", (60, 30), (shade, 0, 0)) for shade in range(0, 250, 50)]
    content = file(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0, duration=70, comment=b"Ann Smith")
    made = made_of(content + b"Ann Smith")
    with Image.open(io.BytesIO(content)) as before, opened(made) as after:
        facts = [
            (one.info["loop"], [(frame.info["duration"], frame.convert("RGB").tobytes()) for frame in ImageSequence.Iterator(one)])
            for one in (before, after)
        ]
    assert (facts[0], b"Ann Smith" in (made or ("", b""))[1]) == (facts[1], False)


@pytest.mark.parametrize("progressive", [False, True])
def test_nothing_stays_behind_the_end_of_a_photo(progressive: bool) -> None:  # noqa: FBT001 -- pytest names it
    content = file(photo(300, 200), "JPEG", progressive=progressive)
    assert made_of(content + b"a film, and where it was made") == ("image/jpeg", content)


def test_of_a_photo_with_further_ones_the_first_is_mailed() -> None:
    content = file(drawn(), "MPO", save_all=True, append_images=[drawn().rotate(180)])
    made = made_of(content)
    assert picture_of(content) == Picture("image/jpeg", 400, 200, animated=True)
    assert (made[0] if made else None, opened(made).format, opened(made).size) == ("image/jpeg", "JPEG", (400, 200))


def test_an_animation_stays_one_unless_it_is_too_large() -> None:
    frames = [Image.new("RGB", (600, 300), (shade, 0, 0)) for shade in range(0, 250, 50)]
    content = file(frames[0], "GIF", save_all=True, append_images=frames[1:], loop=0)
    assert made_of(content, 100) == ("image/gif", content)
    still = made_of(content, 100, RenderLimits(picture_bytes=1000))
    assert (still[0] if still else None, opened(still).size) == ("image/png", (200, 100))


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 6, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"would not be decoded")
    assert (picture_of(content), made_of(content)) == (Picture("image/png", 30_000, 30_000), None)


def test_words_that_unpack_to_gigabytes_are_not_unpacked() -> None:
    packed = b"Comment\0\0" + zlib.compress(bytes(80_000_000))
    content = file(drawn(), "PNG")
    at = content.index(b"IDAT") - 4
    assert picture_of(content[:at] + chunk(b"zTXt", packed) + content[at:]) is None


def test_a_file_over_the_limit_is_not_decoded() -> None:
    content = file(drawn(), "WEBP")
    assert made_of(content, limits=RenderLimits(picture_input_bytes=len(content) - 1)) is None


def test_half_a_file_is_no_picture_that_can_be_mailed() -> None:
    content = file(photo(1500, 1000), "JPEG")
    assert made_of(content[: len(content) // 2], 200) is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "AVIF"])
def test_a_file_that_is_damaged_anywhere_raises_nothing(form: str) -> None:
    content = file(photo(24, 16), form)
    for place in range(len(content)):
        damaged = content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]
        picture = picture_of(damaged)
        made = fitted(damaged, picture, 6, LIMITS) if picture else None
        assert made is None or made[0] in {"image/png", "image/jpeg", "image/gif"}


def test_what_is_too_large_loses_quality_then_pixels_and_then_its_place() -> None:
    content = file(photo(1600, 800), "PNG")
    made = [made_of(content, 592, RenderLimits(picture_bytes=size)) for size in (800_000, 300_000, 200_000, 60_000)]
    assert [(one[0], opened(one).width) for one in made if one] == [
        ("image/png", 1184),
        ("image/jpeg", 1184),
        ("image/png", 592),
        ("image/jpeg", 592),
    ]
    assert made_of(content, 592, RenderLimits(picture_bytes=5_000)) is None


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_shades_stay_as_many_as_they_are(mode: str) -> None:
    shades = Image.linear_gradient("L")
    image = Image.merge(mode, [shades, shades.rotate(90), shades, shades][: len(mode)]) if len(mode) > 2 else shades.convert(mode)
    assert opened(made_of(file(image, "WEBP", lossless=True, exact=True))).convert("RGBA").tobytes() == image.convert("RGBA").tobytes()


def test_of_sixteen_bits_of_grey_the_upper_eight_are_shown() -> None:
    image = Image.new("I;16", (900, 300), 30_000)
    assert opened(made_of(file(image, "PNG"), 100)).convert("L").getpixel((0, 0)) == 30_000 // 256


@pytest.mark.parametrize(("mode", "form"), [("CMYK", "JPEG"), ("L", "JPEG"), ("1", "PNG"), ("P", "PNG"), ("LA", "PNG"), ("I;16", "PNG")])
def test_whatever_colours_a_file_has_it_can_be_made_smaller(mode: str, form: str) -> None:
    image = Image.new("I;16", (900, 300), 30_000) if mode == "I;16" else drawn((900, 300)).convert(mode)
    assert opened(made_of(file(image, form), 100)).size == (200, 67)
