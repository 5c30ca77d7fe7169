import threading
import time

from workers.render.shelf import MOST, Shelf


def test_a_text_is_made_once() -> None:
    made: list[str] = []
    shelf = Shelf(lambda text: made.append(text) or text.upper(), seconds=60)
    assert (shelf("a"), shelf("a"), made, len(shelf)) == ("A", "A", ["a"], 1)


def test_it_is_forgotten_though_nobody_asks() -> None:
    shelf = Shelf(len, seconds=0.05)
    shelf("a")
    while len(shelf):
        time.sleep(0.01)
    assert shelf._kept == {}


def test_it_keeps_so_many_and_no_text_of_them() -> None:
    shelf = Shelf(len)
    for number in range(MOST + 9):
        shelf(str(number))
    assert (len(shelf), {type(key) for key in shelf._kept}) == (MOST, {bytes})


def test_one_timer_serves_all() -> None:
    shelf = Shelf(len, seconds=60)
    before = threading.active_count()
    for number in range(20):
        shelf(str(number))
    assert threading.active_count() == before + 1
