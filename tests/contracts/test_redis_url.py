"""Redis URL: what each form says, and that what is malformed is refused without a word of it."""

from pathlib import Path
from urllib.parse import quote

import pytest

from dispatcher.contracts.redis_url import PasswordUnreadable, RedisUrlWrong, Whereabouts, password_in, whereabouts, with_password

HERE = (("127.0.0.1", 6379),)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1", Whereabouts(HERE)),
        ("redis://127.0.0.1:6379/", Whereabouts(HERE)),
        ("redis://127.0.0.1/3", Whereabouts(HERE, database=3)),
        ("redis://127.0.0.1/3?db=4", Whereabouts(HERE, database=4)),
        ("redis://[::1]:6380/0", Whereabouts((("::1", 6380),))),
        ("redis://:pw@redis.example", Whereabouts((("redis.example", 6379),), login={"password": "pw"})),
        ("redis://jane:p%40%2F@127.0.0.1", Whereabouts(HERE, login={"username": "jane", "password": "p@/"})),
        ("rediss://127.0.0.1", Whereabouts(HERE, tls=True)),
        ("rediss://127.0.0.1?ssl_ca_certs=/ca.pem", Whereabouts(HERE, tls=True, certificates={"ssl_ca_certs": "/ca.pem"})),
        ("unix:///run/redis.sock", Whereabouts(path="/run/redis.sock")),
        ("unix://:pw@/run/redis.sock?db=2", Whereabouts(path="/run/redis.sock", database=2, login={"password": "pw"})),
    ],
)
def test_a_server_or_a_socket_is_one_place(url: str, expected: Whereabouts) -> None:
    assert whereabouts(url) == expected


def test_sentinels_are_several_places_and_have_a_login_of_their_own() -> None:
    url = "sentinel://jane:pw@one.example,[::1]:26380,three.example:1/mails?db=5&tls=true&sentinel_user=max&sentinel_password=%23"
    assert whereabouts(url) == Whereabouts(
        servers=(("one.example", 26379), ("::1", 26380), ("three.example", 1)),
        primary="mails",
        database=5,
        tls=True,
        login={"username": "jane", "password": "pw"},
        sentinel_login={"username": "max", "password": "#"},
    )


def test_tls_is_verified_whatever_else_is_said() -> None:
    said = [whereabouts(url).encryption for url in ("redis://h", "rediss://h", "rediss://h?ssl_ca_certs=ca.pem", "sentinel://h/m?tls=true")]
    required = {"ssl_cert_reqs": "required"}
    assert said == [{}, required, required | {"ssl_ca_certs": "ca.pem"}, required]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "http://hunter2",
        "redis://",
        "redis://hunter2:0",
        "redis://hunter2:65536",
        "redis://hunter2:port",
        "redis://one,hunter2",
        "redis://hunter2@127.0.0.1",
        "redis://hunter2:@127.0.0.1",
        "redis://127.0.0.1/hunter2",
        "redis://127.0.0.1/0?db=hunter2",
        "redis://127.0.0.1/0?ssl_ca_certs=hunter2",
        "redis://127.0.0.1/0?socket_timeout=hunter2",
        "rediss://127.0.0.1/0?ssl_cert_reqs=none",
        "unix://hunter2/run/redis.sock",
        "unix://",
        "sentinel://hunter2",
        "sentinel://hunter2/",
        "sentinel:///hunter2",
        "sentinel://one,,hunter2/mails",
        "sentinel://one/mails/hunter2",
        "sentinel://one/mails?tls=hunter2",
        "sentinel://one/mails?ssl_ca_certs=hunter2",
        "sentinel://one/mails?sentinel_user=hunter2",
        "sentinel://one/mails?db=1&db=hunter2",
        "sentinel://one/mails?hunter2",
    ],
)
def test_anything_else_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(RedisUrlWrong) as caught:
        whereabouts(url)
    assert ("hunter2" in str(caught.value), caught.value.__cause__) == (False, None)


def test_passwords_are_not_shown() -> None:
    found = whereabouts("sentinel://:hunter2@one/mails?sentinel_password=hunter2")
    assert "hunter2" not in repr(found)


def test_any_password_arrives_as_it_is() -> None:
    password = "".join(map(chr, range(33, 127)))
    encoded = quote(password, "+")
    found = whereabouts(f"sentinel://:{encoded}@h/mails?sentinel_password={encoded}")
    assert (found.login, found.sentinel_login) == ({"password": password}, {"password": password})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h:1/0", "redis://:p%40%2F@h:1/0"),
        ("redis://jane@h", "redis://jane:p%40%2F@h"),
        ("redis://jane:old@h", "redis://jane:p%40%2F@h"),
        ("rediss://:old@h?db=1", "rediss://:p%40%2F@h?db=1"),
        ("unix://jane@/run/redis.sock", "unix://jane:p%40%2F@/run/redis.sock"),
        ("sentinel://jane@one,two/mails?sentinel_password=x@y", "sentinel://jane:p%40%2F@one,two/mails?sentinel_password=x@y"),
        ("unix:///run/a@b.sock", "unix://:p%40%2F@/run/a@b.sock"),
    ],
)
def test_a_password_of_a_file_takes_the_place_of_the_urls(url: str, expected: str) -> None:
    assert with_password(url, "p@/") == expected


def test_what_is_no_url_is_none_with_a_password_either() -> None:
    with pytest.raises(RedisUrlWrong):
        with_password("hunter2", "pw")


def test_a_password_is_read_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b" p w \r\n")
    assert password_in(tmp_path / "password") == " p w "


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff"])
def test_a_file_without_a_password_is_told(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    with pytest.raises(PasswordUnreadable):
        password_in(tmp_path / "password")
