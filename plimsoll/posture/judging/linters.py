"""What Trivy, Checkov, kube-score and kube-linter look at beyond the others: mostly mistakes, some of them dangers."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.kubescape_accounts import holds_token
from plimsoll.posture.judging.kubescape_images import image, images
from plimsoll.posture.judging.kubescape_pods import MAKERS, Found, containers, lasting, shared
from plimsoll.posture.judging.whole import named, namespace, once, workloads
from plimsoll.posture.objects import Body, Cluster, Object, at, listed, mapped, text

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_HANDLERS = ("httpGet", "tcpSocket", "grpc")
_OPEN = ("NodePort", "LoadBalancer")
_SCALED = ("Deployment", "StatefulSet", "ReplicaSet")
_HIGH_USER = 10_000
_SNIPPET = "-snippet"
_NGINX = "nginx.ingress.kubernetes.io/"
_GONE: dict[str, set[str]] = {
    "extensions/v1beta1": {"Deployment", "DaemonSet", "ReplicaSet", "NetworkPolicy", "PodSecurityPolicy", "Ingress"},
    "apps/v1beta1": {"Deployment", "StatefulSet"},
    "apps/v1beta2": {"Deployment", "DaemonSet", "ReplicaSet", "StatefulSet"},
    "networking.k8s.io/v1beta1": {"Ingress", "IngressClass"},
    "rbac.authorization.k8s.io/v1beta1": {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"},
    "rbac.authorization.k8s.io/v1alpha1": {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"},
    "admissionregistration.k8s.io/v1beta1": {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"},
    "apiextensions.k8s.io/v1beta1": {"CustomResourceDefinition"},
    "batch/v1beta1": {"CronJob"},
    "policy/v1beta1": {"PodDisruptionBudget", "PodSecurityPolicy"},
    "autoscaling/v2beta1": {"HorizontalPodAutoscaler"},
    "autoscaling/v2beta2": {"HorizontalPodAutoscaler"},
    "storage.k8s.io/v1beta1": {"StorageClass", "CSIDriver", "CSINode", "CSIStorageCapacity", "VolumeAttachment"},
    "scheduling.k8s.io/v1beta1": {"PriorityClass"},
    "coordination.k8s.io/v1beta1": {"Lease"},
    "discovery.k8s.io/v1beta1": {"EndpointSlice"},
}
"""API versions that Kubernetes 1.16 to 1.27 took away, by the kinds they had."""


@test(*sorted(set().union(*_GONE.values())))
def version_gone(one: Object, _: Cluster) -> Found:
    """An object is of an API version that Kubernetes no longer has."""
    told = text(one.body.get("apiVersion"))
    if one.kind in _GONE.get(told, ()):
        yield Violation("apiVersion", f"{told} is gone")


# References


@once
def _kept(cluster: Cluster) -> frozenset[tuple[str, str]]:
    """Return in which namespaces objects of these kinds are among the objects at all."""
    return frozenset((one.kind, namespace(one)) for one in cluster.of("ConfigMap", "Secret"))


def _references(one: Object) -> Iterator[tuple[str, str, Body, str]]:
    """Yield the ConfigMaps and Secrets that variables are from: field, kind, reference, key."""
    for container in containers(one):
        for number, variable in enumerate(listed(container.body.get("env"))):
            for name, kind in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
                told = mapped(at(variable, "valueFrom", name))
                if told:
                    yield f"{container.field}.env[{number}].valueFrom.{name}", kind, told, text(told.get("key"))
        for number, source in enumerate(listed(container.body.get("envFrom"))):
            for name, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                told = mapped(at(source, name))
                if told:
                    yield f"{container.field}.envFrom[{number}].{name}", kind, told, ""


@test(*MAKERS)
def variable_from_nowhere(one: Object, cluster: Cluster) -> Found:
    """A variable is from a ConfigMap or a Secret, or a key of one, that is not there."""
    for field, kind, told, key in _references(one):
        name = text(told.get("name"))
        held = named(cluster, kind, namespace(one), name)
        if told.get("optional") is True or (held is None and (kind, namespace(one)) not in _kept(cluster)):
            continue
        if held is None:
            yield Violation(field, f"there is no {kind} {name} in {namespace(one)}")
        elif key and not any(key in mapped(held.body.get(part)) for part in ("data", "stringData", "binaryData")):
            yield Violation(field, f"{kind} {name} has no key {key}")


def _port_names(one: Object) -> set[str]:
    return {
        text(mapped(port).get("name")) for container in containers(one) for port in listed(container.body.get("ports"))
    }


@test("Service")
def target_port_nowhere(one: Object, cluster: Cluster) -> Found:
    """A Service sends to a port by a name that none of its pods has."""
    behind = list(workloads(cluster).behind(one))
    for number, port in enumerate(listed(one.spec.get("ports")) if behind else ()):
        name = text(mapped(port).get("targetPort"))
        if name and not name.isdecimal() and not any(name in _port_names(found) for found in behind):
            yield Violation(f"spec.ports[{number}].targetPort", f"no container has a port {name}")


@test(*MAKERS)
def probe_port_nowhere(one: Object, _: Cluster) -> Found:
    """A probe asks at a port by a name that the container does not have."""
    for container in containers(one):
        names = {text(mapped(port).get("name")) for port in listed(container.body.get("ports"))}
        for probe in _PROBES:
            for handler in _HANDLERS:
                port = text(at(container.body, probe, handler, "port"))
                if port and not port.isdecimal() and port not in names:
                    yield Violation(f"{container.field}.{probe}.{handler}.port", f"the container has no port {port}")


@test("StatefulSet")
def no_governing_service(one: Object, _: Cluster) -> Found:
    """The Service that should give the pods their names is not named."""
    if not text(one.spec.get("serviceName")):
        yield Violation("spec.serviceName", "no Service gives the pods their names")


# Reliability


@test(*MAKERS)
def same_probes(one: Object, _: Cluster) -> Found:
    """A container is restarted for the same reason for which it gets no requests."""
    for container in lasting(one):
        alive, ready = (container.body.get(name) for name in ("livenessProbe", "readinessProbe"))
        if alive and alive == ready:
            yield Violation(f"{container.field}.livenessProbe", "it is the same as the readinessProbe")


@test(*MAKERS)
def no_ephemeral_storage(one: Object, _: Cluster) -> Found:
    """A container does not tell how much of the node's disk it takes."""
    for container in lasting(one):
        if any(at(container.body, "resources", kind, "ephemeral-storage") is None for kind in ("limits", "requests")):
            yield Violation(f"{container.field}.resources", "no ephemeral-storage")


