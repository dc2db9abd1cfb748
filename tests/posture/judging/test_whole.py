from __future__ import annotations

import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st

from plimsoll.posture.judging import whole
from plimsoll.posture.objects import Cluster, Object

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
EXPRESSIONS = st.fixed_dictionaries(
    {
        "key": st.sampled_from("abc"),
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Odd"]),
        "values": st.lists(st.sampled_from("xyz")),
    }
)
SELECTORS = st.fixed_dictionaries({"matchLabels": LABELS, "matchExpressions": st.lists(EXPRESSIONS, max_size=2)})


def pods(all_labels):
    return [Object({"kind": "Pod", "metadata": {"name": str(n), "labels": held}}) for n, held in enumerate(all_labels)]


@given(st.lists(LABELS, max_size=6), SELECTORS)
def test_the_index_finds_just_those_that_a_look_at_each_finds(all_labels, selector):
    cluster = Cluster(pods(all_labels))
    found = [one.name for one in whole.workloads(cluster).meant("default", selector)]
    assert found == [one.name for one in cluster.objects if whole.matches(selector, whole.labels(one))]


def test_what_is_worked_out_once_goes_with_its_cluster():
    asked = []

    @whole.once
    def count(cluster):
        asked.append(1)
        return len(cluster.objects)

    cluster = Cluster(pods([{}]))
    assert (count(cluster), count(cluster), len(asked)) == (1, 1, 1)
    gone = weakref.ref(cluster)
    del cluster
    gc.collect()
    assert gone() is None


def test_a_service_leads_to_the_workloads_of_its_namespace_and_without_a_selector_nowhere():
    web = Object({"kind": "Pod", "metadata": {"name": "web", "namespace": "a", "labels": {"app": "web"}}})
    elsewhere = Object({"kind": "Pod", "metadata": {"name": "web", "namespace": "b", "labels": {"app": "web"}}})
    service = Object({"kind": "Service", "metadata": {"namespace": "a"}, "spec": {"selector": {"app": "web"}}})
    headless = Object({"kind": "Service", "metadata": {"namespace": "a"}, "spec": {}})
    cluster = Cluster([web, elsewhere, service, headless])
    assert whole.services_of(web, cluster) == [service]
    assert whole.services_of(elsewhere, cluster) == []
    assert list(whole.workloads(cluster).behind(headless)) == []


def test_labels_of_any_type_break_nothing():
    odd = Object({"kind": "Pod", "metadata": {"labels": {"a": [1], "b": {"c": 1}, 3: None}}})
    assert list(whole.workloads(Cluster([odd])).meant("default", {"matchLabels": {"a": "x"}})) == []


def test_an_object_is_found_in_its_own_namespace_only():
    role = Object({"kind": "Role", "metadata": {"name": "r"}})
    cluster = Cluster([role])
    assert whole.named(cluster, "Role", "default", "r") is role
    assert whole.named(cluster, "Role", "shop", "r") is None
