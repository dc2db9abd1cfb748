import pytest

from plimsoll.paths import placement
from tests.paths.clusters import model, node, pod


def where(spec: dict[str, object], *nodes_: dict[str, object]) -> tuple[str, ...]:
    told = model(pod("p", **spec), *nodes_)
    return placement.possible(told.workloads[0], told.nodes)


def test_a_pod_without_a_node_can_be_on_any_that_fits() -> None:
    assert where({"nodeSelector": {"disk": "ssd"}}, node("n1", disk="ssd"), node("n2")) == ("n1",)


@pytest.mark.parametrize(
    ("tolerations", "expected"),
    [
        ([], ()),
        ([{"operator": "Exists"}], ("n1",)),
        ([{"key": "control", "operator": "Exists", "effect": "NoSchedule"}], ("n1",)),
        ([{"key": "control", "value": "yes"}], ("n1",)),
        ([{"key": "control", "value": "no"}], ()),
        ([{"key": "control", "operator": "Exists", "effect": "NoExecute"}], ()),
    ],
)
def test_taints_keep_away_what_does_not_tolerate_them(tolerations: list[object], expected: tuple[str, ...]) -> None:
    taint = {"key": "control", "value": "yes", "effect": "NoSchedule"}
    assert where({"tolerations": tolerations}, node("n1", [taint])) == expected


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ({"key": "zone", "operator": "In", "values": ["b"]}, True),
        ({"key": "zone", "operator": "NotIn", "values": ["b"]}, False),
        ({"key": "zone", "operator": "Exists"}, True),
        ({"key": "zone", "operator": "DoesNotExist"}, False),
        ({"key": "size", "operator": "Gt", "values": ["3"]}, True),
        ({"key": "size", "operator": "Lt", "values": ["x"]}, False),
        ({"key": "zone", "operator": ["In"]}, False),
    ],
)
def test_required_affinity_chooses_nodes(expression: dict[str, object], fits: bool) -> None:
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert where({"affinity": affinity}, node("n1", zone="b", size="4")) == (("n1",) if fits else ())


def test_placements_tell_what_runs_on_a_node_and_what_could() -> None:
    told = model(pod("fixed", nodeName="n1"), pod("free"), node("n1"), node("n2"))
    assert [(one.nodes, [each.name for each in one.workloads]) for one in told.placements] == [
        (("n1",), ["fixed"]),
        (("n1", "n2"), ["free"]),
    ]
