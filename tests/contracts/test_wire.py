"""Wire: names, and the broker's spelling of a Redis URL."""

import pytest
from celery import Celery
from kombu import Connection

from dispatcher.contracts.wire import bell, broker_settings, broker_url, key
from tests.faults.topology import topology


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
        ("sentinel://one,[::1]:1/mails", "sentinel://one:26379/0;sentinel://[::1]:1/0"),
        ("sentinel://:p%3Bw@one,two/mails?db=2", "sentinel://:p%3Bw@one:26379/2;sentinel://:p%3Bw@two:26379/2"),
    ],
)
def test_a_redis_url_is_said_as_celery_says_it(url: str, expected: str) -> None:
    assert broker_url(url) == expected


def test_kombu_reaches_the_socket_that_is_meant(redis_url: str) -> None:
    with Connection(broker_url(redis_url)) as connection:
        connection.connect()
        assert connection.connected


def test_certificates_are_checked_where_there_is_tls() -> None:
    urls = ("redis://h", "rediss://h", "rediss://h?ssl_ca_certs=/ca", "sentinel://h/mails", "sentinel://h/mails?tls=true&ssl_ca_certs=/ca")
    asked = [broker_settings(url, (), client_name="x", connections=1).get("broker_use_ssl") for url in urls]
    verified = {"ssl_cert_reqs": "required"}
    assert asked == [None, verified, verified | {"ssl_ca_certs": "/ca"}, None, verified | {"ssl_ca_certs": "/ca"}]


def test_sentinels_are_spoken_to_by_their_own_login_and_by_tls_as_the_servers_are() -> None:
    url = "sentinel://:pw@h/mails?tls=true&ssl_ca_certs=/ca&sentinel_user=jane&sentinel_password=s"
    options = broker_settings(url, (), client_name="x", connections=1)["broker_transport_options"]
    said = {name: value for name, value in options["sentinel_kwargs"].items() if name != "retry" and not name.startswith("socket_")}
    tls = {"ssl": True, "ssl_cert_reqs": "required", "ssl_ca_certs": "/ca"}
    assert (options["master_name"], said) == ("mails", tls | {"username": "jane", "password": "s"})


def test_celery_reaches_the_primary_that_the_sentinels_name() -> None:
    with topology(replicas=1) as whole:
        settings = broker_settings(whole.url, ("bulk",), client_name="bp-test", connections=2)
        with Celery("test", set_as_current=False) as celery:
            celery.conf.update(settings)
            celery.send_task("ring", queue=bell("bulk"), ignore_result=True, retry=False)
        with whole.primary().client() as primary:
            assert primary.llen("bp:bell.bulk") == 1


def test_there_is_a_queue_for_each_lane_and_no_result() -> None:
    found = broker_settings("redis://h", ("interactive", "bulk"), client_name="x", connections=1)
    assert (list(found["task_queues"]), found["result_backend"], found["task_ignore_result"]) == (
        ["bell.interactive", "bell.bulk"],
        None,
        True,
    )
