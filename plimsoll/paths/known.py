"""What is known of nodes, clouds and products that no manifest tells: a table to read and to extend (`known.yaml`)."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Literal

import msgspec
import yaml

from plimsoll.posture.objects import Body, Container, at, listed, text

Gives = Literal["account", "container"]
_NUMBER = re.compile(r"\d{1,12}")
_PARTS = 4


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A page or port through which whoever reaches it makes a component act for him."""

    name: str
    image: str
    gives: Gives = "account"
    unless: tuple[str, ...] = ()
    only_with: tuple[str, ...] = ()
    below: str = ""
    maybe: bool = False


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A port inside the cluster on which a control component obeys without asking who calls."""

    name: str
    image: str
    acts_as: str
    needs: str = ""
    """A part of the name of the workload that listens."""
    doing: str = ""
    """A word that what acts is started with, or named by."""
    unless: tuple[str, ...] = ()
    below: str = ""


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole table."""

    sockets: tuple[str, ...]
    obeyed: tuple[str, ...]
    harmless: tuple[str, ...]
    node_keys: tuple[str, ...]
    cluster_keys: tuple[str, ...]
    maybe_keys: tuple[str, ...]
    plugins: tuple[str, ...]
    devices: tuple[str, ...]
    internal_load_balancers: dict[str, tuple[str, ...]]
    internal_classes: dict[str, str]
    ingress_controllers: tuple[str, ...]
    pages: tuple[Page, ...]
    commands: tuple[Command, ...]
    runs_code: tuple[str, ...]
    fetches: tuple[str, ...]
    engines: tuple[str, ...]


@cache
def table() -> Known:
    """Return the table."""
    held = importlib.resources.files(__package__).joinpath("known.yaml").read_bytes()
    return msgspec.convert(yaml.load(held, Loader=yaml.CSafeLoader), Known)


def image(container: Container) -> str:
    """Return the image of a container, in small letters."""
    return text(container.body.get("image"))[:1000].lower()


def is_of(container: Container, names: Iterable[str]) -> bool:
    """Say whether a container's image is one of these, by a part of its name."""
    told = image(container)
    return any(one in told for one in names)


def version(told: str) -> tuple[int, ...]:
    """Return the version an image's tag or a text tells; nothing where it tells none.

    >>> version("quay.io/argoproj/argocd:v2.11.0"), version("redis@sha256:0000"), version("v1.34.1-eks-1")
    ((2, 11, 0), (), (1, 34, 1))
    """
    name = told.partition("@")[0].rpartition("/")[2]
    tag = name.partition(":")[2] if ":" in name else name
    start = tag.removeprefix("v")
    numbers = _NUMBER.findall(start.partition("-")[0].partition("+")[0])[:_PARTS]
    return tuple(map(int, numbers)) if start[:1].isdigit() else ()


def is_below(told: str, limit: str) -> bool:
    """Say whether a version is told and is lower than a limit; without a limit, every one is.

    >>> is_below("scope:1.9.1", "1.10"), is_below("scope:latest", "1.10"), is_below("scope:latest", "")
    (True, False, True)
    """
    return not limit or () < version(told) < version(limit)


def words(container: Container) -> str:
    """Return what a container is started with: command, arguments, and its environment as NAME=value."""
    return " ".join(_words(container.body))


def _words(body: Body) -> Iterator[str]:
    for name in ("command", "args"):
        yield from (text(one)[:1000] for one in listed(body.get(name))[:200])
    for one in listed(body.get("env"))[:500]:
        yield f"{text(at(one, 'name'))[:200]}={text(at(one, 'value'))[:200]}"


def opens(told: str, page: Page, by: str) -> bool:
    """Say whether what a container is started with, and its version, leave a page open."""
    with_it = not page.only_with or any(one in told for one in page.only_with)
    return with_it and not any(one in told for one in page.unless) and is_below(by, page.below)


def is_internal(annotations: Mapping[str, object], load_balancer_class: str) -> bool:
    """Say whether a cloud keeps a load balancer internal.

    >>> is_internal({"service.beta.kubernetes.io/aws-load-balancer-scheme": "internal"}, "")
    True
    >>> is_internal({}, "service.k8s.aws/nlb"), is_internal({}, "")
    (True, False)
    """
    known = table()
    for name, values in known.internal_load_balancers.items():
        told = annotations.get(name)
        if told is not None and _is_among(str(told).lower(), values):
            return True
    opener = known.internal_classes.get(load_balancer_class)
    if opener is None and str(annotations.get(_AWS_TYPE)) in ("external", "nlb-ip"):
        opener = _AWS_SCHEME
    return opener is not None and str(annotations.get(opener)).lower() not in ("internet-facing", "true")


_AWS_TYPE = "service.beta.kubernetes.io/aws-load-balancer-type"
_AWS_SCHEME = "service.beta.kubernetes.io/aws-load-balancer-scheme"


def _is_among(told: str, values: Iterable[str]) -> bool:
    return any(told == one or (one == "any" and told not in ("", "false")) for one in values)
