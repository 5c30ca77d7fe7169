"""What is in Redis opens for the workers alone."""

from pathlib import Path

import msgspec
import pytest

from dispatcher.contracts.errors import SealBroken
from dispatcher.contracts.job import Job
from dispatcher.contracts.seal import Binding, OpeningKeys, SealingKeys
from dispatcher.contracts.secret import Secret
from tests.system.client import Client
from tests.system.running_stack import RunningStack
from tests.system.submissions import nobody, submission


def sealed_in_redis(stack: RunningStack, client: Client) -> tuple[bytes, Binding, str]:
    """A job that waits, and its id."""
    receipt, _ = client.deliver(submission(nobody()))
    with stack.redis() as redis:
        record = redis.hgetall(f"bp:job:{receipt['id']}")
        sealed = redis.get(f"bp:pay:{receipt['id']}")
    return sealed, Binding(record[b"tp"].decode(), receipt["id"], int(record[b"deadline"])), receipt["id"]


def test_the_api_knows_no_private_key_and_nothing_of_it_opens(stack: RunningStack) -> None:
    environment = stack.environment_of("api")
    assert "BEAMPOST_PRIVATE_KEYS" not in environment
    assert [name for name, value in environment.items() if "private" in value.lower()] == []
    assert [name for name in dir(SealingKeys) if not name.startswith("_")] == ["active", "seal"]


def test_the_public_half_does_not_open_what_it_sealed_and_the_private_half_does(stack: RunningStack, client: Client) -> None:
    sealed, binding, job_id = sealed_in_redis(stack, client)
    environment = stack.environment_of("api")
    public, secret = Path(environment["BEAMPOST_PUBLIC_KEYS"]), Secret.read(Path(environment["BEAMPOST_SECRET_FILE"]))
    opened = OpeningKeys(public.parent / "private", secret).open(sealed, binding)
    assert msgspec.msgpack.decode(opened, type=Job).submission.subject == "Release notes"
    with pytest.raises(SealBroken):
        OpeningKeys(public, secret).open(sealed, binding)
    client.cancel(job_id)


def test_a_sealed_job_opens_under_its_own_record_only(stack: RunningStack, client: Client) -> None:
    sealed, binding, job_id = sealed_in_redis(stack, client)
    environment = stack.environment_of("api")
    folder, secret = Path(environment["BEAMPOST_PUBLIC_KEYS"]).parent / "private", Secret.read(Path(environment["BEAMPOST_SECRET_FILE"]))
    others = [
        Binding("x", binding.job_id, binding.deadline_ms),
        Binding(binding.tenant, "x", binding.deadline_ms),
        Binding(binding.tenant, job_id, 1),
    ]
    attempts = [(OpeningKeys(folder, secret), sealed, other) for other in others]
    attempts += [
        (OpeningKeys(folder, secret), sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], binding) for at in (0, 5, 20, 60, 200)
    ]
    attempts += [(OpeningKeys(folder, Secret(b"x" * 32)), sealed, binding), (OpeningKeys(folder, secret), b"", binding)]
    for keys, changed, bound in attempts:
        with pytest.raises(SealBroken):
            keys.open(changed, bound)
    client.cancel(job_id)


def test_the_private_keys_are_their_owners_alone(stack: RunningStack) -> None:
    folder = Path(stack.environment_of("api")["BEAMPOST_PUBLIC_KEYS"]).parent
    active, following = (folder / "private").iterdir()
    assert [place.stat().st_mode & 0o777 for place in (folder / "private", active, following, folder / "secret")] == [0o700, *[0o600] * 3]
