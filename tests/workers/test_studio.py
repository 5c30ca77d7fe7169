"""Studio: which pages are rendered beside the loop, so that no other mail waits for them."""

import pytest

from dispatcher.contracts.mail import Part, PartRole
from tests.workers.render.conftest import submission_of
from workers.studio import LARGE_PAGE_CHARACTERS, is_slow


def part(role: PartRole) -> Part:
    return Part(id="1", name="a", type="image/png", role=role, content=b"x")


@pytest.mark.parametrize(
    ("characters", "parts", "slow"),
    [
        (LARGE_PAGE_CHARACTERS, (), False),
        (LARGE_PAGE_CHARACTERS + 1, (), True),
        (1, (part(PartRole.ATTACHMENT),), False),
        (1, (part(PartRole.IMAGE),), True),
        (1, (part(PartRole.LOGO),), True),
    ],
    ids=["large", "larger", "attachment", "picture", "logo"],
)
def test_pictures_and_large_pages_are_slow(characters: int, parts: tuple[Part, ...], slow: bool) -> None:  # noqa: FBT001 -- what is expected
    assert is_slow(submission_of("x" * characters, parts)) is slow
