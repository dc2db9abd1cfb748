"""What Fairwinds Polaris checks, on its defaults: reliability, and hardening as it draws the line.

A binding to a role that is not among the objects is found as there, but by a check of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from plimsoll.posture.check import Violation, test
from plimsoll.posture.judging.pod_security import APPARMOR
from plimsoll.posture.objects import WORKLOADS, Body, Cluster, Container, Object, at, listed, mapped, text

_CONTROLLERS = tuple(kind for kind in WORKLOADS if kind != "PodTemplate")
_LASTING = tuple(kind for kind in _CONTROLLERS if kind not in ("Job", "CronJob"))
_CLUSTER_ADMIN = "cluster-admin"
_HARMLESS = ("view", "extension-apiserver-authentication-reader")
"""Roles that are in every cluster and give little."""
_BUILTIN = {False: ("edit", "admin", _CLUSTER_ADMIN), True: (_CLUSTER_ADMIN,)}
"""ClusterRoles that are in every cluster: those that let run commands in pods, and that which gives everything."""
_SHIPPED = "gce:podsecuritypolicy:calico-sa"
_DROPPABLE = frozenset(
    [
        "NET_ADMIN",
        "CHOWN",
        "DAC_OVERRIDE",
        "FSETID",
        "FOWNER",
        "MKNOD",
        "NET_RAW",
        "SETGID",
        "SETUID",
        "SETFCAP",
        "SETPCAP",
        "NET_BIND_SERVICE",
        "SYS_CHROOT",
        "KILL",
        "AUDIT_WRITE",
    ]
)
_SENSITIVE = re.compile(
    r"^AWS_SECRET_ACCESS_KEY$|^GOOGLE_APPLICATION_CREDENTIALS$|^AZURE_.+KEY$|^OCI_CLI_KEY_CONTENT$"
    r"|password|token|bearer|secret",
    re.IGNORECASE,
)
_POINTER = re.compile(r"_(NAME|FILE|PATH|DIR|REF|URL|URI|ENDPOINT|TTL|TIMEOUT|ENABLED|KEY_NAME)$", re.IGNORECASE)
"""Endings of names that say where a secret is, or something about it."""
_PRIVATE_KEY = re.compile(r"-BEGIN\s[^\n]{0,80}PRIVATE KEY-", re.IGNORECASE)
_ALL_VERBS = frozenset(("get", "list", "watch", "create", "update", "patch", "delete"))

Found = Iterator[Violation]


def _containers(one: Object, *kinds: str) -> Iterator[Container]:
    for container in one.pod.containers if one.pod else ():
        if not kinds or container.list in kinds:
            yield container


def _security(container: Container) -> Body:
    return mapped(container.body.get("securityContext"))


def _upper(values: object) -> set[str]:
    return {text(value).upper() for value in listed(values)}


# Pods


@test(*_CONTROLLERS)
def automount(one: Object, cluster: Cluster) -> Found:
    """Neither the pod nor its ServiceAccount forgoes the token."""
    pod = one.pod
    if pod is None or pod.spec.get("automountServiceAccountToken") is False:
        return
    account = cluster.get("ServiceAccount", one.namespace, text(pod.spec.get("serviceAccountName")))
    forgone = account is not None and account.body.get("automountServiceAccountToken") is False
    if pod.spec.get("automountServiceAccountToken") is True or not forgone:
        yield Violation(f"{pod.field}.automountServiceAccountToken", "the token of the ServiceAccount is mounted")


def _host(field: str, said: str) -> Callable[[Object, Cluster], Found]:
    def judged(one: Object, _: Cluster) -> Found:
        if one.pod and one.pod.spec.get(field) is True:
            yield Violation(f"{one.pod.field}.{field}", said)

    return judged


for _name, _field, _words in (
    ("host_network", "hostNetwork", "the pod is in the network of its node"),
    ("host_pid", "hostPID", "the pod sees and signals every process of its node"),
    ("host_ipc", "hostIPC", "the pod shares memory and semaphores with its node"),
):
    test(*_CONTROLLERS, name=_name)(_host(_field, _words))


@test(*_CONTROLLERS)
def host_path(one: Object, _: Cluster) -> Found:
    """A volume is a folder of the node."""
    if one.pod:
        for number, volume in enumerate(listed(one.pod.spec.get("volumes"))):
            if "hostPath" in mapped(volume):
                path = text(at(volume, "hostPath", "path"))
                yield Violation(f"{one.pod.field}.volumes[{number}].hostPath", f"{path or 'a folder'} of the node")


@test(*_CONTROLLERS)
def host_port(one: Object, _: Cluster) -> Found:
    """A port is opened on the node."""
    for container in _containers(one):
        for number, port in enumerate(listed(container.body.get("ports"))):
            if mapped(port).get("hostPort"):
                where = f"{container.field}.ports[{number}].hostPort"
                yield Violation(where, f"port {mapped(port)['hostPort']} is opened on the node")


@test(*_CONTROLLERS)
def host_process(one: Object, _: Cluster) -> Found:
    """A process of Windows runs on the node itself."""
    pod = one.pod
    if pod is None:
        return
    for field, body in (
        (pod.field, pod.spec),
        *((found.field, found.body) for found in _containers(one, "containers")),
    ):
        if at(body, "securityContext", "windowsOptions", "hostProcess") is True:
            yield Violation(f"{field}.securityContext.windowsOptions.hostProcess", "it runs on the node itself")


@test(*_CONTROLLERS)
def proc_mount(one: Object, _: Cluster) -> Found:
    """/proc is not masked."""
    for container in _containers(one, "containers"):
        found = text(_security(container).get("procMount"))
        if found not in ("", "Default"):
            yield Violation(f"{container.field}.securityContext.procMount", f"procMount is {found}")


@test(*_CONTROLLERS)
def priority_class(one: Object, _: Cluster) -> Found:
    """The pod has no priority."""
    if one.pod and "priorityClassName" not in one.pod.spec:
        yield Violation(f"{one.pod.field}.priorityClassName", "no priority class is set")


@test(*_LASTING)
def topology_spread(one: Object, _: Cluster) -> Found:
    """Nothing spreads the pods over nodes or zones."""
    if one.pod and not listed(one.pod.spec.get("topologySpreadConstraints")):
        yield Violation(f"{one.pod.field}.topologySpreadConstraints", "nothing spreads its pods over nodes or zones")


# Containers


def _inherited(name: str, good: Callable[[object], bool]) -> Callable[[Object, Cluster], Found]:
    """Judge a field of the security context that Polaris also reads from the pod's."""

    def judged(one: Object, _: Cluster) -> Found:
        pod = one.pod
        if pod is None:
            return
        outer = mapped(pod.spec.get("securityContext"))
        for container in _containers(one):
            written = container.body.get("securityContext", outer)  # an empty one takes nothing over
            found = mapped(written).get(name, outer.get(name) if isinstance(written, dict) else None)
            if not good(found):
                yield Violation(f"{container.field}.securityContext.{name}", f"{name} is {_said(found)}")

    return judged


