"""Redis URL: where Redis is, out of the one setting that says so: a server, a socket, or Sentinels that know which server it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, unquote

from dispatcher.contracts.errors import Misconfigured

URL: Final = re.compile(
    r"(?P<scheme>rediss?|unix|sentinel)://"
    r"(?:(?P<user>[^:@/?]*):(?P<password>[^@/?]*)@)?"
    r"(?P<hosts>[^@/?]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
NAMED: Final = re.compile(r"(?P<scheme>[a-z]+://)(?:(?P<user>[^:@/?]*)(?::[^@/?]*)?@)?(?P<rest>.*)")
HOST: Final = re.compile(r"(?P<name>[^\[\]:,\s]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")
CERTIFICATES: Final = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
OPTIONS: Final[Mapping[str, frozenset[str]]] = {
    "redis": frozenset({"db"}),
    "rediss": frozenset({"db"}) | CERTIFICATES,
    "unix": frozenset({"db"}),
    "sentinel": frozenset({"db", "tls", "sentinel_user", "sentinel_password"}) | CERTIFICATES,
}
REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26_379
LAST_PORT: Final = 65_535


class RedisUrlWrong(Misconfigured):
    """BEAMPOST_REDIS_URL is none of the URLs, or has an option that is none of theirs, in docs/operations.md."""


class PasswordUnreadable(Misconfigured):
    """The file that BEAMPOST_REDIS_PASSWORD_FILE names cannot be read, or there is no password in it."""


@dataclass(frozen=True)
class Whereabouts:
    """Of the servers, or of the Sentinels of the primary that is called `primary`; `path` is a socket. TLS is always verified."""

    servers: tuple[tuple[str, int], ...] = ()
    path: str = ""
    primary: str = ""
    database: int = 0
    tls: bool = False
    certificates: Mapping[str, str] = field(default_factory=dict)
    login: Mapping[str, str] = field(default_factory=dict, repr=False)
    sentinel_login: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def encryption(self) -> dict[str, str]:
        """What redis-py and kombu are told of TLS, in the same words; kombu's own default verifies nothing."""
        return {"ssl_cert_reqs": "required", **self.certificates} if self.tls else {}


def whereabouts(url: str) -> Whereabouts:
    """What the URL says; raises RedisUrlWrong."""
    found = URL.fullmatch(url)
    if not found:
        raise RedisUrlWrong
    scheme, path = found["scheme"], unquote(found["path"] or "/")
    options = _options(found["query"] or "", OPTIONS[scheme])
    login = _login(unquote(found["user"] or ""), unquote(found["password"] or ""))
    certificates = {name: value for name, value in options.items() if name in CERTIFICATES}
    if scheme == "unix":
        if found["hosts"] or path == "/":
            raise RedisUrlWrong
        return Whereabouts(path=path, database=_database(options.get("db", "")), login=login)
    if scheme == "sentinel":
        return Whereabouts(
            servers=tuple(_host(host, SENTINEL_PORT) for host in found["hosts"].split(",")),
            primary=_name(path),
            database=_database(options.get("db", "")),
            tls=_tls(options, certificates),
            certificates=certificates,
            login=login,
            sentinel_login=_login(options.get("sentinel_user", ""), options.get("sentinel_password", "")),
        )
    return Whereabouts(
        servers=(_host(found["hosts"], REDIS_PORT),),
        database=_database(options.get("db", path[1:])),
        tls=scheme == "rediss",
        certificates=certificates,
        login=login,
    )


def with_password(url: str, password: str) -> str:
    """The URL with this password, whatever it had; raises RedisUrlWrong."""
    found = NAMED.fullmatch(url)
    if not found:
        raise RedisUrlWrong
    return f"{found['scheme']}{found['user'] or ''}:{quote(password, '')}@{found['rest']}"


def password_in(file: Path) -> str:
    """Without the end of its line; raises PasswordUnreadable."""
    try:
        password = file.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise PasswordUnreadable from None
    if not password:
        raise PasswordUnreadable
    return password


def _options(query: str, known: frozenset[str]) -> dict[str, str]:
    try:
        pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True, strict_parsing=True) if query else []  # no form: + is +
    except ValueError:
        raise RedisUrlWrong from None
    options = dict(pairs)
    if len(options) != len(pairs) or not options.keys() <= known or not all(options.values()):
        raise RedisUrlWrong
    return options


def _login(user: str, password: str) -> dict[str, str]:
    if user and not password:
        raise RedisUrlWrong
    return {name: value for name, value in (("username", user), ("password", password)) if value}


def _host(written: str, port: int) -> tuple[str, int]:
    found = HOST.fullmatch(written)
    if not found or int(found["port"] or port) not in range(1, LAST_PORT + 1):
        raise RedisUrlWrong
    return found["name"].strip("[]"), int(found["port"] or port)


def _name(path: str) -> str:
    if "/" in path[1:] or path == "/":
        raise RedisUrlWrong
    return path[1:]


def _database(written: str) -> int:
    if not re.fullmatch("[0-9]{0,4}", written):
        raise RedisUrlWrong
    return int(written or 0)


def _tls(options: Mapping[str, str], certificates: Mapping[str, str]) -> bool:
    tls = options.get("tls", "false")
    if tls not in {"true", "false"} or (certificates and tls == "false"):
        raise RedisUrlWrong
    return tls == "true"
