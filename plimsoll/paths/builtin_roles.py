"""The ClusterRoles that every API server makes, for clusters whose objects do not hold them.

After Kubernetes' own bootstrap policy (plugin/pkg/auth/authorizer/rbac/bootstrappolicy). Rules that give an attacker
nothing (events, leases, reviews) are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import msgspec

_READ = "get list watch"
_WRITE = "create delete deletecollection patch update"
_RBAC = "rbac.authorization.k8s.io"
_SIGNERS = "certificates.k8s.io"
_AGGREGATE = f"{_RBAC}/aggregate-to-"

_Rule = tuple[str, str, str] | tuple[str, str, str, str]
"""Verbs, group, resources, and names where there are any; words apart by blanks."""

_RULES: dict[str, tuple[_Rule, ...]] = {
    "cluster-admin": (("*", "*", "*"),),
    "admin": (),
    "edit": (),
    "view": (),
    "system:aggregate-to-admin": (
        ("create", "authorization.k8s.io", "localsubjectaccessreviews"),
        (f"{_READ} {_WRITE}", _RBAC, "roles rolebindings"),
    ),
    "system:aggregate-to-edit": (
        (_READ, "", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
        ("impersonate", "", "serviceaccounts"),
        (_WRITE, "", "pods pods/attach pods/exec pods/portforward pods/proxy"),
        ("create", "", "pods/eviction serviceaccounts/token"),
        (_WRITE, "", "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale"),
        (_WRITE, "", "secrets serviceaccounts services services/proxy"),
        (_WRITE, "apps", "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale"),
        (_WRITE, "apps", "statefulsets statefulsets/scale"),
        (_WRITE, "autoscaling", "horizontalpodautoscalers"),
        (_WRITE, "batch", "cronjobs jobs"),
        (_WRITE, "policy", "poddisruptionbudgets"),
        (_WRITE, "networking.k8s.io", "ingresses networkpolicies"),
    ),
    "system:aggregate-to-view": (
        (_READ, "", "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods"),
        (_READ, "", "replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status"),
        (_READ, "", "bindings events limitranges namespaces namespaces/status pods/log pods/status resourcequotas"),
        (_READ, "apps", "controllerrevisions daemonsets deployments replicasets statefulsets"),
        (_READ, "batch", "cronjobs jobs"),
        (_READ, "autoscaling", "horizontalpodautoscalers"),
        (_READ, "discovery.k8s.io", "endpointslices"),
        (_READ, "policy", "poddisruptionbudgets"),
        (_READ, "networking.k8s.io", "ingresses networkpolicies"),
    ),
    "system:basic-user": (("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),),
    "system:discovery": (),
    "system:public-info-viewer": (),
    "system:monitoring": (),
    "system:service-account-issuer-discovery": (),
    "system:auth-delegator": (
        ("create", "authentication.k8s.io", "tokenreviews"),
        ("create", "authorization.k8s.io", "subjectaccessreviews"),
    ),
    "system:heapster": ((_READ, "", "events namespaces nodes pods"),),
    "system:kube-aggregator": ((_READ, "", "endpoints services"),),
    "system:kube-dns": (("list watch", "", "endpoints services"),),
    "system:node-problem-detector": (("get", "", "nodes"), ("patch", "", "nodes/status")),
    "system:node-proxier": (("list watch", "", "endpoints services nodes"),),
    "system:node-bootstrapper": (("create get list watch", _SIGNERS, "certificatesigningrequests"),),
    "system:kubelet-api-admin": (
        (_READ, "", "nodes"),
        ("*", "", "nodes"),
        ("*", "", "nodes/log nodes/metrics nodes/proxy nodes/stats nodes/configz nodes/healthz nodes/pods"),
    ),
    "system:persistent-volume-provisioner": (
        ("create delete get list watch", "", "persistentvolumes"),
        ("get list update watch", "", "persistentvolumeclaims"),
        (_READ, "storage.k8s.io", "storageclasses"),
    ),
    "system:volume-scheduler": (
        ("get list patch update watch", "", "persistentvolumes"),
        ("get list patch update watch", "", "persistentvolumeclaims"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": (
        ("create", _SIGNERS, "certificatesigningrequests/nodeclient"),
    ),
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": (
        ("create", _SIGNERS, "certificatesigningrequests/selfnodeclient"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-approver": (
        ("approve", _SIGNERS, "signers", "kubernetes.io/kube-apiserver-client"),
    ),
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": (
        ("approve", _SIGNERS, "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
    ),
    "system:certificates.k8s.io:kubelet-serving-approver": (
        ("approve", _SIGNERS, "signers", "kubernetes.io/kubelet-serving"),
    ),
    "system:certificates.k8s.io:legacy-unknown-approver": (
        ("approve", _SIGNERS, "signers", "kubernetes.io/legacy-unknown"),
    ),
    "system:node": (
        (_READ, "", "services endpoints nodes pods configmaps secrets persistentvolumes persistentvolumeclaims"),
        ("create delete", "", "pods"),
        ("create patch update", "", "nodes nodes/status"),
        ("patch update", "", "pods/status"),
        ("create", "", "pods/eviction serviceaccounts/token"),
        ("create get list watch", _SIGNERS, "certificatesigningrequests"),
    ),
    "system:kube-scheduler": (
        (_READ, "", "nodes pods replicationcontrollers services persistentvolumes persistentvolumeclaims namespaces"),
        ("delete", "", "pods"),
        ("create", "", "bindings pods/binding"),
        ("patch update", "", "pods/status"),
    ),
    "system:kube-controller-manager": (
        ("create", "", "secrets serviceaccounts serviceaccounts/token"),
        ("delete", "", "secrets"),
        ("get", "", "namespaces secrets serviceaccounts configmaps"),
        ("update", "", "secrets serviceaccounts"),
        ("list watch", "*", "*"),
    ),
    "system:controller:clusterrole-aggregation-controller": (
        ("escalate get list patch update watch", _RBAC, "clusterroles"),
    ),
    "system:controller:generic-garbage-collector": (("delete get list patch update watch", "*", "*"),),
    "system:controller:namespace-controller": (("delete deletecollection get list", "*", "*"),),
    "system:controller:resourcequota-controller": (("list watch", "*", "*"),),
    "system:controller:replicaset-controller": (("create delete list patch watch", "", "pods"),),
    "system:controller:replication-controller": (("create delete list patch watch", "", "pods"),),
    "system:controller:daemon-set-controller": (("create delete list patch watch", "", "pods pods/binding"),),
    "system:controller:statefulset-controller": (("create delete get list patch update watch", "", "pods"),),
    "system:controller:job-controller": (("create delete list patch watch", "", "pods"),),
    "system:controller:cronjob-controller": (("create delete get list patch update watch", "batch", "jobs"),),
    "system:controller:deployment-controller": (
        ("create delete get list patch update watch", "apps", "replicasets"),
        ("get list update watch", "", "pods"),
    ),
    "system:controller:persistent-volume-binder": (
        ("create delete get list update watch", "", "persistentvolumes"),
        ("create delete get list watch", "", "pods"),
        ("get", "", "secrets"),
    ),
    "system:controller:root-ca-cert-publisher": (("create update", "", "configmaps"),),
    "system:controller:service-account-controller": (("create", "", "serviceaccounts"),),
    "system:controller:expand-controller": (("get patch update", "", "persistentvolumes"), ("get", "", "secrets")),
    "system:controller:attachdetach-controller": (("patch update", "", "nodes/status"),),
    "system:controller:node-controller": (
        ("delete get list patch update", "", "nodes"),
        ("patch update", "", "nodes/status pods/status"),
        ("delete list", "", "pods"),
    ),
    "system:controller:certificate-controller": (
        ("delete get list watch", _SIGNERS, "certificatesigningrequests"),
        ("update", _SIGNERS, "certificatesigningrequests/approval certificatesigningrequests/status"),
        ("approve", _SIGNERS, "signers", "kubernetes.io/kube-apiserver-client-kubelet"),
    ),
}
_GATHERS = {name: [{"matchLabels": {f"{_AGGREGATE}{name}": "true"}}] for name in ("admin", "edit", "view")}
_LABELS = {
    "edit": f"{_AGGREGATE}admin=true",
    "view": f"{_AGGREGATE}edit=true",
    **{f"system:aggregate-to-{name}": f"{_AGGREGATE}{name}=true" for name in ("admin", "edit", "view")},
}


@cache
def names() -> frozenset[str]:
    """Return what they are called.

    >>> "cluster-admin" in names()
    True
    """
    return frozenset(_RULES)


def rows() -> Iterator[dict[str, object]]:
    """Yield them as rows of tables.OBJECTS."""
    for name, rules in _RULES.items():
        body: dict[str, object] = {"rules": [*map(_rule, rules), *([_URLS] if name == "cluster-admin" else [])]}
        if name in _GATHERS:
            body["aggregationRule"] = {"clusterRoleSelectors": _GATHERS[name]}
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "ClusterRole",
            "namespace": "",
            "name": name,
            "labels": [_LABELS[name]] if name in _LABELS else [],
            "object": msgspec.json.encode(body).decode(),
        }


_URLS = {"nonResourceURLs": ["*"], "verbs": ["*"]}


def _rule(told: _Rule) -> dict[str, list[str]]:
    verbs, group, resources, *names = told
    found = {"verbs": verbs.split(), "apiGroups": [group], "resources": resources.split()}
    return {**found, "resourceNames": names[0].split()} if names else found
