"""Audit logs of a made-up cluster: three hundred identities and their habits, as the API server writes them.

Metadata level, about 1.2 kB an event, ordered by time. Controllers and nodes make most of the requests, people
few. Pods are replaced and tokens renewed once a day, so what an event costs to read is neither that of one line a
thousand times over nor that of lines that share nothing.
"""

from __future__ import annotations

import itertools
import json
import random
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
SPACES = [f"team-{number:02}" for number in range(40)]
VERSION = "v1.34.1 (linux/amd64) kubernetes/93248f9"
BOUND_BY = 'RBAC: allowed by RoleBinding "{name}/{space}" of Role "{name}" to ServiceAccount "{name}/{space}"'


class Habit(NamedTuple):
    """A request that an identity makes again and again."""

    verb: str
    group: str
    resource: str
    space: str
    name: str
    """With `{}` where a program makes up a part of it."""
    code: int = 200


class Identity(NamedTuple):
    """Who asks, from where, with what, for what, and how often."""

    username: str
    groups: tuple[str, ...]
    agent: str
    addresses: tuple[str, ...]
    pod: str
    """The beginning of the name of the pod its token is bound to, empty for who has a certificate."""
    weight: float
    habits: tuple[Habit, ...]


def cluster(chance: random.Random) -> list[Identity]:
    """Return the identities: 20 controllers, 30 nodes, 220 service accounts, 25 people and 5 pipelines."""
    return [
        *(_controller(number) for number in range(20)),
        *(_node(number) for number in range(30)),
        *(_account(number, chance) for number in range(220)),
        *(_person(number, chance) for number in range(25)),
        *(_pipeline(number) for number in range(5)),
    ]


def _controller(number: int) -> Identity:
    name = f"controller-{number:02}"
    kinds = ["deployments", "replicasets", "statefulsets", "daemonsets"]
    habits = [
        Habit("update", "coordination.k8s.io", "leases", "kube-system", name),
        Habit("watch", "apps", kinds[number % 4], "", ""),
        Habit("list", "", "pods", "", ""),
        *(Habit("patch", "apps", f"{kinds[number % 4]}/status", space, "app-{}") for space in SPACES[:12]),
        *(Habit("create", "", "events", space, "app-{}", 201) for space in SPACES[12:24]),
    ]
    agent = f"kube-controller-manager/{VERSION}/system:serviceaccount:kube-system:{name}"
    return _of_account("kube-system", name, agent, ("10.20.0.10",), 6.0, habits)


def _node(number: int) -> Identity:
    name = f"ip-10-20-{number // 8}-{number + 20}"
    habits = [
        Habit("update", "coordination.k8s.io", "leases", "kube-node-lease", name),
        Habit("patch", "", "nodes/status", "", name),
        Habit("create", "", "serviceaccounts/token", SPACES[number], "app-{}", 201),
        *(Habit("get", "", kind, SPACES[number], "app-{}") for kind in ("pods", "configmaps", "secrets")),
        *(Habit("patch", "", "pods/status", space, "app-{}") for space in SPACES[number : number + 6]),
    ]
    address = f"10.20.{number // 8}.{number + 20}"
    return Identity(f"system:node:{name}", ("system:nodes",), f"kubelet/{VERSION}", (address,), "", 6.0, tuple(habits))


def _account(number: int, chance: random.Random) -> Identity:
    space, name = SPACES[number % 40], f"app-{number}"
    kinds = ["configmaps", "pods", "services", "endpoints", "secrets", "ingresses", "jobs", "deployments"]
    habits = [
        Habit("get", "", "configmaps", space, f"{name}-config"),
        Habit("update", "coordination.k8s.io", "leases", space, name),
        Habit("create", "authorization.k8s.io", "subjectaccessreviews", "", "", 201),
        *(
            Habit(chance.choice(["get", "list", "watch"]), "", kind, space, f"{kind}-{{}}")
            for kind in chance.sample(kinds, 4)
        ),
    ]
    agent = chance.choice([f"{name}/v{number % 9}.2.0 {VERSION[8:]}", f"kube-rs/0.9{number % 9}", "okhttp/4.12.0"])
    addresses = tuple(f"10.244.{chance.randrange(30)}.{chance.randrange(2, 250)}" for _ in range(2))
    return _of_account(space, name, agent, addresses, chance.paretovariate(1.2), habits)


def _person(number: int, chance: random.Random) -> Identity:
    spaces = chance.sample(SPACES, 3)
    asked = ["pods", "deployments", "services", "configmaps", "events", "pods/log"]
    habits = [
        Habit("list" if "/" not in kind else "get", "", kind, space, "app-{}") for space in spaces for kind in asked
    ]
    addresses = tuple(f"10.8.{number % 4}.{chance.randrange(2, 250)}" for _ in range(3))
    groups = (f"oidc:{SPACES[number]}", "oidc:engineering")
    return Identity(f"person{number:02}@corp.example", groups, f"kubectl/{VERSION}", addresses, "", 0.4, tuple(habits))


def _pipeline(number: int) -> Identity:
    verbs = ("get", "patch", "create", "delete", "list")
    habits = [Habit(verb, "apps", "deployments", space, "app-{}") for verb in verbs for space in SPACES[number::5]]
    address = (f"10.30.4.{12 + number}",)
    return _of_account("ci", f"deployer-{number}", "argocd-application-controller/v3.1.0", address, 3.0, habits)


