"""Office: which of our own servers no job may name as its mail server."""

from typing import Final

from dispatcher.contracts.api_settings import ApiSettings
from tests.faults.topology import topology
from workers.office import EVERYWHERE, own_endpoints

API: Final = ApiSettings(api_port=1, admin_port=2)
ITS_OWN: Final = {("127.0.0.1", 1), ("127.0.0.1", 2)}


def test_a_server_is_denied_where_it_is_and_a_socket_is_nowhere() -> None:
    found = [own_endpoints(url, API) for url in ("redis://127.0.0.1:6380", "rediss://127.0.0.1", "unix:///run/redis.sock")]
    assert found == [ITS_OWN | {("127.0.0.1", 6380)}, ITS_OWN | {("127.0.0.1", 6379)}, ITS_OWN]


def test_sentinels_are_denied_where_they_are_and_the_ports_of_what_they_watch_everywhere() -> None:
    with topology(replicas=1) as whole:
        sentinels = {("127.0.0.1", sentinel.port) for sentinel in whole.sentinels}
        assert own_endpoints(whole.url, API) == ITS_OWN | sentinels | {(EVERYWHERE, server.port) for server in whole.servers}


def test_while_no_sentinel_says_where_redis_is_its_usual_port_is_denied_everywhere() -> None:
    assert own_endpoints("sentinel://127.0.0.1:3/mails", API) == ITS_OWN | {("127.0.0.1", 3), (EVERYWHERE, 6379)}
