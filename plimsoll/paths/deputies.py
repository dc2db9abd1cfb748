"""Controllers that do with their own rights what a custom resource says: who may write it gains what they hold.

`all`: whoever writes the resource has any object applied with the controller's rights. `pods`: the controller makes pods
to the writer's liking in the namespace of the resource. `maybe`: it depends on options that manifests do not show.
After the documentation of each product.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from plimsoll.paths import nodes
from plimsoll.paths.model import Model
from plimsoll.posture.judging.whole import once
from plimsoll.posture.objects import listed, text

Gives = Literal["all", "pods", "maybe"]


class Deputy(NamedTuple):
    """A controller, and the resources it obeys."""

    group: str
    resources: tuple[str, ...]
    names: tuple[str, ...]
    """What its ServiceAccount is called, or a part of its image's name."""
    gives: Gives
    own_namespace: bool = False
    """Only resources in the controller's own namespace count."""
    unless: str = ""
    """An argument with which it acts as somebody of the writer's namespace instead."""


DEPUTIES = (
    Deputy("kustomize.toolkit.fluxcd.io", ("kustomizations",), ("kustomize-controller",), "all", unless="--default-service-account"),
    Deputy("helm.toolkit.fluxcd.io", ("helmreleases",), ("helm-controller",), "all", unless="--default-service-account"),
    Deputy("argoproj.io", ("applications", "applicationsets"), ("argocd-application-controller",), "all", own_namespace=True),
    Deputy("argoproj.io", ("workflows", "cronworkflows"), ("workflow-controller", "argo-workflow", "argo"), "pods"),
    Deputy("argoproj.io", ("rollouts",), ("argo-rollouts",), "pods"),
    Deputy("argoproj.io", ("sensors", "eventsources"), ("argo-events",), "pods"),
    Deputy("tekton.dev", ("pipelineruns", "taskruns", "runs", "customruns"), ("tekton-pipelines-controller",), "pods"),
    Deputy("kubeflow.org", ("notebooks",), ("notebook-controller",), "pods"),
    Deputy("kubeflow.org", ("tfjobs", "pytorchjobs", "mpijobs", "xgboostjobs", "jaxjobs"), ("training-operator", "mpi-operator"), "pods"),
    Deputy("trainer.kubeflow.org", ("trainjobs",), ("kubeflow-trainer", "trainer-controller"), "pods"),
    Deputy("sparkoperator.k8s.io", ("sparkapplications", "scheduledsparkapplications"), ("spark-operator",), "pods"),
    Deputy("ray.io", ("rayclusters", "rayjobs", "rayservices"), ("kuberay-operator",), "pods"),
    Deputy("batch.volcano.sh", ("jobs",), ("volcano-controllers",), "pods"),
    Deputy("serving.knative.dev", ("services", "configurations", "revisions"), ("knative-serving", "controller"), "pods"),
    Deputy("serving.kserve.io", ("inferenceservices",), ("kserve-controller-manager",), "pods"),
    Deputy("machinelearning.seldon.io", ("seldondeployments",), ("seldon-manager", "seldon-controller"), "pods"),
    Deputy("monitoring.coreos.com", ("prometheuses", "alertmanagers", "thanosrulers", "prometheusagents"), ("prometheus-operator",), "pods"),
    Deputy("opentelemetry.io", ("opentelemetrycollectors",), ("opentelemetry-operator",), "pods"),
    Deputy("keda.sh", ("scaledjobs",), ("keda-operator",), "pods"),
    Deputy("apps.kruise.io", ("clonesets", "advancedcronjobs", "broadcastjobs", "daemonsets", "statefulsets"), ("kruise-manager",), "pods"),
    Deputy("actions.summerwind.dev", ("runners", "runnerdeployments", "runnersets"), ("actions-runner-controller",), "pods"),
    Deputy("actions.github.com", ("autoscalingrunnersets", "ephemeralrunnersets"), ("arc-gha-rs-controller", "gha-runner-scale-set-controller"), "pods"),
    Deputy("kubevirt.io", ("virtualmachines", "virtualmachineinstances"), ("kubevirt-controller", "virt-controller"), "maybe"),
    Deputy("kyverno.io", ("clusterpolicies", "policies", "updaterequests"), ("kyverno-background-controller", "kyverno"), "all"),
    Deputy("velero.io", ("restores",), ("velero",), "all", own_namespace=True),
    Deputy("velero.io", ("backups", "schedules", "downloadrequests"), ("velero",), "maybe", own_namespace=True),
    Deputy("pkg.crossplane.io", ("providers", "configurations", "functions"), ("crossplane",), "all"),
    Deputy("apiextensions.crossplane.io", ("compositions",), ("crossplane",), "all"),
    Deputy("kubernetes.crossplane.io", ("objects",), ("provider-kubernetes",), "all"),
    Deputy("helm.crossplane.io", ("releases",), ("provider-helm",), "all"),
    Deputy("helm.cattle.io", ("helmcharts", "helmchartconfigs"), ("helm-controller", "helm-kube-system-traefik", "k3s"), "all"),
    Deputy("fleet.cattle.io", ("bundles", "gitrepos", "bundledeployments"), ("fleet-agent",), "all"),
    Deputy("operators.coreos.com", ("clusterserviceversions", "subscriptions"), ("olm-operator-serviceaccount", "catalog-operator"), "all"),
    Deputy("addons.cluster.x-k8s.io", ("clusterresourcesets",), ("capi-manager",), "maybe"),
    Deputy("chaos-mesh.org", ("podchaos", "stresschaos", "iochaos", "physicalmachinechaos", "workflows"), ("chaos-controller-manager",), "maybe"),
    Deputy("cert-manager.io", ("certificates", "certificaterequests", "issuers", "clusterissuers"), ("cert-manager",), "maybe"),
    Deputy("external-secrets.io", ("externalsecrets", "secretstores", "clustersecretstores", "pushsecrets"), ("external-secrets",), "maybe"),
    Deputy("secrets-store.csi.x-k8s.io", ("secretproviderclasses",), ("secrets-store-csi-driver",), "maybe"),
)  # fmt: skip


class Account(NamedTuple):
    """A ServiceAccount that a deputy runs as."""

    namespace: str
    name: str


def accounts(model: Model, one: Deputy) -> list[Account]:
    """Return the ServiceAccounts of a deputy in this cluster: by their name, or by what runs as them."""
    named = _by_name(model)
    found = dict.fromkeys(account for name in one.names for account in named.get(name, ()))
    return [account for account in found if not (one.unless and _is_told(model, account, one.unless))]


@once
def _by_name(model: Model) -> Mapping[str, list[Account]]:
    """Return the ServiceAccounts by their own names and by those of the images that run as them."""
    found: dict[str, list[Account]] = defaultdict(list)
    for told in model.accounts:
        account = Account(*told)
        found[account.name].append(account)
        for workload in model.by_account.get(nodes.account(*account), ()):
            for _, container in workload.containers:
                found[image_name(text(container.body.get("image")))].append(account)
    return found


def image_name(image: str) -> str:
    """Return what an image is called, without where it is from and its version.

    >>> image_name("ghcr.io/fluxcd/kustomize-controller:v1.2")
    'kustomize-controller'
    """
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _is_told(model: Model, account: Account, word: str) -> bool:
    runs = model.by_account.get(nodes.account(*account), ())
    return any(word in told for one in runs for _, each in one.containers for told in _arguments(each.body))


def _arguments(body: object) -> Iterator[str]:
    told = body if isinstance(body, dict) else {}
    for name in ("command", "args"):
        yield from map(text, listed(told.get(name)))
