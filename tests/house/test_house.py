"""The house: rules that no linter knows."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from dispatcher.contracts.outcome import Stage

ROOT: Final = Path(__file__).parents[2]
MODULES: Final = sorted(path for package in ("dispatcher", "workers", "catcher") for path in (ROOT / package).rglob("*.py"))
PAGES: Final = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
WORDS_THAT_SAY_NOTHING: Final = {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
LOCKS: Final = ("run", "demo", "dev")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", text, re.MULTILINE))


def asked() -> list[tuple[str, Requirement]]:
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = tables["dependency-groups"]
    wanted = {
        "run": tables["project"]["dependencies"],
        "demo": tables["project"]["optional-dependencies"]["demo"],
        "dev": groups["test"] + groups["check"],
        "uv": groups["bootstrap"],
    }
    return [(lock, Requirement(line)) for lock, lines in wanted.items() for line in lines]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_has_a_telling_name(path: Path) -> None:
    assert set(path.relative_to(ROOT).with_suffix("").parts) & WORDS_THAT_SAY_NOTHING == set()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_with_one_sentence(path: Path) -> None:
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert re.fullmatch(r"\S.*[.:]", first), f"{path} should begin with one sentence that says what it is"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_fits_three_hundred_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", sorted((ROOT / "dispatcher").rglob("*.lua")), ids=name_of)
def test_a_script_keeps_to_the_width_of_the_code(path: Path) -> None:
    assert [line for line in path.read_text().splitlines() if len(line) > 140] == []


@pytest.mark.parametrize("path", [path for path in MODULES if path.name == "__init__.py"], ids=name_of)
def test_an_init_holds_its_sentence_only(path: Path) -> None:
    assert len(ast.parse(path.read_text()).body) == 1


@pytest.mark.parametrize("page", [page for page in PAGES if page.exists()], ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_ten_stages_are_the_headings_of_the_walk() -> None:
    page = ROOT / "docs" / "architecture.md"
    headings = re.findall(r"^#+ (?:\d+\. )?`?(\w+)`?$", page.read_text().lower(), re.MULTILINE)
    assert [word for word in headings if word in set(Stage)] == list(Stage)


@pytest.mark.parametrize(("lock", "requirement"), asked(), ids=str)
def test_a_lock_pins_what_the_project_asks_for(lock: str, requirement: Requirement) -> None:
    assert requirement.specifier.contains(pins(lock)[requirement.name])


@pytest.mark.parametrize(("smaller", "larger"), [("run", "demo"), ("demo", "dev")])
def test_a_larger_lock_holds_the_smaller_one(smaller: str, larger: str) -> None:
    assert pins(smaller).items() <= pins(larger).items()


@pytest.mark.parametrize("lock", [*LOCKS, "uv"])
def test_a_lock_names_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    assert "://" not in text
    assert all("--hash=sha256:" in text.partition(f"{name}==")[2].partition("# via")[0] for name in pins(lock))
