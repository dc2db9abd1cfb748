"""Order in a cluster: namespaces of one's own, labels that say what is what, selectors that mean one's own pods."""

from __future__ import annotations

from plimsoll.posture.check import Test, Violation, test
from plimsoll.posture.judging import kubescape_defaults
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found
from plimsoll.posture.judging.whole import is_empty, labels, matches, namespace
from plimsoll.posture.objects import Cluster, Object, at, listed, mapped

_OF_KUBERNETES = frozenset(
    (
        ("Service", "kubernetes"),
        ("Endpoints", "kubernetes"),
        ("EndpointSlice", "kubernetes"),
        ("ConfigMap", "kube-root-ca.crt"),
        ("ServiceAccount", "default"),
    )
)
"""What Kubernetes itself keeps in the default namespace."""


def _in_default(name: str, *kinds: str) -> Test:
    @test(*kinds, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if namespace(one) == "default" and (one.kind, one.name) not in _OF_KUBERNETES:
            yield Violation("metadata.namespace", f"{one.kind} {one.name} is in the default namespace")

    return judged


workload_in_default = _in_default("workload_in_default", *MAKERS)
config_map_in_default = _in_default("config_map_in_default", "ConfigMap")
storage_capacity_in_default = _in_default("storage_capacity_in_default", "CSIStorageCapacity")
endpoints_in_default = _in_default("endpoints_in_default", "Endpoints")
endpoint_slice_in_default = _in_default("endpoint_slice_in_default", "EndpointSlice")
autoscaler_in_default = _in_default("autoscaler_in_default", "HorizontalPodAutoscaler")
ingress_in_default = _in_default("ingress_in_default", "Ingress")
lease_in_default = _in_default("lease_in_default", "Lease")
claim_in_default = _in_default("claim_in_default", "PersistentVolumeClaim")
disruption_budget_in_default = _in_default("disruption_budget_in_default", "PodDisruptionBudget")
pod_template_in_default = _in_default("pod_template_in_default", "PodTemplate")
replication_controller_in_default = _in_default("replication_controller_in_default", "ReplicationController")
secret_in_default = _in_default("secret_in_default", "Secret")
role_in_default = _in_default("role_in_default", "Role")
role_binding_in_default = _in_default("role_binding_in_default", "RoleBinding")
service_in_default = _in_default("service_in_default", "Service")
service_account_in_default = _in_default("service_account_in_default", "ServiceAccount")


def _unlabelled(name: str, wanted: frozenset[str]) -> Test:
    @test(*MAKERS, name=name)
    def judged(one: Object, _: Cluster) -> Found:
        if wanted.isdisjoint(one.labels):
            yield Violation("metadata.labels", f"none of {', '.join(sorted(wanted))} is set")
        elif one.pod and one.kind != "Pod" and wanted.isdisjoint(labels(one)):
            yield Violation("metadata.labels", f"none of {', '.join(sorted(wanted))} is set for its pods")

    return judged


recommended_labels = _unlabelled("recommended_labels", kubescape_defaults.RECOMMENDED_LABELS)
kubernetes_labels = _unlabelled("kubernetes_labels", kubescape_defaults.KUBERNETES_LABELS)


@test(*MAKERS)
def selector_of_others(one: Object, _: Cluster) -> Found:
    """The selector of a workload does not mean its own pods."""
    above = ("spec", "jobTemplate", "spec") if one.kind == "CronJob" else ("spec",)
    selector = at(one.body, *above, "selector")
    if one.kind != "Pod" and mapped(selector) and not is_empty(selector) and not matches(selector, labels(one)):
        yield Violation(".".join((*above, "selector")), "the labels of its pods are others")


@test(*MAKERS, "ReplicationController")
def repeated_variable(one: Object, _: Cluster) -> Found:
    """A container sets a variable twice."""
    for container in one.pod.containers if one.pod else ():
        seen: dict[str, int] = {}
        for number, variable in enumerate(listed(container.body.get("env"))):
            name = str(mapped(variable).get("name"))
            if seen.setdefault(name, number) != number:
                yield Violation(f"{container.field}.env[{number}]", f"{name[:100]} is set more than once")


@test("Pod")
def naked_pod(one: Object, _: Cluster) -> Found:
    """No controller stands behind a pod."""
    if not one.metadata.get("ownerReferences"):
        yield Violation("metadata.ownerReferences", "no controller would make it again")


@test("Deployment")
def no_rolling_update(one: Object, _: Cluster) -> Found:
    """All pods of a Deployment stop before the first new one starts."""
    kind = at(one.spec, "strategy", "type")
    if kind not in (None, "", "RollingUpdate"):
        yield Violation("spec.strategy.type", f"the strategy is {kind}")


@test("CronJob")
def cron_job(one: Object, _: Cluster) -> Found:
    """Something runs by the clock."""
    yield Violation("spec.schedule", f"it runs at {str(one.spec.get('schedule'))[:100]}")
