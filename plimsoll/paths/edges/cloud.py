"""From the cluster into the cloud and back: the node's own cloud identity, those of ServiceAccounts, mappings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import yaml

from plimsoll.paths import nodes
from plimsoll.paths.edge import Edge
from plimsoll.paths.model import Model
from plimsoll.paths.workloads import Workload, namespace_of
from plimsoll.posture.objects import Body, Object, at, listed, mapped, text

METADATA = "169.254.169.254"
_WIRE_SERVER = "168.63.129.16"
_AWS, _GCP = "eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account"
_AZURE, _AZURE_USE = "azure.workload.identity/client-id", "azure.workload.identity/use"
_NO_CLOUD = ("kind://", "k3s://", "k3d://", "minikube", "metal3://", "baremetalhost://", "moref://", "vsphere://")
_EKS_LABELS = ("eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name", "eks.amazonaws.com/compute-type")
_NODES = "system:node:{{"
_LONGEST = 200_000


def edges(model: Model) -> Iterator[Edge]:
    """Yield the ways into the cloud and back."""
    if _may_be_cloud(model):
        yield from _metadata(model)
    yield from _workload_identities(model)
    yield from _return_of_nodes(model)
    yield from _return_of_roles(model)
    yield from _power_over_nodes(model)


def _may_be_cloud(model: Model) -> bool:
    """Say whether nodes may have a metadata service: not where all of them tell that they have none."""
    told = [text(one.spec.get("providerID")) for one in model.nodes.values() if one is not None]
    return not told or not all(one.startswith(_NO_CLOUD) for one in told)


def _metadata(model: Model) -> Iterator[Edge]:
    bootstrap = _WIRE_SERVER if _is_azure(model) else METADATA
    for workload in model.workloads:
        on_host = workload.pod.spec.get("hostNetwork") is True
        if model.reach.to_address(workload, METADATA, "TCP", 80):
            told = "is on its node's network" if on_host else f"may reach {METADATA} (no policy keeps it from)"
            for name, _ in workload.containers:
                why = f"{workload.end} {told}: the metadata service gives it what the node has in the cloud"
                yield Edge("IMDS", name, nodes.CLOUD_NODE, why, (workload.ref,))
        if model.reach.to_address(workload, bootstrap, "TCP", 80):
            for name, _ in workload.containers:
                why = f"{workload.end} may reach {bootstrap}, which may hand out what nodes join the cluster with"
                yield Edge("IMDS_BOOTSTRAP", name, _BOOTSTRAPPERS, why, (workload.ref,), conditional=True)
    if model.nodes:
        why = "who joins as a node is given a certificate for any node's name"
        for name in model.nodes:
            yield Edge("CSR_NODE", _BOOTSTRAPPERS, nodes.user(f"system:node:{name}"), why, conditional=True)


_BOOTSTRAPPERS = nodes.group("system:bootstrappers")


def _is_azure(model: Model) -> bool:
    found = (text(one.spec.get("providerID")) for one in model.nodes.values() if one is not None)
    return any(one.startswith("azure://") for one in found)


def _power_over_nodes(model: Model) -> Iterator[Edge]:
    """Yield what cloud identities may do to the cluster, if the cloud lets them: no manifest tells."""
    told = [(nodes.CLOUD_NODE, "the nodes' own identity")]
    told += [(one.id, f"the cloud identity of {one.namespace}/{one.name}") for one in _cloud_accounts(model)]
    for one, name in told:
        why = f"{name} may be allowed to change what instances run"
        yield Edge("CLOUD_NODE_WRITE", one, model.any_node, why, conditional=True)
    why = "the nodes' own identity may be allowed to read where the cluster's state is kept"
    yield Edge("CLOUD_STATE_STORE", nodes.CLOUD_NODE, nodes.CLUSTER_ADMIN, why, conditional=True)


class _CloudAccount(NamedTuple):
    """What a ServiceAccount is in a cloud."""

    namespace: str
    name: str
    why: str
    object: str
    unlabelled: bool = True
    """It is given to pods without a label too."""

    @property
    def id(self) -> str:
        """Its id."""
        return nodes.cloud(self.namespace, self.name)


def _workload_identities(model: Model) -> Iterator[Edge]:
    for one in _cloud_accounts(model):
        account = nodes.account(one.namespace, one.name)
        running = [found for found in model.by_account.get(account, ()) if one.unlabelled or _is_labelled(found)]
        if one.unlabelled or running:
            yield Edge("CLOUD_WORKLOAD_ID", account, one.id, one.why, (one.object,))
        for workload in running:
            for name, _ in workload.containers:
                why = f"{workload.end} runs as it: {one.why}"
                yield Edge("CLOUD_WORKLOAD_ID", name, one.id, why, (workload.ref,))


def _is_labelled(workload: Workload) -> bool:
    return str(workload.pod.labels.get(_AZURE_USE)).lower() == "true"


def _cloud_accounts(model: Model) -> Iterator[_CloudAccount]:
    for (namespace, name), one in model.accounts.items():
        for key in (_AWS, _GCP, _AZURE) if one else ():
            told = text(one.annotations.get(key)) if one else ""
            if told:
                why = f"ServiceAccount {namespace}/{name} has {key} {told[:200]}"
                yield _CloudAccount(namespace, name, why, nodes.ref("ServiceAccount", name, namespace), key != _AZURE)
    for one in model.cluster.of("PodIdentityAssociation"):
        namespace, name = text(one.spec.get("namespace")), text(one.spec.get("serviceAccount"))
        if namespace and name:
            why = f"PodIdentityAssociation {one.name} gives {namespace}/{name} a role"
            ref = nodes.ref("PodIdentityAssociation", one.name, namespace_of(one))
            yield _CloudAccount(namespace, name, why, ref)


def _return_of_nodes(model: Model) -> Iterator[Edge]:
    """Yield what the cloud identity of nodes is to the API server: on EKS, the node itself."""
    for name, node in model.nodes.items():
        version = text(at(node.body, "status", "nodeInfo", "kubeletVersion")) if node else ""
        if node is not None and ("-eks-" in version or any(one in node.labels for one in _EKS_LABELS)):
            why = f"Node {name} is of EKS, which takes the node's role for system:node:{name}"
            yield Edge("CLOUD_RETURN", nodes.CLOUD_NODE, nodes.user(f"system:node:{name}"), why)


def _return_of_roles(model: Model) -> Iterator[Edge]:
    mapping = model.config_maps.get(("kube-system", "aws-auth"))
    ref = (nodes.ref("ConfigMap", "aws-auth", "kube-system"),)
    holders = _holders_of_roles(model)
    for arn, user, groups in _mapped_roles(mapping) if mapping else ():
        of_nodes = "{{" in user
        sources = holders.get(_without_path(arn), [f"Cloud:{arn}"])
        for source in [nodes.CLOUD_NODE] if of_nodes else sources:
            why = f"aws-auth maps {arn[:200]} to {', '.join([user, *groups])[:200]}"
            targets = [nodes.group(one) for one in groups] + ([nodes.user(user)] if user and not of_nodes else [])
            targets += [nodes.user(f"system:node:{name}") for name in model.nodes] if user.startswith(_NODES) else []
            yield from (Edge("CLOUD_RETURN", source, target, why, ref) for target in targets)
    for one in model.cluster.of("AccessEntry"):
        arn = text(one.spec.get("principalARN"))
        for source in holders.get(_without_path(arn), [f"Cloud:{arn}"]) if arn else ():
            yield from _entered(one, source, arn)


def _entered(one: Object, source: str, arn: str) -> Iterator[Edge]:
    ref = (nodes.ref("AccessEntry", one.name, namespace_of(one)),)
    why = f"AccessEntry {one.name} lets {arn[:200]} into the cluster"
    for group in map(text, listed(one.spec.get("kubernetesGroups"))):
        yield Edge("CLOUD_RETURN", source, nodes.group(group), why, ref)
    for policy in listed(one.spec.get("accessPolicies")):
        whole = text(at(policy, "accessScope", "type")) in ("", "cluster")
        if whole and text(at(policy, "policyARN")).endswith(("AmazonEKSClusterAdminPolicy", "AmazonEKSAdminPolicy")):
            yield Edge("CLOUD_RETURN", source, nodes.CLUSTER_ADMIN, f"{why} as its administrator", ref)


def _holders_of_roles(model: Model) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for (namespace, name), one in model.accounts.items():
        arn = text(one.annotations.get(_AWS)) if one else ""
        if arn:
            found.setdefault(_without_path(arn), []).append(nodes.cloud(namespace, name))
    return found


def _without_path(arn: str) -> str:
    """Return a role's name as aws-auth knows it: without its path.

    >>> _without_path("arn:aws:iam::1:role/teams/ci/deploy")
    'arn:aws:iam::1:role/deploy'
    """
    head, slash, rest = arn.partition("/")
    return f"{head}{slash}{rest.rpartition('/')[2]}"


def _mapped_roles(mapping: Object) -> Iterator[tuple[str, str, Sequence[str]]]:
    data = mapped(mapping.body.get("data"))
    for key, name in (("mapRoles", "rolearn"), ("mapUsers", "userarn")):
        for one in map(mapped, listed(_decoded(text(data.get(key))))):
            groups = [text(group) for group in listed(one.get("groups")) if text(group)]
            if text(one.get(name)):
                yield text(one.get(name)), text(one.get("username")), groups


def _decoded(told: str) -> Body | list[object]:
    """Return what is written in a ConfigMap as YAML; nothing where it is not, or too long, or has aliases."""
    if not told or len(told) > _LONGEST or "&" in told:
        return []
    try:
        found = yaml.load(told, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return []
    return found if isinstance(found, list | dict) else []
