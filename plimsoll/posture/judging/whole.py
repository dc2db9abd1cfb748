"""What a test asks of a whole cluster, worked out once: whom a selector means, who has which labels.

A cluster has thousands of objects and a test sees one at a time, so every join goes by an index here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from plimsoll.posture.objects import Body, Cluster, Object, listed, mapped, text

K = TypeVar("K")
T = TypeVar("T")
Labels = Mapping[str, Any]

_NOBODY: list[Object] = []


def once(build: Callable[[K], T]) -> Callable[[K], T]:
    """Return a function that works something out the first time a cluster, or what is made of one, is asked about.

    What it works out must not hold on to what it is asked about: it is forgotten with that.

    >>> kinds = once(lambda cluster: [one.kind for one in cluster.objects])
    >>> kinds(Cluster([Object({"kind": "Pod"})]))
    ['Pod']
    """
    known: WeakKeyDictionary[K, T] = WeakKeyDictionary()

    def asked(whole: K) -> T:
        try:
            return known[whole]
        except KeyError:
            return known.setdefault(whole, build(whole))

    return asked


def namespace(one: Object) -> str:
    """Return the namespace an object is in."""
    return one.namespace or "default"


def labels(one: Object) -> Labels:
    """Return the labels of the pods an object is or makes.

    >>> labels(Object({"kind": "Pod", "metadata": {"labels": {"app": "web"}}}))
    {'app': 'web'}
    """
    return one.pod.labels if one.pod else {}


def is_empty(selector: object) -> bool:
    """Say whether a selector means everything.

    >>> is_empty({"matchLabels": {}}), is_empty({"matchLabels": {"app": "web"}})
    (True, False)
    """
    given = mapped(selector)
    return not mapped(given.get("matchLabels")) and not listed(given.get("matchExpressions"))


def matches(selector: object, held: Labels) -> bool:
    """Say whether a selector of matchLabels and matchExpressions means what has these labels.

    >>> matches({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, {"app": "web"})
    True
    """
    given = mapped(selector)
    return _has(mapped(given.get("matchLabels")), held) and all(
        _holds(mapped(one), held) for one in listed(given.get("matchExpressions"))
    )


def _has(wanted: Mapping[str, object], held: Labels) -> bool:
    return all(key in held and held[key] == value for key, value in wanted.items())


def _holds(expression: Body, held: Labels) -> bool:
    key, values = text(expression.get("key")), listed(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return key in held and held[key] in values
        case "NotIn":
            return key not in held or held[key] not in values
        case "Exists":
            return key in held
        case "DoesNotExist":
            return key not in held
    return False


class Workloads:
    """The workloads of a cluster by namespace, and by each of the labels of their pods."""

    def __init__(self, all_of_them: Iterable[Object]) -> None:
        """Take them; pods that a workload of the cluster made count like any other."""
        self._in: dict[str, list[Object]] = defaultdict(list)
        self._with: dict[tuple[str, str, str], list[Object]] = defaultdict(list)
        for one in all_of_them:
            self._in[namespace(one)].append(one)
            for key, value in labels(one).items():
                self._with[namespace(one), str(key), str(value)].append(one)

    def within(self, place: str) -> list[Object]:
        """Return those of a namespace."""
        return self._in.get(place, _NOBODY)

    def meant(self, place: str, selector: object) -> Iterator[Object]:
        """Yield those of a namespace that a selector of matchLabels and matchExpressions means."""
        wanted = mapped(mapped(selector).get("matchLabels"))
        candidates = self.within(place)
        for key, value in wanted.items():
            narrower = self._with.get((place, str(key), str(value)), _NOBODY)
            candidates = min(candidates, narrower, key=len)
        return (one for one in candidates if matches(selector, labels(one)))

    def behind(self, service: Object) -> Iterator[Object]:
        """Yield those a Service sends requests to."""
        wanted = mapped(service.spec.get("selector"))
        return self.meant(namespace(service), {"matchLabels": wanted}) if wanted else iter(())


@once
def workloads(cluster: Cluster) -> Workloads:
    """Return the workloads of a cluster, to be found by labels."""
    return Workloads(one for one in cluster.workloads if one.kind != "PodTemplate")


@once
def _services_of(cluster: Cluster) -> dict[int, list[Object]]:
    found: dict[int, list[Object]] = defaultdict(list)
    for service in cluster.of("Service"):
        for one in workloads(cluster).behind(service):
            found[id(one)].append(service)
    return found


def services_of(one: Object, cluster: Cluster) -> list[Object]:
    """Return the Services that send requests to a workload."""
    return _services_of(cluster).get(id(one), _NOBODY)


def named(cluster: Cluster, kind: str, place: str, name: str) -> Object | None:
    """Return an object of just this namespace.

    >>> named(Cluster([Object({"kind": "Role", "metadata": {"name": "a"}})]), "Role", "other", "a") is None
    True
    """
    found = cluster.get(kind, place, name)
    return found if found is not None and namespace(found) == place else None
