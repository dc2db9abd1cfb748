from plimsoll.paths.edges import sinks
from tests.paths.clusters import account, may, pod, rule, thing
from tests.paths.familiar import steps

COMPUTE = ("SINK_COMPUTE", "Container:a/p/c", "Sink:compute")
LIMITED = {"resources": {"limits": {"cpu": "1"}}}


def test_a_container_without_a_limit_computes_for_anybody():
    assert COMPUTE in steps(sinks.edges, pod("p"))
    assert COMPUTE not in steps(sinks.edges, pod("p", container=LIMITED))
    assert COMPUTE in steps(sinks.edges, pod("p", container={"resources": {"limits": {"memory": "1Gi"}}}))


def test_a_range_for_the_namespace_is_a_limit():
    def limits(**told):
        return thing("LimitRange", "l", "a", spec={"limits": [{"type": "Container", **told}]})

    assert COMPUTE not in steps(sinks.edges, pod("p"), limits(default={"cpu": "1"}))
    assert COMPUTE in steps(sinks.edges, pod("p"), limits(default={"memory": "1Gi"}))


def test_who_makes_pods_computes_where_no_quota_holds():
    told = (account("x"), *may(rule("create", "pods"), namespace="a"))
    edge = ("SINK_COMPUTE", "SA:a/x", "Sink:compute")
    assert edge in steps(sinks.edges, *told)
    assert edge not in steps(sinks.edges, *told, thing("ResourceQuota", "q", "a", spec={"hard": {"pods": "5"}}))


def test_who_deletes_volumes_everywhere_destroys():
    edge = ("SINK_DESTROY", "SA:a/x", "Sink:destroy")
    assert edge in steps(sinks.edges, account("x"), *may(rule("delete", "persistentvolumes")))
    assert edge not in steps(sinks.edges, account("x"), *may(rule("delete", "persistentvolumes"), namespace="a"))
    assert edge not in steps(sinks.edges, account("x"), *may(rule("get", "persistentvolumes")))
    assert edge not in steps(sinks.edges, account("x"), *may(rule("delete", "persistentvolumes", names="one")))