def _said(value: object) -> str:
    return "not set" if value is None else str(value).lower()


for _name, _field, _good in (
    ("escalation", "allowPrivilegeEscalation", lambda found: found is False),
    ("writable_root", "readOnlyRootFilesystem", lambda found: found is True),
    ("privileged", "privileged", lambda found: found is not True),
):
    test(*_CONTROLLERS, name=_name)(_inherited(_field, _good))


@test(*_CONTROLLERS)
def root_allowed(one: Object, _: Cluster) -> Found:
    """A container may run as root."""
    pod = one.pod
    if pod is None:
        return
    outer = mapped(pod.spec.get("securityContext"))
    for container in _containers(one):
        inner = _security(container)
        user, other = (
            inner.get("runAsUser", outer.get("runAsUser")),
            inner.get("runAsNonRoot", outer.get("runAsNonRoot")),
        )
        if other is not True and not (isinstance(user, int) and user > 0):
            yield Violation(f"{container.field}.securityContext.runAsNonRoot", "it may run as root")


@test(*_CONTROLLERS)
def capabilities_kept(one: Object, _: Cluster) -> Found:
    """The capabilities that a runtime gives are not all dropped."""
    for container in _containers(one):
        dropped = _upper(at(_security(container), "capabilities", "drop"))
        if "ALL" not in dropped and not dropped >= _DROPPABLE:
            yield Violation(
                f"{container.field}.securityContext.capabilities.drop", "it keeps capabilities of the default set"
            )


@test(*_CONTROLLERS)
def capabilities_added(one: Object, _: Cluster) -> Found:
    """A capability is added that amounts to the node's root, or rules its network."""
    for container in _containers(one):
        for name in sorted(_upper(at(_security(container), "capabilities", "add")) & {"ALL", "SYS_ADMIN", "NET_ADMIN"}):
            yield Violation(f"{container.field}.securityContext.capabilities.add", f"{name} is added")


