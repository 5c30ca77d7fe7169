"""Wire: names, and the broker's spelling of a Redis URL."""

import pytest
from kombu import Connection

from dispatcher.contracts.wire import bell, broker_settings, broker_url, key


def test_keys_and_queues_have_one_spelling() -> None:
    assert (key("job", "01J"), key("run", "bulk", "acme"), bell("bulk")) == ("bp:job:01J", "bp:run:bulk:acme", "bell.bulk")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://user:pw@redis.example:6380/1", "rediss://user:pw@redis.example:6380/1"),
        ("unix:///run/redis.sock", "redis+socket:///run/redis.sock"),
        ("unix:///run/redis.sock?db=3", "redis+socket:///run/redis.sock?virtual_host=3"),
        ("unix://:pw@/run/redis.sock", "redis+socket://:pw@/run/redis.sock"),
        ("unix://user:pw@/run/redis.sock?db=2", "redis+socket://user:pw@/run/redis.sock?virtual_host=2"),
        ("unix://:a%2Fb%40c%3Ad@/run/redis.sock", "redis+socket://:a%2Fb%40c%3Ad@/run/redis.sock"),
    ],
)
def test_a_redis_url_is_said_as_celery_says_it(url: str, expected: str) -> None:
    assert broker_url(url) == expected


def test_kombu_reaches_the_socket_that_is_meant(redis_url: str) -> None:
    with Connection(broker_url(redis_url)) as connection:
        connection.connect()
        assert connection.connected


def test_certificates_are_checked_where_there_is_tls() -> None:
    asked = [broker_settings(url, (), client_name="x", connections=1).get("broker_use_ssl") for url in ("redis://h", "rediss://h")]
    assert asked == [None, {"ssl_cert_reqs": "required"}]


def test_there_is_a_queue_for_each_lane_and_no_result() -> None:
    found = broker_settings("redis://h", ("interactive", "bulk"), client_name="x", connections=1)
    assert (list(found["task_queues"]), found["result_backend"], found["task_ignore_result"]) == (
        ["bell.interactive", "bell.bulk"],
        None,
        True,
    )
