"""The reader's path: who follows one mail from accepted to sent reads so many files and no more."""

from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
STORIES: Final = ("dispatcher/intake/submit.py", "workers/dispatch.py")
PATH: Final = (
    "dispatcher/intake/submit.py",
    "dispatcher/contracts/seal.py",
    "dispatcher/contracts/ledger.py",
    "dispatcher/contracts/lua/accept.lua",
    "workers/celery_app.py",
    "workers/drain.py",
    "dispatcher/contracts/lua/claim.lua",
    "workers/dispatch.py",
    "workers/render/page.py",
    "workers/compose.py",
    "workers/smtp/session.py",
    "workers/smtp/dialogue.py",
    "workers/purge.py",
    "dispatcher/contracts/lua/finish.lua",
)


def lines(name: str) -> int:
    return len((ROOT / name).read_text().splitlines())


def test_the_path_from_accepted_to_sent_is_at_most_14_files_and_1400_lines() -> None:
    assert len(PATH) <= 14
    assert sum(map(lines, PATH)) <= 1400


@pytest.mark.parametrize("story", STORIES)
def test_a_story_fits_on_a_screen(story: str) -> None:
    assert lines(story) <= 70
