"""Keys of the model: what Redis must hold, and until when, if everything is as the model says."""

import math

from dispatcher.contracts.wire import CALLBACK_KEPT_MS
from tests.contracts.model.jobs import Job
from tests.contracts.model.ledger import Model

Value = str | list[str] | dict[str, str]
WAITING = frozenset({"queued", "deferred"})


def comparable(text: object) -> str:
    """Numbers in one spelling, whoever wrote them."""
    try:
        return repr(float(str(text)))
    except ValueError:
        return str(text)


def expected(model: Model) -> dict[str, Value]:
    """By name, empty ones left out, as Redis does."""
    queues, accounts = model.queues, model.accounts
    written: dict[str, Value] = {f"run:{ring}": list(names) for ring, names in queues.rings.items()}
    written |= {f"run:{name.replace(' ', ':')}": list(ids) for name, ids in queues.lists.items()}
    written |= {f"wait:{':'.join(line)}": plain(names) for line, names in queues.lines.items()}
    written |= {f"sem:{':'.join(seat)}": plain(ids) for seat, ids in queues.seated.items()}
    written |= {f"brk:{account}": plain(breaker.written()) for account, breaker in accounts.breakers.items()}
    written |= {f"rate:{name}": comparable(upto) for name, upto in accounts.spoken_for.items()}
    written |= {f"open:{tenant}": plain(held) for tenant, held in model.open.items() if held["jobs"]}
    written |= {f"idem:{tenant}:{key}": known[0] + known[1] for (tenant, key), known in model.keys.items()}
    written |= {f"job:{job.id}": record(job) for job in model.jobs.values()}
    written |= {f"pay:{job.id}": "x" * job.size for job in model.jobs.values() if job.sealed}
    written |= {f"cb:{job.id}": "callback" for job in callbacks(model)}
    written["called"] = {name: f"{kind} {since}" for name, (kind, since) in queues.called.items()}
    written |= {"park": plain(queues.parked), "tell": plain(model.to_tell)}
    written["sched"] = {job.id: comparable(job.due) for job in model.jobs.values() if job.due is not None}
    for job in model.jobs.values():
        if job.state in WAITING:
            put(written, f"waiting:{job.lane}", job, job.accepted)
        if job.state == "deferred":
            put(written, f"deferred:{job.lane}", job, job.due)
    return {name: value for name, value in written.items() if value}


def put(written: dict[str, Value], name: str, job: Job, moment: object) -> None:
    """Into a sorted set."""
    written[name] = {**dict(written.get(name, {})), job.id: comparable(moment)}  # type: ignore[arg-type]


def expected_ends(model: Model) -> dict[str, int]:
    """When they die by themselves."""
    jobs, accounts = model.jobs.values(), model.accounts
    ends = {f"job:{job.id}": job.forgotten_at for job in jobs}
    ends |= {f"pay:{job.id}": job.deadline for job in jobs if job.sealed}
    ends |= {f"cb:{job.id}": job.deadline + CALLBACK_KEPT_MS for job in callbacks(model)}
    ends |= {f"idem:{tenant}:{key}": known[2] for (tenant, key), known in model.keys.items()}
    ends |= {f"open:{tenant}": model.open_until[tenant] for tenant, held in model.open.items() if held["jobs"]}
    ends |= {f"brk:{account}": breaker.forgotten_at for account, breaker in accounts.breakers.items()}
    return ends | {f"rate:{name}": math.ceil(upto) for name, upto in accounts.spoken_for.items()}


def callbacks(model: Model) -> list[Job]:
    return [job for job in model.jobs.values() if job.tells and job.deadline + CALLBACK_KEPT_MS >= model.now]


def record(job: Job) -> dict[str, str]:
    cls, code, esc, phase = job.failure
    facts: dict[str, object] = {
        "lane": job.lane,
        "tp": job.tenant,
        "dp": job.account,
        "hp": job.host,
        "dclass": job.kind or None,
        "each": job.each if job.account else None,
        "on_unknown": "retry" if job.retries_unknown else "report",
        "bytes": job.size,
        "accepted": job.accepted,
        "deadline": job.deadline,
        "cb": 1 if job.tells else None,
        "fates": job.fates,
        "st": job.state,
        "upd": job.updated,
        "tok": job.token,
        "att": job.attempts,
        "lease": job.lease,
        "tries": job.tries or None,
        "cls": cls,
        "code": code,
        "esc": esc,
        "phase": phase,
        "perm": job.permanent,
        "why": job.refused or None,
        "dot": 1 if job.dot else None,
        "first": job.first,
        "hand": job.hand,
        "call": job.call,
        "lost": job.lost or None,
    }
    return plain({name: value for name, value in facts.items() if value is not None})


def plain(facts: object) -> dict[str, str]:
    return {name: comparable(value) for name, value in dict(facts).items()}  # type: ignore[call-overload]
