"""Art: a logo and a picture, drawn for the sample mails."""

from io import BytesIO
from typing import Final

from PIL import Image, ImageDraw

from dispatcher.contracts.mail import Part, PartRole

BLUE: Final = "#0052cc"
DAYS: Final = (31, 34, 29, 38, 44, 52, 61, 58, 66, 71, 69, 78)


def _png(image: Image.Image) -> bytes:
    written = BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def _logo() -> bytes:
    image = Image.new("RGBA", (320, 96), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((4, 4, 315, 91), 20, fill=BLUE, outline="white", width=3)
    for left in (40, 130, 220):
        pen.polygon([(left, 72), (left + 30, 24), (left + 60, 72)], fill="white")
    return _png(image)


def _chart() -> bytes:
    image = Image.new("RGB", (1280, 560), "#f4f5f7")
    pen = ImageDraw.Draw(image)
    for level in range(80, 561, 80):
        pen.line((0, level, 1280, level), fill="#dfe1e6", width=2)
    for day, count in enumerate(DAYS):
        pen.rectangle((40 + day * 102, 520 - count * 6, 106 + day * 102, 520), fill=BLUE)
    return _png(image)


LOGO: Final = Part(id="logo", name="logo.png", type="image/png", role=PartRole.LOGO, content=_logo())
CHART: Final = Part(id="att1", name="orders.png", type="image/png", role=PartRole.IMAGE, content=_chart())
