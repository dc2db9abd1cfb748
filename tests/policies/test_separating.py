"""Selectors mean one workload and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.policies.separating import select
from plimsoll.policies.templates import Key, Labels, Workload


def workload(name: str, *variants: Labels, selector: Labels | None = None) -> Workload:
    return Workload(Key("shop", "Deployment", name), variants, selector, frozenset(), on_host=False)


def test_an_owners_own_selector_is_taken_where_it_separates() -> None:
    one = workload("web", {"app": "web", "x": "1"}, selector={"x": "1"})
    assert select(one, [workload("redis", {"app": "redis"})]).labels == (("x", "1"),)


def test_hashes_and_names_of_runs_are_never_taken() -> None:
    labels = {"pod-template-hash": "5d8", "job-name": "a-1", "statefulset.kubernetes.io/pod-name": "a-0", "app": "a"}
    assert select(workload("a", labels, selector=labels), []).labels == (("app", "a"),)


def test_a_label_that_changed_between_rollouts_is_not_taken() -> None:
    one = workload("web", {"app": "web", "track": "1"}, {"app": "web", "track": "2"})
    chosen = select(one, [workload("other", {"app": "web", "track": "3"})])
    assert chosen.labels == (("app", "web"),)
    assert chosen.also == ("shop/Deployment/other",)


def test_as_many_labels_as_keep_the_others_out() -> None:
    one = workload("a", {"app": "web", "color": "red", "size": "xl"})
    others = [workload("b", {"app": "web", "color": "blue", "size": "xl"})]
    assert select(one, others).labels == (("app", "web"), ("color", "red"))


def test_a_version_is_taken_only_where_nothing_else_separates() -> None:
    chosen = select(
        workload("v1", {"app": "reviews", "version": "1"}), [workload("v2", {"app": "reviews", "version": "2"})]
    )
    assert chosen.labels == (("app", "reviews"), ("version", "1"))


def test_who_has_less_labels_is_told_from_who_has_more_by_what_it_lacks() -> None:
    chosen = select(workload("web", {"app": "web"}), [workload("canary", {"app": "web", "canary": "yes"})])
    assert (chosen.labels, chosen.absent, chosen.also) == ((("app", "web"),), ("canary",), ())


def test_pods_without_labels_are_told_from_those_with_some() -> None:
    chosen = select(workload("bare", {}), [workload("web", {"app": "web"})])
    assert (chosen.labels, chosen.absent) == ((), ("app",))


def test_who_has_the_same_labels_is_named() -> None:
    assert select(workload("a", {"app": "x"}), [workload("b", {"app": "x"})]).also == ("shop/Deployment/b",)


LABELS = st.dictionaries(st.sampled_from(["app", "tier", "version", "zone"]), st.sampled_from(["1", "2"]), max_size=4)


@given(st.lists(LABELS, min_size=1, max_size=3), st.lists(LABELS, max_size=4))
def test_its_own_pods_are_selected_and_others_are_not_unless_named(own: list[Labels], others: list[Labels]) -> None:
    one, rest = workload("one", *own), [workload(f"w{n}", labels) for n, labels in enumerate(others)]
    chosen = select(one, rest)
    assert all(map(chosen.matches, own))
    caught = {str(other.key) for other in rest if chosen.matches(other.variants[0])}
    assert caught == set(chosen.also)
