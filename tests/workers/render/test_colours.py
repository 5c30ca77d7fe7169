import pytest

from workers.render.colours import contrast, declared, readable_on


@pytest.mark.parametrize(
    ("style", "colours"),
    [
        ("color:#ABC", {"color": "#aabbcc"}),
        ("margin:0; Color: rgb(191, 38, 0)", {"color": "#bf2600"}),
        ("color:rgb(999,0,0)", {"color": "#ff0000"}),
        ("color:red;background-color:#bf2600", {"color": "#ff0000", "background-color": "#bf2600"}),
        ("color:hsl(0, 100%, 50%)", {"color": "#ff0000"}),
        ("color:red;color:blue", {"color": "#0000ff"}),
    ],
)
def test_a_colour_is_read_in_each_of_its_forms(style: str, colours: dict[str, str]) -> None:
    assert declared(style) == colours


@pytest.mark.parametrize(
    "style",
    [
        "border-color:#bf2600",
        "color:inherit",
        "color:#12345",
        "color:rgba(0,0,0,0.5)",
        "background-color:transparent",
        f"color:rgb({'9' * 5000},0,0)",
    ],
)
def test_what_is_no_full_colour_is_left(style: str) -> None:
    assert declared(style) == {}


def test_contrast_runs_from_one_to_twenty_one() -> None:
    assert [round(contrast(*pair), 2) for pair in (("#ffffff", "#ffffff"), ("#000000", "#ffffff"), ("#777777", "#ffffff"))] == [1, 21, 4.48]


@pytest.mark.parametrize(
    ("ground", "ink", "readable"),
    [
        ("#ffffff", "#172b4d", "#172b4d"),
        ("#ffffff", "#97a0af", "#6a768a"),
        ("#1d2125", "#000000", "#8c8c8c"),
        ("#1d2125", "#ffffff", "#ffffff"),
        ("#00875a", "#ff0000", "#0d0000"),
    ],
)
def test_a_colour_changes_no_more_than_it_must(ground: str, ink: str, readable: str) -> None:
    assert readable_on(ground, ink) == readable


@pytest.mark.parametrize("grey", range(0, 256, 5))
def test_every_ground_has_a_readable_ink(grey: int) -> None:
    ground = f"#{grey:02x}{grey:02x}{grey:02x}"
    assert contrast(readable_on(ground, ground), ground) >= 4.5