@test(*_SCALED)
def no_anti_affinity(one: Object, _: Cluster) -> Found:
    """Nothing keeps the pods of a workload from one node."""
    replicas = one.spec.get("replicas")
    if one.pod and isinstance(replicas, int) and replicas > 1 and not _is_spread(one.pod.spec):
        yield Violation(
            f"{one.pod.field}.topologySpreadConstraints", f"nothing keeps its {replicas} pods from one node"
        )


def _is_spread(spec: Body) -> bool:
    return bool(at(spec, "affinity", "podAntiAffinity") or listed(spec.get("topologySpreadConstraints")))


@once
def _scaled(cluster: Cluster) -> frozenset[tuple[str, str, str]]:
    scalers = ((one, mapped(one.spec.get("scaleTargetRef"))) for one in cluster.of("HorizontalPodAutoscaler"))
    return frozenset((text(to.get("kind")), namespace(one), text(to.get("name"))) for one, to in scalers)


@test(*_SCALED)
def replicas_beside_autoscaler(one: Object, cluster: Cluster) -> Found:
    """A workload tells a number of pods that its autoscaler should choose."""
    if "replicas" in one.spec and (one.kind, namespace(one), one.name) in _scaled(cluster):
        yield Violation("spec.replicas", "each roll-out puts back what the autoscaler chose")


@test("CronJob")
def no_deadline(one: Object, _: Cluster) -> Found:
    """Runs that were missed are made up for without end."""
    if one.spec.get("startingDeadlineSeconds") is None:
        yield Violation("spec.startingDeadlineSeconds", "runs that were missed have no deadline")