def _of_account(
    space: str, name: str, agent: str, addresses: tuple[str, ...], weight: float, habits: list[Habit]
) -> Identity:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{space}")
    return Identity(f"system:serviceaccount:{space}:{name}", groups, agent, addresses, name, weight, tuple(habits))


def write(path: Path, events: int, *, first_day: int, days: int, thefts: int = 0) -> None:
    """Write a log of so many events, evenly over so many days; thefts are some of its last ones."""
    habits, moments = random.Random(7), random.Random(first_day)
    who = cluster(habits)
    weights = list(itertools.accumulate(one.weight for one in who))
    with path.open("w", encoding="ascii", buffering=1 << 20) as file:
        for number in range(events):
            time = BEGIN + DAY * first_day + DAY * days * number / events
            day = first_day + days * number // events
            if number >= events - thefts:
                file.write(_stolen(who[50 + number % 200], day, time, moments))
                continue
            identity = moments.choices(who, cum_weights=weights)[0]
            habit = identity.habits[min(int(moments.expovariate(0.4)), len(identity.habits) - 1)]
            file.write(_event(identity, habit, day, time, moments))


def _stolen(identity: Identity, day: int, time: datetime, chance: random.Random) -> str:
    """Return what a thief asks for with the token of a service account, from elsewhere."""
    thief = identity._replace(addresses=("203.0.113.77",), agent="python-requests/2.32.3")
    return _event(thief, Habit("list", "", "secrets", "", ""), day, time, chance)


_users: dict[tuple[str, int], str] = {}


def _user(identity: Identity, day: int) -> str:
    """Return the user as JSON; service accounts have another pod and token every day."""
    key = (identity.username, day if identity.pod else 0)
    if key not in _users:
        ids = _ids(identity.username, key[1])
        name = f"{identity.pod}-7d9c5b8f6d-{ids[0][:5]}"
        node = f"ip-10-20-{int(ids[0][:2], 16) % 4}-{20 + int(ids[0][:2], 16) % 30}"
        bound = {
            "authentication.kubernetes.io/credential-id": [f"JTI={ids[1]}"],
            "authentication.kubernetes.io/node-name": [node],
            "authentication.kubernetes.io/node-uid": [ids[2]],
            "authentication.kubernetes.io/pod-name": [name],
            "authentication.kubernetes.io/pod-uid": [ids[3]],
        }
        fingerprint = ids[1].replace("-", "") + ids[2].replace("-", "")
        certificate = {"authentication.kubernetes.io/credential-id": [f"X509SHA256={fingerprint}"]}
        user = {
            "username": identity.username,
            **({"uid": _ids(identity.username, 0)[0]} if identity.pod else {}),
            "groups": [*identity.groups, "system:authenticated"],
            "extra": bound if identity.pod else certificate,
        }
        _users[key] = json.dumps(user, separators=(",", ":"))
    return _users[key]


def _ids(name: str, day: int) -> list[str]:
    chance = random.Random(f"{name} {day}")
    return [str(uuid.UUID(int=chance.getrandbits(128))) for _ in range(4)]


def _event(identity: Identity, habit: Habit, day: int, time: datetime, chance: random.Random) -> str:
    """Return one line of the log."""
    resource, _, sub = habit.resource.partition("/")
    name = habit.name.format(chance.randrange(12)) if habit.verb not in ("list", "watch") else ""
    return (
        f'{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata",'
        f'"auditID":"{uuid.UUID(int=chance.getrandbits(128))}","stage":"ResponseComplete",'
        f'"requestURI":"{_uri(habit, resource, sub, name)}","verb":"{habit.verb}","user":{_user(identity, day)},'
        f'"sourceIPs":["{identity.addresses[day % len(identity.addresses)]}"],"userAgent":"{identity.agent}",'
        f'"objectRef":{{{_object(habit, resource, sub, name)}}},'
        f'"responseStatus":{{"metadata":{{}},"code":{habit.code}}},"requestReceivedTimestamp":"{_stamp(time)}",'
        f'"stageTimestamp":"{_stamp(time + timedelta(microseconds=chance.randrange(900, 9000)))}",'
        f'"annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"{_reason(identity)}"}}}}\n'
    )


def _uri(habit: Habit, resource: str, sub: str, name: str) -> str:
    parts = [f"/apis/{habit.group}/v1" if habit.group else "/api/v1"]
    parts += [f"namespaces/{habit.space}"] if habit.space else []
    parts += [part for part in (resource, name, sub) if part]
    asked = {
        "watch": "?allowWatchBookmarks=true&resourceVersion=184467&timeoutSeconds=421&watch=true",
        "list": "?limit=500&resourceVersion=0",
    }
    return "/".join(parts) + asked.get(habit.verb, "")


def _object(habit: Habit, resource: str, sub: str, name: str) -> str:
    parts = {"resource": resource, "namespace": habit.space, "name": name, "apiGroup": habit.group, "apiVersion": "v1"}
    return ",".join(f'"{key}":"{value}"' for key, value in (parts | {"subresource": sub}).items() if value)


def _reason(identity: Identity) -> str:
    if not identity.pod:
        return ""
    space, name = identity.username.split(":")[2:]
    return json.dumps(BOUND_BY.format(name=name, space=space))[1:-1]


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
