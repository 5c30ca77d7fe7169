"""ACL: what the two programs and the administrator may do in Redis, in Redis' own words; `deploy/users.acl` is written from here."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from dispatcher.contracts.wire import PREFIX

API: Final = "beampost-api"
WORKER: Final = "beampost-worker"
ADMIN: Final = "beampost-admin"

# To sign in, to look whether the server is safe, and to run our scripts, whose every command is judged by the rules of who runs them.
# CLIENT TRACKING would tell of every key that anybody changes.
PROGRAM: Final = "+@connection -@admin -@dangerous -client|tracking +info +config|get +evalsha +script|load +time +wait +multi +exec"


@dataclass(frozen=True)
class Rights:
    """Commands, the kinds of keys that they may touch, and single commands for kinds of their own; `%R` reads only, `%W` writes only."""

    commands: str
    kinds: str
    besides: Mapping[str, str]

    def __str__(self) -> str:
        besides = (f"({_keys(kinds)} {_plus(commands)})" for kinds, commands in self.besides.items())
        return " ".join(("resetchannels -@all", PROGRAM, _plus(self.commands), _keys(self.kinds), *besides))


USERS: Final[Mapping[str, Rights]] = {
    API: Rights(
        "get mget set del exists pexpire pexpireat hget hgetall hmget hset hdel hincrby"
        " lindex llen lpop lpush ltrim rpush sadd smembers zadd zpopmin zrem",
        "job:* idem:* open:* rate:* run:* wait:* waiting:* deferred:* sem:* called sched tell met:* ask pause:*"
        " pauses shard %W~replayed bell.*",
        {
            "%W~pay:*": "set del exists",
            "%W~cb:*": "set",
            "%W~jti:*": "set",
            "day:*": "get set",
            "daily:*": "hget hset pexpireat",
            "out:*": "getdel",
            "rcp:*": "get pexpireat",
            "%R~pool:* %R~pools %R~pause:* %R~resting %R~brk:*": "hget hgetall smembers pttl pexpiretime zcount zrange",
            "%R~waiting:* %R~deferred:*": "zcard zrange",
            "debug:* dbg:* debugging": "get mget set del exists lrange pexpireat zadd zcard zrange zrem zremrangebyscore",
        },
    ),
    WORKER: Rights(
        "get set del exists pexpire pexpireat pexpiretime hget hgetall hmget hset hdel hincrby"
        " lindex llen lmove lpop lpush rpop brpop rpush sadd smembers srem"
        " zadd zcard zcount zpopmin zrange zrangebyscore zrem zremrangebyscore",
        "job:* open:* rate:* run:* wait:* waiting:* deferred:* sem:* called park sched tell telling:* untold:* cb:* brk:* resting met:* ask"
        " pool:* pools sweeping shard %R~pause:* bell.*",
        {
            "pay:*": "get del exists",
            "%W~out:*": "set",
            "rcp:*": "get append strlen getrange pexpireat",
            "%R~debug:*": "get",
            "dbg:*": "rpush ltrim pexpireat",
        },
    ),
}
# The administrator operates Redis, reads and writes no key, and gives nobody rights: new ones are loaded from the file.
OPERATE: Final = (
    "resetchannels -@all +@connection -client|tracking +acl -acl|setuser -acl|deluser -acl|save +config +info +role +time +flushall"
    " +latency +memory|stats +memory|doctor +memory|purge +memory|malloc-stats +script|kill +failover +replicaof +shutdown"
)
# Whoever names no user may ask whether the server lives.
ANYBODY: Final = "user default reset on nopass resetchannels -@all +ping"


def rule(name: str, password: str = "") -> str:
    """A line for a file of users or a configuration; without a password nobody can sign in as this user."""
    mark = [f"#{sha256(password.encode()).hexdigest()}"] if password else []
    return " ".join(("user", name, "reset on", *mark, OPERATE if name == ADMIN else str(USERS[name])))


def users_file(passwords: Mapping[str, str]) -> str:
    """What Redis loads as `aclfile`, with the hashes of these passwords."""
    return "\n".join((ANYBODY, *(rule(name, passwords.get(name, "")) for name in (*USERS, ADMIN)))) + "\n"


def _plus(commands: str) -> str:
    return " ".join(f"+{command}" for command in commands.split())


def _keys(kinds: str) -> str:
    return " ".join(_key(kind) for kind in kinds.split())


def _key(kind: str) -> str:
    access, _, name = kind.rpartition("~")
    return f"{access}~{PREFIX}{name}"
