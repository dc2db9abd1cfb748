import pytest

from plimsoll.paths.edges.rbac_certificates import edges
from tests.paths.clusters import bind, may, model, node, rule
from tests.paths.shown import targets

GROUP = "certificates.k8s.io"
ASK = rule("create", "certificatesigningrequests", GROUP)
APPROVE = rule("update", "certificatesigningrequests/approval", GROUP)
PEOPLE = bind("b", "ClusterRole/edit", "User:alice", "Group:system:masters", "Group:ops")


def sign(*names: str) -> dict[str, object]:
    return rule("approve", "signers", GROUP, " ".join(names))


@pytest.mark.parametrize("signer", ["kubernetes.io/kube-apiserver-client", "kubernetes.io/*", ""])
def test_asking_approving_and_the_signer_make_one_anybody_but_a_master(signer: str) -> None:
    found = targets(edges, "CSR_CLIENT", *may(ASK, APPROVE, sign(signer)), PEOPLE)
    assert found == {"User:alice", "Group:ops", "SA:a/x"}


@pytest.mark.parametrize(
    "rules", [(ASK, APPROVE), (ASK, sign("")), (APPROVE, sign("")), (ASK, APPROVE, sign("example.com/own"))]
)
def test_two_of_the_three_make_one_nobody(rules: tuple[dict[str, object], ...]) -> None:
    assert targets(edges, "CSR_CLIENT", *may(*rules), PEOPLE) == set()


def test_rights_of_a_namespace_make_one_nobody() -> None:
    assert targets(edges, "CSR_CLIENT", *may(ASK, APPROVE, sign(""), namespace="a"), PEOPLE) == set()


def test_the_kubelets_signer_makes_one_a_node() -> None:
    rules = (ASK, APPROVE, sign("kubernetes.io/kube-apiserver-client-kubelet"))
    assert targets(edges, "CSR_NODE", *may(*rules), node("n1")) == {"User:system:node:n1"}
    assert targets(edges, "CSR_NODE", *may(*rules)) == {"User:system:node:*"}
    assert targets(edges, "CSR_CLIENT", *may(*rules), PEOPLE) == set()


def test_what_the_controller_approves_by_itself_needs_no_approval() -> None:
    auto = rule("create", "certificatesigningrequests/nodeclient", GROUP)
    assert targets(edges, "CSR_NODE", *may(ASK, auto), node("n1")) == {"User:system:node:n1"}


@pytest.mark.parametrize("joining", [True, False])
def test_a_bootstrap_token_joins_nodes_where_such_tokens_do(joining: bool) -> None:
    groups = (
        [bind("join", "ClusterRole/system:node-bootstrapper", "Group:system:bootstrappers:kubeadm")] if joining else []
    )
    told = model(*may(rule("create", "secrets"), namespace="kube-system"), *groups)
    (one,) = [one for one in edges(told) if one.kind == "CSR_NODE" and one.source == "SA:a/x"]
    assert one.conditional is not joining