@test(*_CONTROLLERS)
def hardening(one: Object, _: Cluster) -> Found:
    """None of AppArmor, seccomp, SELinux or dropped capabilities restrains it."""
    pod = one.pod
    if pod is None:
        return
    outer = mapped(pod.spec.get("securityContext"))
    annotations = mapped(pod.metadata.get("annotations"))
    for container in _containers(one):
        inner = _security(container)
        seccomp = at(inner, "seccompProfile", "type") or at(outer, "seccompProfile", "type")
        capabilities = mapped(inner.get("capabilities"))
        restrained = (
            annotations.get(APPARMOR + container.name)
            or (seccomp and seccomp != "Unconfined")
            or mapped(inner.get("seLinuxOptions"))
            or mapped(outer.get("seLinuxOptions"))
            or (listed(capabilities.get("drop")) and "ALL" not in _upper(capabilities.get("add")))
        )
        if not restrained:
            yield Violation(
                f"{container.field}.securityContext", "neither AppArmor, seccomp, SELinux nor dropped capabilities"
            )


def _amount(kind: str, resource: str) -> Callable[[Object, Cluster], Found]:
    def judged(one: Object, _: Cluster) -> Found:
        for container in _containers(one, "containers"):
            if not at(container.body, "resources", kind, resource):
                yield Violation(f"{container.field}.resources.{kind}.{resource}", f"no {kind} for {resource}")

    return judged


for _kind in ("requests", "limits"):
    for _resource in ("cpu", "memory"):
        test(*_CONTROLLERS, name=f"{_resource}_{_kind}")(_amount(_kind, _resource))


def _probe(name: str) -> Callable[[Object, Cluster], Found]:
    def judged(one: Object, _: Cluster) -> Found:
        for container in _containers(one, "containers"):
            if not mapped(container.body.get(name)):
                yield Violation(f"{container.field}.{name}", f"no {name}")

    return judged


test(*_LASTING, name="liveness_probe")(_probe("livenessProbe"))
test(*_LASTING, name="readiness_probe")(_probe("readinessProbe"))


@test(*_CONTROLLERS)
def pull_policy(one: Object, _: Cluster) -> Found:
    """An image that is on the node is not asked for again."""
    for container in _containers(one):
        if container.body.get("imagePullPolicy") != "Always":
            yield Violation(f"{container.field}.imagePullPolicy", "the image is not pulled at every start")


@test(*_CONTROLLERS)
def image_tag(one: Object, _: Cluster) -> Found:
    """The image has no tag, or `latest`."""
    for container in _containers(one):
        image = text(container.body.get("image"))
        before, colon, tag = image.rpartition(":")
        if not (colon and before and tag) or tag == "latest":
            yield Violation(f"{container.field}.image", f"{image[:200]}: no tag but latest")


def _sensitive(container: Container) -> Iterator[tuple[str, str, bool]]:
    """Yield the variables that may be secrets: where, their name, and whether they are more than the name of one."""
    for number, variable in enumerate(listed(container.body.get("env"))):
        body = mapped(variable)
        name, value = text(body.get("name")), text(body.get("value"))
        if "value" in body and (_SENSITIVE.search(name) or _PRIVATE_KEY.search(value)):
            pointer = _POINTER.search(name) or value.startswith(("/", "$(")) or not value or value.isdigit()
            yield f"{container.field}.env[{number}]", name[:100], bool(_PRIVATE_KEY.search(value)) or not pointer


@test(*_CONTROLLERS)
def sensitive_environment(one: Object, _: Cluster) -> Found:
    """An environment variable holds a secret in plain text."""
    for container in _containers(one):
        for field, name, plain in _sensitive(container):
            if plain:
                yield Violation(field, f"{name} is in plain text")


@test(*_CONTROLLERS)
def sensitive_name(one: Object, _: Cluster) -> Found:
    """An environment variable is called as a secret is, and tells where one is."""
    for container in _containers(one):
        for field, name, plain in _sensitive(container):
            if not plain:
                yield Violation(field, f"{name} is called as a secret is")


# Other objects


@test("ConfigMap")
def sensitive_configmap(one: Object, _: Cluster) -> Found:
    """A ConfigMap holds a secret."""
    for key, value in mapped(one.body.get("data")).items():
        if isinstance(key, str) and (_SENSITIVE.search(key) or _PRIVATE_KEY.search(text(value))):
            yield Violation(f"data.{key[:100]}", f"{key[:100]} looks like a secret")


