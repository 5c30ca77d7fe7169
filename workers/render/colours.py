"""Colours: what a declaration says, and how well one colour can be read on another."""

import re
from colorsys import hls_to_rgb, rgb_to_hls
from typing import Final

from tinycss2.color3 import RGBA, parse_color

READABLE: Final = 4.5  # WCAG 2.2, 1.4.3
DECLARED: Final = re.compile(r"(?:^|;)\s*(color|background-color)\s*:\s*([^;]{1,64})", re.IGNORECASE)
PLAIN: Final = re.compile("#[0-9a-f]{6}", re.IGNORECASE)
LONGEST: Final = 200
LARGEST: Final = 255
LINEAR: Final = 0.04045  # sRGB is a straight line up to here
BLACK, WHITE = 0, 1  # as lightness
STEPS: Final = 20
HALF_WAY: Final = 0.18  # on this luminance black and white are equally readable


def declared(style: str) -> dict[str, str]:
    """The text colour and the background of a style attribute as `#rrggbb`, by property; nothing of what is translucent."""
    found = ((name.lower(), hexadecimal(value)) for name, value in DECLARED.findall(style))
    return {name: colour for name, colour in found if colour}


def hexadecimal(value: str) -> str:
    """`#rrggbb` for a colour of CSS in any of its forms; empty where it is none, or lets something shine through."""
    value = value.strip()
    if PLAIN.fullmatch(value):
        return value.lower()
    colour = parse_color(value) if len(value) <= LONGEST else None  # a number of 4,300 digits is an error in Python
    if not isinstance(colour, RGBA) or colour.alpha < 1:
        return ""
    return "#" + "".join(f"{round(min(max(part, 0), 1) * LARGEST):02x}" for part in colour[:3])


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb` (WCAG 2.2, definitions)."""
    parts = (int(colour[at : at + 2], 16) / LARGEST for at in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= LINEAR else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(ink: str, ground: str) -> float:
    """How well a colour can be read on another, 1 to 21."""
    darker, lighter = sorted((luminance(ink), luminance(ground)))
    return (lighter + 0.05) / (darker + 0.05)


def readable_on(ground: str, ink: str) -> str:
    """The same hue, no darker than makes it readable, or no lighter on a dark ground."""
    if contrast(ink, ground) >= READABLE:
        return ink
    end = WHITE if luminance(ground) < HALF_WAY else BLACK
    hue, lightness, saturation = rgb_to_hls(*(int(ink[at : at + 2], 16) / LARGEST for at in (1, 3, 5)))
    mixed = (hls_to_rgb(hue, lightness + (end - lightness) * step / STEPS, saturation) for step in range(1, STEPS))
    written = ("#" + "".join(f"{round(part * LARGEST):02x}" for part in parts) for parts in mixed)
    return next((one for one in written if contrast(one, ground) >= READABLE), "#ffffff" if end else "#000000")
