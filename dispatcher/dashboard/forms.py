"""Forms: what a browser posts, as names and values."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from dispatcher.api.bodies import body_of
from dispatcher.contracts.errors import Malformed

FORM: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 8_192
MOST_FIELDS: Final = 16


async def form_of(request: Request) -> dict[str, str]:
    """Each field once, and its value without blanks around it; raises Malformed, and as `body_of` does."""
    async with body_of(request, FORM, most_bytes=MOST_BYTES) as body:
        return _fields(body)


def _fields(body: bytes) -> dict[str, str]:
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Malformed from None
    named = {name: value.strip() for name, value in fields}
    if len(named) < len(fields):
        raise Malformed
    return named