@test(*_CONTROLLERS)
def instance_label(one: Object, _: Cluster) -> Found:
    """The label for the instance says another name."""
    if one.labels.get("app.kubernetes.io/instance") != one.name:
        yield Violation("metadata.labels", "app.kubernetes.io/instance is not the name of the object")


@test("Deployment")
def one_replica(one: Object, _: Cluster) -> Found:
    """There is one pod only."""
    replicas = one.spec.get("replicas")
    if not isinstance(replicas, int) or replicas < 2:
        yield Violation("spec.replicas", f"{replicas if isinstance(replicas, int) else 1} replica")


@test("Ingress")
def ingress_without_tls(one: Object, _: Cluster) -> Found:
    """An Ingress speaks plain HTTP."""
    if not isinstance(one.spec.get("tls"), list):
        yield Violation("spec.tls", "no TLS is configured")


@test("HorizontalPodAutoscaler")
def scales_to_one(one: Object, _: Cluster) -> Found:
    """It may scale down to a single pod."""
    least = one.spec.get("minReplicas")
    if isinstance(least, int) and least < 2:
        yield Violation("spec.minReplicas", f"it may scale down to {least}")


@test("HorizontalPodAutoscaler")
def scales_to_the_same(one: Object, _: Cluster) -> Found:
    """It can scale to one number only."""
    least, most = one.spec.get("minReplicas"), one.spec.get("maxReplicas")
    if not isinstance(most, int) or most < 1 or (isinstance(least, int) and most <= least):
        yield Violation("spec.maxReplicas", "maxReplicas is not above minReplicas")


@test("PodDisruptionBudget")
def no_disruption(one: Object, _: Cluster) -> Found:
    """No pod may ever be evicted."""
    if one.spec.get("minAvailable") == "100%":
        yield Violation("spec.minAvailable", "no pod may be evicted, so no node can be drained")
    if one.spec.get("maxUnavailable") in (0, "0%") and one.spec.get("maxUnavailable") is not False:
        yield Violation("spec.maxUnavailable", "no pod may be evicted, so no node can be drained")


def _shares_a_label(selector: Body, labels: Body) -> bool:
    return any(key in selector and selector[key] == value for key, value in labels.items())


@test("Deployment")
def no_budget(one: Object, cluster: Cluster) -> Found:
    """No PodDisruptionBudget speaks of its pods."""
    labels = one.pod.labels if one.pod else {}
    budgets = cluster.beside(one, "PodDisruptionBudget")
    if not any(_shares_a_label(mapped(at(budget.spec, "selector", "matchLabels")), labels) for budget in budgets):
        yield Violation("", "no PodDisruptionBudget speaks of its pods")


@test(*_CONTROLLERS)
def no_policy(one: Object, cluster: Cluster) -> Found:
    """No NetworkPolicy with rules for both directions speaks of its pods."""
    labels = one.pod.labels if one.pod else {}
    if not any(_is_whole(policy, labels) for policy in cluster.beside(one, "NetworkPolicy")):
        yield Violation("", "no NetworkPolicy with rules both ways speaks of its pods")


def _is_whole(policy: Object, labels: Body) -> bool:
    types = {text(kind).lower() for kind in listed(policy.spec.get("policyTypes"))}
    return bool(
        listed(policy.spec.get("egress"))
        and listed(policy.spec.get("ingress"))
        and ("policyTypes" not in policy.spec or types >= {"egress", "ingress"})
        and _shares_a_label(mapped(at(policy.spec, "podSelector", "matchLabels")), labels)
    )


@test("Deployment")
def budget_above_scaling(one: Object, cluster: Cluster) -> Found:
    """Its budget wants as many pods as its autoscaler may leave, or more, so that none can be evicted."""
    labels = one.pod.labels if one.pod else {}
    least = next(
        (
            scaler.spec.get("minReplicas")
            for scaler in cluster.beside(one, "HorizontalPodAutoscaler")
            if at(scaler.spec, "scaleTargetRef", "kind") == "Deployment"
            and at(scaler.spec, "scaleTargetRef", "name") == one.name
        ),
        None,
    )
    if not isinstance(least, int):
        return
    for budget in cluster.beside(one, "PodDisruptionBudget"):
        wanted = _pods(budget.spec.get("minAvailable"), one.spec.get("replicas"))
        if _shares_a_label(mapped(at(budget.spec, "selector", "matchLabels")), labels) and wanted > least:
            yield Violation("spec.replicas", f"a budget wants {wanted} pods, the autoscaler may leave {least}")