@test("Job", "CronJob")
def job_stays(one: Object, _: Cluster) -> Found:
    """A Job that has ended stays."""
    above = ("spec", "jobTemplate", "spec") if one.kind == "CronJob" else ("spec",)
    kept = any(name in one.spec for name in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"))
    if at(one.body, *above, "ttlSecondsAfterFinished") is None and not kept and not one.metadata.get("ownerReferences"):
        yield Violation(".".join((*above, "ttlSecondsAfterFinished")), "nothing removes it when it has ended")


@once
def _with(cluster: Cluster) -> frozenset[tuple[str, str]]:
    return frozenset((one.kind, namespace(one)) for one in cluster.of("LimitRange", "ResourceQuota"))


@test("Namespace")
def no_quota(one: Object, cluster: Cluster) -> Found:
    """A namespace may take all of the cluster."""
    if ("ResourceQuota", one.name) not in _with(cluster):
        yield Violation("", f"namespace {one.name} has no ResourceQuota")


@test("Namespace")
def no_limit_range(one: Object, cluster: Cluster) -> Found:
    """Pods of a namespace that tell no limits have none."""
    if ("LimitRange", one.name) not in _with(cluster):
        yield Violation("", f"namespace {one.name} has no LimitRange")


# Dangers


@test(*MAKERS)
def low_user(one: Object, _: Cluster) -> Found:
    """A container's user may be one of the node's too."""
    for container in containers(one):
        user = container.security.get("runAsUser", shared(one).get("runAsUser"))
        if isinstance(user, int) and 0 < user < _HIGH_USER:
            yield Violation(f"{container.field}.securityContext", f"its user is {user}")


@test(*MAKERS)
def low_port(one: Object, _: Cluster) -> Found:
    """A container listens at a port that root opens."""
    for container in containers(one):
        for number, port in enumerate(listed(container.body.get("ports"))):
            told = mapped(port).get("containerPort")
            if isinstance(told, int) and 0 < told < 1024:
                yield Violation(f"{container.field}.ports[{number}].containerPort", f"port {told} is below 1024")


@test(*MAKERS)
def shared_processes(one: Object, _: Cluster) -> Found:
    """The containers of a pod see each other's processes."""
    if one.pod and one.pod.spec.get("shareProcessNamespace") is True and len(one.pod.containers) > 1:
        yield Violation(f"{one.pod.field}.shareProcessNamespace", "its containers see each other's processes and files")


@test(*MAKERS)
def host_aliases(one: Object, _: Cluster) -> Found:
    """A pod has names of its own for addresses."""
    if one.pod and listed(one.pod.spec.get("hostAliases")):
        yield Violation(f"{one.pod.field}.hostAliases", "names are resolved past DNS")


@test(*MAKERS)
def default_account(one: Object, cluster: Cluster) -> Found:
    """A workload has the token that all others without an account have."""
    if one.pod and one.pod.service_account == "default" and holds_token(one, cluster):
        yield Violation(
            f"{one.pod.field}.automountServiceAccountToken", "it is the token of the default ServiceAccount"
        )


@test(*MAKERS)
def tiller(one: Object, _: Cluster) -> Found:
    """The server of Helm 2 runs."""
    for field, reference in images(one):
        if image(reference).repository.rpartition("/")[2] == "tiller":
            yield Violation(field, f"{reference[:200]} does what anybody in the cluster tells it")


@test("Service")
def external_ips(one: Object, _: Cluster) -> Found:
    """A Service takes addresses as its own."""
    if listed(one.spec.get("externalIPs")):
        yield Violation("spec.externalIPs", f"{len(listed(one.spec['externalIPs']))} addresses are taken")


@test("Service")
def open_service(one: Object, _: Cluster) -> Found:
    """A Service can be reached from outside the cluster."""
    kind = one.spec.get("type")
    if kind in _OPEN:
        limited = kind == "LoadBalancer" and bool(listed(one.spec.get("loadBalancerSourceRanges")))
        yield Violation("spec.type", f"it is a {kind}" + (", for some addresses only" if limited else ""))


@test("Ingress")
def snippet(one: Object, _: Cluster) -> Found:
    """An Ingress carries configuration that the controller runs as it is."""
    for name in one.annotations:
        if str(name).startswith(_NGINX) and str(name).endswith(_SNIPPET):
            yield Violation(f"metadata.annotations[{str(name)[:100]}]", "it is run by the controller as it is")


@test("Secret")
def lasting_token(one: Object, _: Cluster) -> Found:
    """A token of a ServiceAccount that never expires lies in a Secret."""
    if one.body.get("type") == "kubernetes.io/service-account-token":
        account = text(one.annotations.get("kubernetes.io/service-account.name"))
        yield Violation("type", f"it holds a token of {account[:100] or 'a ServiceAccount'} that never expires")


@test("ValidatingWebhookConfiguration")
def fails_open(one: Object, _: Cluster) -> Found:
    """What a webhook should refuse passes when it does not answer."""
    for number, webhook in enumerate(listed(one.body.get("webhooks"))):
        if mapped(webhook).get("failurePolicy") == "Ignore":
            yield Violation(f"webhooks[{number}].failurePolicy", "what it does not answer in time passes")
