import struct
import zlib
from collections.abc import Callable

import pytest

from dispatcher.contracts.mail import Part, PartRole
from tests.workers.render.conftest import submission_of
from workers.render.page import Renderer
from workers.render.rendering import Rendering, Warning  # noqa: A004 -- the word of the API

PAGE = "https://acme.example/wiki/spaces/DEV/pages/42/Notes"
IMAGE = '<img class="confluence-embedded-image" src="/wiki/download/thumbnails/42/plan.png?width=9" data-linked-resource-id="77" {}>'


def png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(height)))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


def png_width(content: bytes) -> int:
    return int.from_bytes(content[16:20])


def part(identity: str = "att77", name: str = "plan.png", content: bytes = png(800, 400)) -> Part:
    return Part(id=identity, name=name, type="image/png", role=PartRole.IMAGE, content=content)


@pytest.mark.parametrize("one", [part(), part(identity="x"), part(identity="9b2", name="y.png")], ids=["attachment id", "name", "media id"])
def test_a_delivered_picture_is_part_of_the_mail(ruled: Callable[..., str], one: Part) -> None:
    shown = '<img class="bp-image" src="cid:TOKEN@beampost" width="592" height="296" border="0" alt="plan.png">'
    assert ruled(f"<p>{IMAGE.format('data-media-id=9b2')}</p>", one) == f"<p>{shown}</p>"


def test_a_picture_shown_twice_is_one_part(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered(IMAGE.format("") * 2, part())
    assert [(image.name, image.type) for image in rendering.images] == [("plan.png", "image/png")]
    assert rendering.html.count(f"cid:{rendering.images[0].content_id}") == 2


def test_a_picture_shown_in_two_widths_is_one_part_where_both_show_the_same_file(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered("".join(IMAGE.format(f"width={width}") for width in (590, 500, 200)), part())
    assert [png_width(image.content) for image in rendering.images] == [800, 400]


def test_a_picture_that_is_not_on_the_page_is_not_mailed(rendered: Callable[..., Rendering]) -> None:
    assert rendered("<p>a</p>", part()).images == ()


@pytest.mark.parametrize("parts", [(), (part(content=b"<!DOCTYPE html><title>Log in</title>"),)], ids=["missing", "login page"])
def test_a_missing_picture_is_a_link_and_a_warning(rendered: Callable[..., Rendering], parts: tuple[Part, ...]) -> None:
    rendering = rendered(IMAGE.format('alt="Plan"'), *parts)
    assert (rendering.images, rendering.warnings) == ((), (Warning("image_missing", 1),))
    assert "🖼 Plan" in rendering.html


@pytest.mark.parametrize(
    ("layout", "size"),
    [
        ({}, 'width="592" height="296"'),
        ({"image_scaling": "original"}, 'width="800" height="400"'),
        ({"image_scaling": "max_side", "image_max_px": 200}, 'width="200" height="100"'),
        ({"image_scaling": "thumbnail", "image_max_px": 64}, 'width="64" height="32"'),
    ],
)
def test_the_layout_scales_pictures(ruled: Callable[..., str], layout: dict[str, object], size: str) -> None:
    assert size in ruled(f"<p>{IMAGE.format('')}</p>", part(), **layout)


def test_a_thumbnail_leads_to_the_page(ruled: Callable[..., str]) -> None:
    shown = '<img class="bp-image" src="cid:TOKEN@beampost" width="64" height="32" border="0" alt="plan.png">'
    layout = {"image_scaling": "thumbnail", "image_max_px": 64}
    assert ruled(IMAGE.format(""), part(), **layout) == f'<a class="bp-link" href="{PAGE}">{shown}</a>'
    assert ruled(f'<a href="https://b.example/">{IMAGE.format("")}</a>', part(), **layout) == f'<a href="https://b.example/">{shown}</a>'


def test_a_picture_in_a_cell_has_less_room(ruled: Callable[..., str]) -> None:
    assert 'width="280" height="140"' in ruled(f"<table><tr><td>{IMAGE.format('')}</td></tr></table>", part())


def test_pictures_can_be_left_out_or_linked(ruled: Callable[..., str]) -> None:
    assert ruled(f"<p>a{IMAGE.format('')}</p>", part(), image_scaling="none") == "<p>a</p>"
    link = f'<a class="bp-link" href="{PAGE}">🖼 plan.png</a>'
    assert ruled(f"<p>{IMAGE.format('')}</p>", part(), image_scaling="link") == f"<p>{link}</p>"


@pytest.mark.parametrize(
    ("policy", "html", "code"),
    [
        ("block", '<a class="bp-link" href="https://cdn.example/x.png">🖼 x.png (cdn.example)</a>', "external_image_blocked"),
        ("embed", '<a class="bp-link" href="https://cdn.example/x.png">🖼 x.png (cdn.example)</a>', "external_image_unreachable"),
        ("keep", '<img class="bp-image" src="https://cdn.example/x.png" width="592" border="0" alt="x.png">', "external_image_kept"),
    ],
)
def test_an_external_picture_follows_the_policy(
    ruled: Callable[..., str], rendered: Callable[..., Rendering], policy: str, html: str, code: str
) -> None:
    page = '<p><img src="https://cdn.example/x.png"></p>'
    assert ruled(page, external_images=policy) == f"<p>{html}</p>"
    assert rendered(page, external_images=policy).warnings == (Warning(code, 1),)


def test_a_tracking_pixel_is_dropped_even_when_pictures_are_kept(ruled: Callable[..., str]) -> None:
    assert ruled('<p>a<img src="https://t.example/x" width="1" height="1"></p>', external_images="keep") == "<p>a</p>"


def test_a_tracking_pixel_is_not_even_fetched() -> None:
    page = '<img src="https://t.example/x" width="1" height="1"><img src="https://cdn.example/y.png"><img src="http://cdn.example/z.png">'
    assert Renderer().external_images(submission_of(page)) == ("https://cdn.example/y.png",)


def test_a_media_url_with_its_token_never_reaches_the_mail(rendered: Callable[..., Rendering]) -> None:
    rendering = rendered('<img src="https://api.media.atlassian.com/file/1?token=eyJsecret">', external_images="keep")
    assert "eyJsecret" not in rendering.html + rendering.text