def _pods(wanted: object, replicas: object) -> int:
    """Return how many pods a budget wants; a share of unknown replicas is none."""
    if isinstance(wanted, str) and re.fullmatch(r"\d{1,6}%", wanted):
        return -(-int(wanted[:-1]) * replicas // 100) if isinstance(replicas, int) else 0
    return wanted if isinstance(wanted, int) else 0


# Rights


def _contains(values: object, *wanted: str) -> bool:
    return any(value in wanted for value in listed(values) if isinstance(value, str))


def _enters_pods(rule: Any) -> bool:
    body = mapped(rule)
    return (
        _contains(body.get("apiGroups"), "", "*")
        and _contains(body.get("resources"), "*", "pods/exec", "pods/attach")
        and _contains(body.get("verbs"), "*", "get", "create")
    )


def _is_everything(rule: Any) -> bool:
    body = mapped(rule)
    verbs = {text(verb) for verb in listed(body.get("verbs"))}
    return (
        _contains(body.get("apiGroups"), "*")
        and _contains(body.get("resources"), "*")
        and ("*" in verbs or verbs == _ALL_VERBS)
    )


def _shipped(name: str, *more: str) -> bool:
    return name.startswith("system:") or name in (_SHIPPED, *more)


def _first(rules: object, holds: Callable[[Any], bool]) -> int | None:
    return next((number for number, rule in enumerate(listed(rules)) if holds(rule)), None)


@test("ClusterRole")
def cluster_role_enters_pods(one: Object, _: Cluster) -> Found:
    """A ClusterRole lets run commands in pods."""
    number = _first(one.body.get("rules"), _enters_pods)
    if number is not None and not _shipped(one.name, "admin", _CLUSTER_ADMIN, "edit"):
        yield Violation(f"rules[{number}]", "it lets run commands in pods (pods/exec, pods/attach)")


@test("Role")
def role_enters_pods(one: Object, _: Cluster) -> Found:
    """A Role lets run commands in pods."""
    number = _first(one.body.get("rules"), _enters_pods)
    if number is not None and not _shipped(one.name):
        yield Violation(f"rules[{number}]", "it lets run commands in pods (pods/exec, pods/attach)")


def _role_of(one: Object, role: str) -> str | None:
    """Return the name of the role it binds; None where it is of another kind, or the binding is one Kubernetes makes."""
    ref = mapped(one.body.get("roleRef"))
    own = (_CLUSTER_ADMIN,) if one.kind == "ClusterRoleBinding" else ()
    return text(ref.get("name")) if ref.get("kind") == role and not _shipped(one.name, *own) else None


def _binding(role: str, holds: Callable[[Any], bool], said: str) -> Callable[[Object, Cluster], Found]:
    """Judge bindings to a kind of role by its rules; cluster-admin, edit and admin are known without them."""

    def judged(one: Object, cluster: Cluster) -> Found:
        name = _role_of(one, role)
        if name is None or name in _HARMLESS:
            return
        found = cluster.get(role, one.namespace, name)
        known = role == "ClusterRole" and name in _BUILTIN[holds is _is_everything]
        if known or (found is not None and _first(found.body.get("rules"), holds) is not None):
            yield Violation("roleRef", f"{role} {name[:100]} {said}")

    return judged


def _nowhere(role: str) -> Callable[[Object, Cluster], Found]:
    """Judge bindings to a role that is not there; those that Kubernetes makes need not be among the objects."""

    def judged(one: Object, cluster: Cluster) -> Found:
        name = _role_of(one, role)
        if name is None or name in _HARMLESS or name.startswith("system:") or name in _BUILTIN[False]:
            return
        if cluster.get(role, one.namespace, name) is None:
            yield Violation("roleRef", f"there is no {role} {name[:100]}: whoever makes it decides what this gives")

    return judged


for _kind, _role, _bindings in (
    ("ClusterRoleBinding", "ClusterRole", "cluster_role_binding"),
    ("RoleBinding", "ClusterRole", "role_binding_to_cluster_role"),
    ("RoleBinding", "Role", "role_binding_to_role"),
):
    for _does, _judged in (
        ("enters_pods", _binding(_role, _enters_pods, "lets run commands in pods")),
        ("gives_everything", _binding(_role, _is_everything, "allows everything")),
        ("leads_nowhere", _nowhere(_role)),
    ):
        test(_kind, name=f"{_bindings}_{_does}")(_judged)
