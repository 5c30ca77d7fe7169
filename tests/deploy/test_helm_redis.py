"""Helm and Redis: where it is, as the chart tells it; what restarts the bundled one, and what must not."""

from hashlib import sha256
from typing import Any

import pytest

from dispatcher.commands.redis_users import FILE
from dispatcher.contracts.redis_url import whereabouts, with_password
from tests.deploy.rendered import BULK, CHART, FAST, SHARDED, SHARDS, WATCHED, environment, manifests, of_kind, programs

pytestmark = pytest.mark.deploy

SENTINEL = {"sentinel": {"servers": ["sentinel-0:26379"], "primary": "mails"}}
CA = {"options": {"ssl_ca_certs": "/run/files/ca.pem"}}


def test_each_shard_has_workers_of_each_pool_and_everybody_knows_all_shards_in_their_order() -> None:
    found = manifests(SHARDED)
    deployments = of_kind("Deployment", found)
    urls = {name: environment(deployment["spec"]["template"]["spec"]["containers"][0]) for name, deployment in deployments.items()}
    for name, told in urls.items():
        user = "api" if name == "bp-api" else "worker"
        assert told["BEAMPOST_REDIS_URLS"] == ",".join(f"rediss://beampost-{user}@{server}/0" for server in SHARDS)
        assert "BEAMPOST_REDIS_URL" not in told
    assert {name: told["BEAMPOST_SHARD"] for name, told in urls.items() if name != "bp-api"} == {
        f"bp-worker-{pool['name']}-{shard}": str(shard) for pool in (FAST, BULK) for shard in range(len(SHARDS))
    }
    for one in of_kind("ScaledObject", found).values():
        assert one["spec"]["triggers"][0]["metadata"]["query"].endswith(" / 3")
    ports = [rule["ports"] for rule in of_kind("NetworkPolicy", found)["bp-worker"]["spec"]["egress"]]
    assert [port["port"] for port in ports[1]] == [6379, 6380]


def test_sentinels_are_told_with_the_primarys_name_and_an_authority_that_both_programs_have() -> None:
    for pod, container in programs(manifests(WATCHED)):
        told = whereabouts(with_password(environment(container)["BEAMPOST_REDIS_URL"], "of the file"))
        assert (told.servers, told.primary) == ((("sentinel-0.example", 26379), ("sentinel-1.example", 26380)), "mails")
        assert (told.tls, told.certificates) == (True, {"ssl_ca_certs": "/run/files/ca.pem"})
        assert {"name": "files", "mountPath": "/run/files", "readOnly": True} in container["volumeMounts"]
        assert "files" in {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("redis", [{}, {"shards": SHARDS}])
def test_servers_without_sentinels_are_told_with_the_authority_too(redis: dict[str, Any]) -> None:
    for _, container in programs(manifests({**WATCHED, "redis": {**redis, **CA}})):
        told = environment(container)
        for url in told["BEAMPOST_REDIS_URLS"].split(",") if redis else [told["BEAMPOST_REDIS_URL"]]:
            assert whereabouts(with_password(url, "of the file")).certificates == {"ssl_ca_certs": "/run/files/ca.pem"}


def test_both_programs_reach_sentinels_and_what_they_watch_and_whatever_else_is_asked_for() -> None:
    policies = of_kind("NetworkPolicy", manifests(WATCHED))
    for name in ("bp-api", "bp-worker"):
        egress = policies[name]["spec"]["egress"]
        assert [port["port"] for port in egress[1]["ports"]] == [26379, 26380, 6390]
        assert egress[-1:] == WATCHED["networkPolicy"]["extraEgress"]


def test_a_new_release_of_the_chart_does_not_restart_the_bundled_valkey() -> None:
    valkey = of_kind("Deployment", manifests({"redis": {"bundled": True}}))["bp-valkey"]["spec"]
    assert valkey["template"]["metadata"]["labels"] == valkey["selector"]["matchLabels"]
    directives = [line for line in (CHART / "files" / "valkey.conf").read_text().splitlines(keepends=True) if line[0] not in "#\n"]
    assert valkey["template"]["metadata"]["annotations"] == {"checksum/config": sha256("".join(directives).encode()).hexdigest()}


def test_the_bundled_valkey_sees_a_new_file_of_users() -> None:
    deployment = of_kind("Deployment", manifests({"redis": {"bundled": True}}))["bp-valkey"]
    mounts = {mount["name"]: mount for mount in deployment["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert f"aclfile {mounts['users']['mountPath']}/{FILE.name}" in (CHART / "files" / "valkey.conf").read_text().splitlines()
    assert "subPath" not in mounts["users"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"redis": {"shards": ["redis-0:6379", "redis-0:6379"]}},
        {"redis": {"shards": ["redis-0:6379", "redis-1:6379"], "bundled": True}},
        {"redis": {**SENTINEL, "bundled": True}},
        {"redis": {**SENTINEL, "shards": SHARDS}},
        {"redis": {"sentinel": {"servers": ["s:26379"]}}},
        {"redis": {"sentinel": {"primary": "mails"}}},
        {"redis": {"sentinel": {"servers": ["s:26379"], "primary": "mails", "ports": []}}},
        {**WATCHED, "redis": {**WATCHED["redis"], "tls": False}},
        {**WATCHED, "redis": {"options": {"ssl_ca_certs": "/etc/ca.pem"}}},
        {**WATCHED, "redis": {"options": {"ssl_keyfile": "/run/files/key.pem"}}},
        {**WATCHED, "redis": {"options": {"sentinel_password": "x"}}},
        {**WATCHED, "redis": {**CA, "bundled": True}},
        {"redis": CA},
        {"redis": CA, "secrets": {"apiFiles": "beampost-api-files"}},
    ],
)
def test_values_that_would_not_work_are_refused(wrong: dict[str, Any]) -> None:
    import helm_python  # noqa: PLC0415 -- group `deploy`

    with pytest.raises(helm_python.HelmError):
        manifests(wrong)
