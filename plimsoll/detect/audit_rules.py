"""Rules over audit events that need no baseline: one list, grouped by tactic, each row with its reason.

A rule judges a single event; what makes an event normal for somebody is learned elsewhere, so `bits` says how much a
hit is worth as evidence: 2 is weak, 12 is certain. `controls` are the ids of the same rule in other catalogues.
"""
# fmt: off
# ruff: noqa: I001  the imports are packed

from __future__ import annotations

import functools
from typing import Literal, NamedTuple

import polars as pl

from plimsoll.detect.audit_conditions import (
    ACCOUNT, AGENT, ANONYMOUS, BINDINGS, BY_HAND, CHANGED, CLOUD, CODE, COLLIDES, CONNECTED, CONTROLLER, CONTROLLERS,
    DECISION, DELETED, FORBIDDEN, FORGED, HEALTH, MADE, NAME, NAMESPACE, NETWORK_POLICIES, NODE, OK, OUTSIDE,
    OWN_BUSINESS, PERSON, PLACED, PLATFORM, PODS, POLICIES, READING, REFUSED, RESOURCE, ROLES, SCANS, STORAGE,
    SYSTEM_NAMESPACE, TOR, URI, USER, VERB, WEBHOOKS, WORKLOADS, WRITING, WRITTEN, answers, col, named, on, prepared,
    says,
)

Severity = Literal["critical", "high", "medium", "low", "info"]
Level = Literal["Metadata", "Request", "RequestResponse"]


class Rule(NamedTuple):
    """What is wrong whoever does it, as data."""

    id: str
    title: str
    """Fixed words: what somebody did."""
    severity: Severity
    tactic: str
    attack: tuple[str, ...]
    """ATT&CK techniques."""
    bits: float
    """Weight as evidence."""
    needs: Level
    """The audit level that holds what it looks at."""
    controls: tuple[str, ...]
    """The same rule elsewhere: `panther:…`, `guardduty:…`, `sigma:…`."""
    when: pl.Expr
    """Over the columns of audit_conditions.prepared."""
    why: str
    """Why it is dangerous, in a sentence."""


META: Level = "Metadata"
BODY: Level = "Request"
ANSWER: Level = "RequestResponse"
PANTHER_ANONYMOUS = ("panther:Kubernetes.API.AnonymousAccess", "panther:Amazon.EKS.AnonymousAPIAccess")
PANTHER_PRIVILEGED = ("panther:Kubernetes.Pod.Privileged.Created", "panther:GCP.K8S.Privileged.Pod.Created")
MASTERS = col("impersonatedUser_groups").list.contains("system:masters").fill_null(value=False)
IMPERSONATED = col("impersonatedUser_username")
BINDING, ROLE = on(*BINDINGS), on(*ROLES)
POWER = says("binds cluster-admin", "binds admin", "to masters")
INFORMATION = (RESOURCE == "") | (named("cluster-info") & (NAMESPACE == "kube-public"))
NAMED_EXEC = on("pods/exec") & CONNECTED


def guardduty(finding: str, *tactics: str) -> tuple[str, ...]:
    """Return the ids of a finding that GuardDuty has for several tactics.

    >>> guardduty("TorIPCaller", "Impact")
    ('guardduty:Impact:Kubernetes/TorIPCaller',)
    """
    return tuple(f"guardduty:{tactic}:Kubernetes/{finding}" for tactic in tactics)


INITIAL_ACCESS: tuple[Rule, ...] = (
    Rule("anonymous-probe", "Anonymous request refused", "low", "reconnaissance", ("T1595.002",), 3, META,
         PANTHER_ANONYMOUS, ANONYMOUS & REFUSED & ~HEALTH,
         "Somebody without credentials is trying what the API server gives away."),
    Rule("anonymous-information", "Anonymous request answered", "low", "reconnaissance", ("T1595.002",), 2, META,
         PANTHER_ANONYMOUS, ANONYMOUS & ~REFUSED & READING & INFORMATION & ~HEALTH,
         "Versions and signing keys tell an attacker which exploits fit."),
    Rule("anonymous-discovery", "Anonymous access to resources", "high", "discovery", ("T1190", "T1613"), 10, META,
         (*PANTHER_ANONYMOUS, *guardduty("SuccessfulAnonymousAccess", "Discovery")), ANONYMOUS & ~REFUSED & READING & ~INFORMATION & (RESOURCE != "secrets") & ~HEALTH,
         "Everybody who reaches the API server can read the cluster's objects."),
    Rule("anonymous-secrets", "Anonymous access to secrets", "critical", "credential-access", ("T1190", "T1552.007"), 12, META,
         (*PANTHER_ANONYMOUS, *guardduty("SuccessfulAnonymousAccess", "CredentialAccess")), ANONYMOUS & ~REFUSED & READING & (RESOURCE == "secrets"),
         "Everybody who reaches the API server can read secrets."),
    Rule("anonymous-write", "Anonymous change", "critical", "persistence", ("T1190", "T1610"), 12, META,
         (*PANTHER_ANONYMOUS, *guardduty("SuccessfulAnonymousAccess", "Persistence")), ANONYMOUS & ~REFUSED & ~READING & ~DELETED & (RESOURCE != ""),
         "Everybody who reaches the API server can change the cluster."),
    Rule("anonymous-delete", "Anonymous deletion", "critical", "impact", ("T1190", "T1485"), 12, META,
         (*PANTHER_ANONYMOUS, *guardduty("SuccessfulAnonymousAccess", "Impact", "DefenseEvasion")), ANONYMOUS & ~REFUSED & DELETED,
         "Everybody who reaches the API server can delete from the cluster."),
    Rule("refused-credential", "Credential not accepted", "low", "initial-access", ("T1078",), 2, META,
         ("sigma:0d933542-1f1f-420d-97d4-21b2c3c492d9",), CODE == 401,
         "Somebody uses a token or certificate that is expired, revoked or made up."),
    Rule("refused-outside", "Request from the Internet refused", "low", "discovery", ("T1613",), 3, META,
         ("panther:Kubernetes.API.Multiple403.PublicIP", "panther:Amazon.EKS.Audit.Multiple403"), (CODE == 403) & OUTSIDE,
         "Somebody outside is trying what an identity may do."),
    Rule("system-account-outside", "System or service account used from the Internet", "high", "initial-access", ("T1190", "T1528"), 7, META,
         ("panther:Kubernetes.System.Principal.PublicIP", "panther:Amazon.EKS.Audit.SystemNamespaceFromPublicIP"),
         USER.str.contains("^(?:system|eks|aks|gke):") & ~ANONYMOUS & ~REFUSED & OUTSIDE & ~CLOUD,
         "These accounts live in the cluster or at its provider; from elsewhere their token or certificate was stolen."),
    Rule("tor-exit", "Request from the Tor network", "high", "command-and-control", ("T1090.003",), 8, META,
         ("panther:Kubernetes.API.IOC.Activity", *guardduty("TorIPCaller", "CredentialAccess", "DefenseEvasion", "Discovery", "Impact", "Persistence")), TOR,
         "Whoever administers a cluster has no need to hide where from."),
    Rule("node-port", "Service opened on every node", "medium", "initial-access", ("T1190",), 2, BODY,
         ("panther:Kubernetes.Service.NodePort.Deployed",), MADE & on("services") & says("node port"),
         "A node port goes around load balancers, their firewalls and their logs."),
    Rule("node-port-opened", "Port opened on every node", "medium", "initial-access", ("T1190",), 2, ANSWER,
         ("panther:GCP.K8S.Service.Type.NodePort.Deployed",), WRITTEN & on("services") & answers("node port"),
         "The answer names the port that now leads into the cluster from every node's address."),
    Rule("external-address-claimed", "Service claims foreign addresses", "high", "collection", ("T1557",), 6, BODY,
         (), WRITTEN & ~PLATFORM & on("services") & says("external address"),
         "Traffic of pods to these addresses goes to the Service instead (CVE-2020-8554)."),
    Rule("dashboard-exposed", "Dashboard opened to the outside", "high", "initial-access", ("T1133", "T1190"), 7, BODY,
         ("guardduty:Policy:Kubernetes/ExposedDashboard",), WRITTEN & on("services") & says("node port", "load balancer") & (NAMESPACE + "/" + NAME).str.contains("dashboard"),
         "A dashboard reachable from outside is a way in, often with the dashboard's own rights."),
    Rule("kubeflow-exposed", "Kubeflow's gateway opened to the outside", "high", "initial-access", ("T1133", "T1190"), 6, BODY,
         ("guardduty:Policy:Kubernetes/KubeflowDashboardExposed",), WRITTEN & on("services") & says("node port", "load balancer") & (named("istio-ingressgateway") | (NAMESPACE == "kubeflow")),
         "Who reaches Kubeflow's dashboard can run containers."),
    Rule("ingress-without-tls", "Ingress without TLS", "low", "credential-access", ("T1040",), 1, BODY,
         ("panther:Kubernetes.Ingress.NoTLS",), MADE & on("ingresses") & ~SYSTEM_NAMESPACE & says("no TLS"),
         "Passwords and tokens cross the network readable."),
)

EXECUTION: tuple[Rule, ...] = (
    Rule("exec", "Command run in a pod", "low", "execution", ("T1609",), 1, META,
         ("panther:Kubernetes.Pod.Exec", "panther:GCP.K8s.ExecIntoPod", "guardduty:Execution:Kubernetes/AnomalousBehavior.ExecInPod", "sigma:a1b0ca4e-7835-413e-8471-3ff2b8a66be6"), NAMED_EXEC,
         "A command in a pod can read whatever the pod can, and leaves nothing in its image."),
    Rule("exec-in-kube-system", "Command run in a pod of kube-system", "medium", "execution", ("T1609",), 5, META,
         ("guardduty:Execution:Kubernetes/ExecInKubeSystemPod",), CONNECTED & on("pods/exec", "pods/attach") & (NAMESPACE == "kube-system") & ~PLATFORM,
         "Pods of kube-system hold the cluster's most powerful accounts."),
    Rule("exec-refused", "Command in a pod refused", "medium", "execution", ("T1609",), 4, META,
         (), FORBIDDEN & on("pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers"),
         "Somebody tries to get into a pod without the right."),
    Rule("attach", "Attached to a running container", "low", "execution", ("T1609",), 2, META,
         (), CONNECTED & on("pods/attach"),
         "Who attaches types into a process that is already running."),
    Rule("exec-reverse-shell", "Reverse shell or miner run in a pod", "critical", "execution", ("T1609", "T1059.004"), 11, META,
         (), NAMED_EXEC & says("reverse shell", "miner"),
         "The command hands the container to somebody outside, or to their purse."),
    Rule("ephemeral-container", "Debug container put into a running pod", "medium", "execution", ("T1609", "T1610"), 5, META,
         (), CHANGED & on("pods/ephemeralcontainers"),
         "It shares the pod's network and, if asked, its processes, and cannot be removed without the pod."),
    Rule("attack-image", "Image of an attackers' tool", "high", "execution", ("T1610", "T1588.002"), 10, BODY,
         ("guardduty:Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed",), (PLACED | (OK & on("pods/ephemeralcontainers"))) & says("attack image"),
         "The image is made for breaking into clusters."),
    Rule("attack-command", "Workload that opens a reverse shell or mines", "critical", "execution", ("T1610", "T1496", "T1059.004"), 11, BODY,
         ("guardduty:Execution:Kubernetes/AnomalousBehavior.WorkloadDeployed", "guardduty:Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed"), PLACED & says("reverse shell", "miner"),
         "Its command hands the container to somebody outside, or to their purse."),
    Rule("image-by-address", "Image from a bare address", "medium", "execution", ("T1610", "T1525"), 6, BODY,
         (), (PLACED | (OK & on("pods/ephemeralcontainers"))) & says("image by address"),
         "A registry without a name is seldom a company's own."),
    Rule("pod-in-system-namespace", "Pod made by hand in a system namespace", "medium", "defense-evasion", ("T1036.005", "T1610"), 5, META,
         ("panther:Kubernetes.Pod.SystemNamespace", "sigma:a80d927d-ac6e-443f-a867-e8d6e3897318"), MADE & on("pods") & SYSTEM_NAMESPACE & ~PLATFORM,
         "Among the system's pods, and with their exemptions from policy, it looks like one of them."),
    Rule("workload-in-system-namespace", "Workload made by hand in a system namespace", "medium", "defense-evasion", ("T1036.005", "T1610"), 5, META,
         (), MADE & on(*WORKLOADS) & SYSTEM_NAMESPACE & ~PLATFORM,
         "Among the system's workloads, and with their exemptions from policy, it looks like one of them."),
    Rule("daemonset-created", "DaemonSet created", "low", "execution", ("T1610", "T1543"), 2, META,
         ("panther:Kubernetes.DaemonSet.Created",), MADE & on("daemonsets") & ~OWN_BUSINESS,
         "One request puts a container on every node."),
    Rule("system-workload-changed", "Workload of a system namespace changed by hand", "medium", "persistence", ("T1543", "T1525"), 3, META,
         (), CHANGED & on("deployments", "daemonsets", "statefulsets") & SYSTEM_NAMESPACE & ~PLATFORM,
         "A changed image, argument or volume there runs with the system's rights."),
)

PERSISTENCE: tuple[Rule, ...] = (
    Rule("cronjob-written", "CronJob created or changed", "low", "persistence", ("T1053.007",), 2, META,
         ("panther:Kubernetes.CronJob.CreatedOrModified", "sigma:0c9b3bda-41a6-4442-9345-356ae86343dc"), WRITTEN & on("cronjobs") & ~OWN_BUSINESS & ~CONTROLLER,
         "What it starts comes back by itself after everything else was cleaned up."),
    Rule("webhook-created", "Admission webhook created", "medium", "persistence", ("T1546",), 5, META,
         ("panther:Kubernetes.AdmissionController.Created", "sigma:eed82177-38f5-4299-8a76-098d50d225ab"), MADE & on(*WEBHOOKS),
         "It sees every object that is written, secrets included, and may change or refuse them."),
    Rule("external-webhook", "Admission webhook that calls a URL", "high", "persistence", ("T1546", "T1567"), 10, BODY,
         (), WRITTEN & on(*WEBHOOKS) & says("external webhook"),
         "Objects are sent to an address outside the cluster's Services, which may rewrite them."),
    Rule("webhook-changed", "Admission webhook changed by hand", "medium", "persistence", ("T1546",), 4, META,
         ("sigma:eed82177-38f5-4299-8a76-098d50d225ab",), CHANGED & on(*WEBHOOKS) & PERSON,
         "A change of target or scope is as good as a new webhook, and less conspicuous."),
    Rule("mutating-policy-written", "Mutating admission policy written", "medium", "persistence", ("T1546",), 4, META,
         (), WRITTEN & on("mutatingadmissionpolicies", "mutatingadmissionpolicybindings") & ~PLATFORM,
         "It changes what others create, without a server of its own that could be noticed."),
    Rule("api-service-written", "Part of the API handed to another server", "medium", "persistence", ("T1546",), 4, META,
         (), WRITTEN & on("apiservices") & ~PLATFORM,
         "Requests for that group go, with the caller's name, to the server named there."),
    Rule("client-certificate-requested", "Client certificate requested", "medium", "persistence", ("T1098", "T1552"), 5, BODY,
         ("panther:Kubernetes.ClientCertificate.Created",), MADE & on("certificatesigningrequests") & says("client certificate") & ~PLATFORM,
         "A client certificate cannot be revoked and outlives the account that asked for it."),
    Rule("kubelet-certificate-requested", "Kubelet's certificate requested by somebody else", "high", "credential-access", ("T1528",), 8, BODY,
         (), MADE & on("certificatesigningrequests") & says("kubelet certificate") & ~PLATFORM,
         "With a node's certificate one reads the secrets of all its pods."),
    Rule("masters-certificate-requested", "Certificate of system:masters requested", "critical", "privilege-escalation", ("T1098", "T1078"), 11, BODY,
         (), (VERB == "create") & on("certificatesigningrequests") & says("asks masters"),
         "Its holder may do everything, past all authorisation, until it expires."),
    Rule("certificate-approved", "Certificate approved by a person", "medium", "persistence", ("T1098",), 6, META,
         (), CHANGED & on("certificatesigningrequests/approval") & PERSON,
         "Approval turns a request into a credential that cannot be revoked."),
    Rule("token-requested", "Token of a service account requested by somebody else", "medium", "credential-access", ("T1528", "T1098"), 4, META,
         ("panther:Kubernetes.ServiceAccount.TokenCreated",), OK & (VERB == "create") & on("serviceaccounts/token") & ~(NODE & AGENT.str.contains("^(?:kubelet|$)")) & ~OWN_BUSINESS,
         "Kubelets ask for the tokens of their pods; whoever else does takes an identity to use elsewhere."),
    Rule("system-token-requested", "Token of a system account requested by somebody else", "high", "credential-access", ("T1528",), 9, META,
         (), OK & (VERB == "create") & on("serviceaccounts/token") & (NAMESPACE == "kube-system") & ~PLATFORM,
         "Accounts of kube-system may read and change nearly everything."),
    Rule("token-refused", "Token of a service account refused", "medium", "credential-access", ("T1528",), 4, META,
         (), FORBIDDEN & on("serviceaccounts/token") & ~NODE,
         "Somebody tries to take another identity."),
    Rule("long-lived-token", "Token for more than a day", "medium", "persistence", ("T1528", "T1098"), 3, BODY,
         (), OK & (VERB == "create") & on("serviceaccounts/token") & says("long-lived") & ~PLATFORM,
         "A long life is worth something only to somebody who takes the token away."),
    Rule("token-secret", "Token that never expires created", "medium", "persistence", ("T1098", "T1552.007"), 6, BODY,
         (), MADE & on("secrets") & says("token secret") & ~PLATFORM,
         "It stays valid until somebody deletes the Secret, and says nothing of where it is used."),
    Rule("service-account-in-kube-system", "Service account made in kube-system", "low", "persistence", ("T1136",), 3, META,
         ("sigma:e31bae15-83ed-473e-bf31-faf4f8a17d36",), MADE & on("serviceaccounts") & (NAMESPACE == "kube-system") & ~PLATFORM,
         "Many rules and policies trust whatever has an account there."),
    Rule("aws-auth-changed", "EKS's map of AWS identities changed", "high", "persistence", ("T1098",), 8, META,
         (), (WRITTEN | DELETED) & on("configmaps") & (NAMESPACE == "kube-system") & named("aws-auth") & ~USER.str.starts_with("eks:"),
         "One line there makes any AWS identity an administrator of the cluster."),
)

PODS_AND_NODES: tuple[Rule, ...] = (
    Rule("privileged-pod", "Privileged container", "high", "privilege-escalation", ("T1611",), 8, BODY,
         (*PANTHER_PRIVILEGED, "guardduty:PrivilegeEscalation:Kubernetes/PrivilegedContainer", "guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.WorkloadDeployed!PrivilegedContainer", "sigma:c5cd1b20-36bb-488d-8c05-486be3d0cb97"), PLACED & says("privileged"),
         "A privileged container is root on its node."),
    Rule("privileged-debug-container", "Privileged debug container put into a running pod", "high", "privilege-escalation", ("T1611", "T1610"), 9, BODY,
         (), OK & on("pods/ephemeralcontainers") & says("privileged", "capability"),
         "It makes a harmless pod a way to the node."),
    Rule("root-container", "Container told to run as root", "low", "privilege-escalation", ("T1610",), 1, BODY,
         PANTHER_PRIVILEGED, PLACED & on(*PODS) & says("root"),
         "As root, a flaw of kernel or runtime leads from the container to the node."),
    Rule("host-pid", "Pod that sees the node's processes", "high", "privilege-escalation", ("T1611",), 6, BODY,
         ("panther:Kubernetes.Pod.Host.PID", "panther:GCP.K8s.Pod.Using.Host.PID.Namespace"), PLACED & says("hostPID"),
         "It reads other processes' environment and, as root, enters their namespaces."),
    Rule("host-ipc", "Pod that shares the node's memory segments", "medium", "privilege-escalation", ("T1611",), 5, BODY,
         ("panther:Kubernetes.Pod.Host.IPC",), PLACED & says("hostIPC"),
         "It reads and writes the shared memory of the node's processes."),
    Rule("host-network", "Pod on the node's network", "medium", "privilege-escalation", ("T1611", "T1040"), 3, BODY,
         ("panther:Kubernetes.Pod.Host.Network", "panther:GCP.K8s.Pod.Attached.To.Node.Host.Network"), PLACED & says("hostNetwork"),
         "It listens to the node's traffic, reaches its local ports and its cloud identity, and escapes NetworkPolicies."),
    Rule("sensitive-host-path", "Pod that mounts the node's own files", "high", "privilege-escalation", ("T1611",), 7, BODY,
         ("panther:Kubernetes.Pod.HostPath.Volume", "panther:GCP.K8S.Pod.Create.Or.Modify.Host.Path.Volume.Mount", "guardduty:Persistence:Kubernetes/ContainerWithSensitiveMount", "guardduty:Persistence:Kubernetes/AnomalousBehavior.WorkloadDeployed!ContainerWithSensitiveMount", "sigma:402b955c-8fe0-4a8c-b635-622b4ac5f902"), PLACED & says("sensitive hostPath"),
         "The node's root, the kubelet's keys or the runtime's socket are as good as the node."),
    Rule("host-path", "Pod that mounts a directory of the node", "low", "privilege-escalation", ("T1611",), 2, BODY,
         ("sigma:402b955c-8fe0-4a8c-b635-622b4ac5f902",), PLACED & says("hostPath"),
         "What one pod writes there another reads, and links there lead elsewhere."),
    Rule("dangerous-capability", "Container with a dangerous capability", "high", "privilege-escalation", ("T1611",), 5, BODY,
         ("panther:Kubernetes.Pod.Dangerous.Capabilities",), PLACED & says("capability"),
         "SYS_ADMIN, BPF, NET_ADMIN and their like open the node or its network."),
    Rule("unconfined-container", "Container without seccomp or AppArmor", "low", "privilege-escalation", ("T1611",), 3, BODY,
         (), PLACED & says("unconfined"),
         "Every system call of the kernel is open to it."),
    Rule("node-tainted", "Node's taints changed by hand", "medium", "lateral-movement", ("T1610",), 4, BODY,
         (), CHANGED & on("nodes") & says("taints") & ~PLATFORM,
         "Without its taints a control-plane node takes an attacker's pod; with more, a victim's pod goes elsewhere."),
    Rule("nodes-proxy", "Kubelet's API used through the API server", "high", "lateral-movement", ("T1609",), 6, META,
         (), OK & on("nodes/proxy") & ~URI.str.contains(r"/proxy/(?:metrics|stats|healthz|pods/?$)[^?]*$") & ~PLATFORM,
         "The kubelet asks no admission and logs no request: what runs there is in no audit log."),
    Rule("nodes-proxy-pods", "Pods asked of a kubelet", "medium", "discovery", ("T1613",), 4, META,
         (), OK & on("nodes/proxy") & URI.str.contains(r"/proxy/(?:runningp|p)ods/?(?:\?|$)") & ~PLATFORM,
         "The kubelet tells of all its pods what RBAC would tell of some."),
    Rule("nodes-proxy-run", "Command run through a kubelet", "critical", "execution", ("T1609",), 11, META,
         (), on("nodes/proxy") & URI.str.contains(r"/proxy/(?:run|exec|attach|portForward|cri)/") & ~PLATFORM,
         "A command run through the kubelet is checked by nobody else."),
    Rule("portforward", "Port of a pod forwarded", "low", "lateral-movement", ("T1090", "T1572"), 2, META,
         (), CONNECTED & on("pods/portforward"),
         "It reaches ports that no Service and no NetworkPolicy opens."),
    Rule("service-proxy", "Service or pod reached through the API server", "low", "lateral-movement", ("T1090",), 2, META,
         (), OK & on("services/proxy", "pods/proxy") & ~PLATFORM,
         "The request comes from the control plane, past NetworkPolicies."),
)

RBAC: tuple[Rule, ...] = (
    Rule("cluster-admin-binding", "Bound to a role that may do everything", "critical", "privilege-escalation", ("T1098.006",), 10, BODY,
         ("panther:Kubernetes.ClusterRoleBinding.Privileged", "guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated", "sigma:10b97915-ec8d-455f-a815-9a78926585f6"), MADE & on("clusterrolebindings") & POWER & ~PLATFORM,
         "Its subjects rule the whole cluster from now on."),
    Rule("namespace-admin-binding", "Bound to an administrator's role in a namespace", "high", "privilege-escalation", ("T1098.006",), 6, BODY,
         ("guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated",), MADE & on("rolebindings") & POWER & ~PLATFORM,
         "Its subjects read every secret there and run what they like as any of its accounts."),
    Rule("cluster-edit-binding", "Bound to edit in the whole cluster", "high", "privilege-escalation", ("T1098.006",), 6, BODY,
         ("guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleBindingCreated",), MADE & on("clusterrolebindings") & says("binds edit") & ~PLATFORM,
         "Edit reads secrets and runs pods as any account of any namespace."),
    Rule("namespace-edit-binding", "Bound to edit in a namespace", "low", "privilege-escalation", ("T1098.006",), 2, BODY,
         (), MADE & on("rolebindings") & says("binds edit") & ~PLATFORM,
         "Edit reads the namespace's secrets and runs pods as any of its accounts."),
    Rule("admin-binding-changed", "Binding to an administrator's role changed", "high", "privilege-escalation", ("T1098.006",), 7, BODY,
         (), CHANGED & BINDING & POWER & ~PLATFORM,
         "A subject more in an old binding is noticed by nobody who looks for new ones."),
    Rule("anonymous-granted", "Rights given to whoever has not logged in", "critical", "privilege-escalation", ("T1098.006", "T1190"), 11, BODY,
         ("guardduty:Policy:Kubernetes/AnonymousAccessGranted",), WRITTEN & BINDING & says("to anonymous") & ~PLATFORM,
         "Everybody who reaches the API server has these rights."),
    Rule("everyone-granted", "Rights given to every account", "high", "privilege-escalation", ("T1098.006",), 6, BODY,
         (), WRITTEN & BINDING & says("to everyone") & ~PLATFORM,
         "Every pod of the cluster has these rights."),
    Rule("default-account-granted", "Administrator's rights given to a default account", "critical", "privilege-escalation", ("T1098.006",), 10, BODY,
         ("guardduty:Policy:Kubernetes/AdminAccessToDefaultServiceAccount",), WRITTEN & BINDING & says("to default account") & says("binds cluster-admin", "binds admin") & ~PLATFORM,
         "Every pod of that namespace that names no account has these rights."),
    Rule("binding-written", "Binding written", "info", "privilege-escalation", ("T1098.006",), 1, META,
         ("sigma:10b97915-ec8d-455f-a815-9a78926585f6",), OK & ~READING & BINDING & ~PLATFORM,
         "Who writes bindings decides who may do what."),
    Rule("rbac-refused", "Change of roles or bindings refused", "medium", "privilege-escalation", ("T1098.006",), 6, META,
         (), FORBIDDEN & WRITING & (BINDING | ROLE),
         "Somebody tries to give rights without the right to."),
    Rule("escalation-refused", "Rights refused that the giver has not", "high", "privilege-escalation", ("T1098.006",), 8, META,
         (), (CODE == 403) & (DECISION == "allow") & WRITING & (BINDING | ROLE),
         "The API server's escalation check stopped somebody from giving more than they have."),
    Rule("role-wildcard", "Role with wildcards", "high", "privilege-escalation", ("T1098.006",), 6, BODY,
         ("panther:Kubernetes.Role.Wildcard", "guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated"), MADE & ROLE & says("wildcard") & ~PLATFORM,
         "A wildcard grants what exists and whatever will exist."),
    Rule("role-node-proxy", "Role that reaches the kubelets", "high", "privilege-escalation", ("T1098.006", "T1609"), 7, BODY,
         ("panther:Kubernetes.Role.NodeProxyPermissions",), MADE & ROLE & says("node proxy") & ~PLATFORM,
         "The kubelet's API runs commands in every pod of its node, past admission and audit."),
    Rule("role-pod-exec", "Role that runs commands in pods", "high", "privilege-escalation", ("T1098.006", "T1609"), 4, BODY,
         ("panther:Kubernetes.Role.PodExec",), MADE & ROLE & says("pod exec") & ~PLATFORM,
         "A command in a pod has the pod's account, secrets and network."),
    Rule("role-writes", "Role that changes things", "low", "privilege-escalation", ("T1098.006",), 1, BODY,
         ("panther:Kubernetes.Role.WritePermissions",), MADE & ROLE & says("writes") & ~PLATFORM,
         "New rights to write are worth knowing of."),
    Rule("role-escalates", "Role that may raise itself", "high", "privilege-escalation", ("T1098.006",), 7, BODY,
         ("guardduty:PrivilegeEscalation:Kubernetes/AnomalousBehavior.RoleCreated",), WRITTEN & ROLE & says("escalates") & ~PLATFORM,
         "Escalate, bind and impersonate each lead to cluster-admin."),
    Rule("role-mints-tokens", "Role that takes tokens of service accounts", "high", "privilege-escalation", ("T1098.006", "T1528"), 5, BODY,
         (), WRITTEN & ROLE & says("mints tokens") & ~PLATFORM,
         "Who can ask for a token is whoever the token is of."),
    Rule("role-reads-secrets", "Role that reads secrets", "medium", "privilege-escalation", ("T1098.006", "T1552.007"), 2, BODY,
         (), MADE & ROLE & says("reads secrets") & ~PLATFORM,
         "Secrets hold the tokens and passwords of others."),
    Rule("role-widened", "Role changed to a powerful one", "high", "privilege-escalation", ("T1098.006",), 5, BODY,
         (), CHANGED & ROLE & says("wildcard", "node proxy", "pod exec") & ~PLATFORM,
         "All who were bound to it for something small have the new rights too."),
    Rule("system-role-changed", "Role of the system changed", "critical", "privilege-escalation", ("T1098.006", "T1222"), 9, META,
         ("panther:Kubernetes.SystemRole.Modified",), (CHANGED | DELETED) & ROLE & NAME.str.starts_with("system:") & ~named("system:coredns") & ~PLATFORM,
         "The control plane's own roles change only with its version; a right added there is a hidden one."),
    Rule("impersonation", "Acted as somebody else", "low", "privilege-escalation", ("T1078", "T1550"), 2, META,
         (), IMPERSONATED != "",
         "What is done carries another's name and rights."),
    Rule("impersonation-of-system", "Acted as an account of the system", "high", "privilege-escalation", ("T1078", "T1550"), 7, META,
         (), IMPERSONATED.str.contains("^(?:system:|kubernetes-admin|kubernetes-super-admin|cluster-admin|admin$|minikube)") & ~IMPERSONATED.str.contains("^system:(?:anonymous|unauthenticated|serviceaccount:)") | IMPERSONATED.str.starts_with("system:serviceaccount:kube-system:"),
         "Nobody's work needs the control plane's own identities."),
    Rule("impersonation-of-masters", "Acted as a member of system:masters", "critical", "privilege-escalation", ("T1078", "T1550"), 10, META,
         (), MASTERS & OK,
         "Members of system:masters are past all authorisation."),
    Rule("impersonation-refused", "Refused while acting as somebody else", "medium", "privilege-escalation", ("T1078", "T1550"), 5, META,
         (), (IMPERSONATED != "") & FORBIDDEN,
         "Somebody tries whose rights are worth having."),
    Rule("acting-refused", "Refused before its rights were looked at", "medium", "privilege-escalation", ("T1078", "T1550"), 6, META,
         (), (CODE == 403) & (DECISION == "") & (IMPERSONATED == "") & (col("user_groups").list.len() > 0) & ~PLATFORM,
         "No decision on the request itself is logged where acting as somebody else was refused."),
)

CREDENTIAL_ACCESS: tuple[Rule, ...] = (
    Rule("secrets-of-all-namespaces", "Secrets of all namespaces listed", "critical", "credential-access", ("T1552.007",), 8, META,
         ("panther:Kubernetes.Secrets.DumpAllNamespaces",), OK & (VERB == "list") & on("secrets") & (NAMESPACE == "") & (PERSON | (ACCOUNT & BY_HAND & ~PLATFORM)),
         "One request takes every password, key and token of the cluster."),
    Rule("secrets-of-all-namespaces-by-account", "Secrets of all namespaces listed by a service account", "high", "credential-access", ("T1552.007",), 3, META,
         ("panther:Kubernetes.Secrets.DumpAllNamespaces",), OK & (VERB == "list") & on("secrets") & (NAMESPACE == "") & ACCOUNT & ~BY_HAND & ~PLATFORM & ~USER.str.ends_with(":kube-state-metrics"),
         "Controllers do it when they start; whoever holds such an account's token can as well."),
    Rule("secrets-watched", "Secrets taken by watching", "high", "credential-access", ("T1552.007",), 8, META,
         (), OK & (VERB == "watch") & on("secrets") & (PERSON | (ACCOUNT & BY_HAND)),
         "A watch hands out all secrets like a list, and goes past rules on lists."),
    Rule("secrets-listed", "Secrets of a namespace listed by hand", "medium", "credential-access", ("T1552.007",), 4, META,
         ("sigma:eeb3e9e1-b685-44e4-9232-6bb701f925b5",), OK & (VERB == "list") & on("secrets") & (NAMESPACE != "") & (PERSON | (ACCOUNT & BY_HAND)),
         "A list holds the contents, not the names alone."),
    Rule("secret-read-by-person", "Secrets asked for by a person", "low", "credential-access", ("T1552.007",), 1, META,
         ("panther:Kubernetes.BulkSecretAccess", "guardduty:CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed"), READING & on("secrets") & PERSON,
         "Secrets are for workloads; people who read many collect them."),
    Rule("secret-read-by-hand", "Secret read with a service account's token by hand", "medium", "credential-access", ("T1552.007", "T1528"), 6, META,
         ("guardduty:CredentialAccess:Kubernetes/AnomalousBehavior.SecretsAccessed",), OK & READING & on("secrets") & ACCOUNT & BY_HAND,
         "Workloads have a client of their own; curl and kubectl are a person or a script with the workload's token."),
    Rule("secret-refused", "Secret refused", "medium", "credential-access", ("T1552.007", "T1613"), 4, META,
         ("panther:Kubernetes.Secret.AccessDenied",), REFUSED & (VERB == "get") & on("secrets") & ~PLATFORM,
         "Somebody tries which secrets an identity may read."),
    Rule("secret-missing", "Secret asked for that does not exist", "info", "credential-access", ("T1552.007", "T1613"), 1, META,
         ("panther:Kubernetes.Secret.AccessDenied",), ~REFUSED & (CODE >= 400) & (VERB == "get") & on("secrets") & ~PLATFORM,
         "Somebody guesses names of secrets."),
    Rule("secrets-refused", "List of secrets refused", "medium", "credential-access", ("T1552.007", "T1613"), 4, META,
         (), REFUSED & VERB.is_in(["list", "watch", "deletecollection"]) & on("secrets"),
         "Somebody tries to take all secrets at once."),
    Rule("pod-token-read", "Service account token read from a pod", "high", "credential-access", ("T1552.007", "T1528"), 9, META,
         ("panther:Kubernetes.Pod.StealServiceAccountToken",), NAMED_EXEC & says("reads token") & ~OWN_BUSINESS,
         "Who reads a pod's token can be that pod from anywhere."),
    Rule("pod-credentials-read", "Keys of cloud, SSH or node read from a pod", "high", "credential-access", ("T1552.001", "T1552.005"), 8, META,
         (), NAMED_EXEC & says("reads credentials"),
         "These keys lead out of the cluster or to its nodes."),
    Rule("credential-on-command-line", "Password or token on a command line", "low", "credential-access", ("T1552.001",), 2, META,
         (), NAMED_EXEC & says("passes credential"),
         "It stands in this log, and in the process list, for all who read them."),
    Rule("files-copied-out", "Files fetched from a pod", "medium", "exfiltration", ("T1530", "T1048"), 4, META,
         ("panther:Kubernetes.Kubectl.CP.Operation",), NAMED_EXEC & says("copies out"),
         "This is how kubectl cp takes files out, unseen by the network's guards."),
    Rule("node-account-by-hand", "Node's account used by something else than a kubelet", "high", "credential-access", ("T1528", "T1078"), 9, META,
         (), NODE & (AGENT != "") & ~AGENT.str.contains("^(?:kubelet|kube-proxy|kubeadm|hyperkube|k3s|rke2|kubemark|aws-node|node-problem-detector|cilium|calico)"),
         "A node's certificate reads the secrets of all its pods; only the kubelet uses it."),
    Rule("node-overreach", "Node refused what is not its own", "medium", "credential-access", ("T1528",), 5, META,
         (), NODE & FORBIDDEN & on("secrets", "configmaps", "nodes", "serviceaccounts/token") & (VERB != "watch"),
         "The node authoriser stops a stolen certificate where a kubelet would not go."),
    Rule("controller-account-by-hand", "Controller's account used by something else", "high", "credential-access", ("T1528", "T1550"), 9, META,
         (), USER.is_in(CONTROLLERS) & (AGENT != "") & ~AGENT.str.contains("^(?:kube-controller-manager|cloud-controller-manager|k3s|rke2|hyperkube|k0s|microk8s|kubelite)"),
         "The controller manager's accounts exist for its own loops; elsewhere their token was taken."),
)

DEFENSE_EVASION: tuple[Rule, ...] = (
    Rule("events-deleted", "Events deleted", "high", "defense-evasion", ("T1070",), 8, META,
         ("sigma:3132570d-cab2-4561-9ea6-1743644b2290",), DELETED & on("events") & ~PLATFORM,
         "Events expire by themselves; who deletes them hides what happened."),
    Rule("audit-objects-deleted", "Objects of auditing deleted", "high", "defense-evasion", ("T1562.008", "T1070"), 8, META,
         (), DELETED & (on("auditsinks") | (RESOURCE.is_in([*PODS, *WORKLOADS, "configmaps", "secrets"]) & NAME.str.contains(r"(?:^|[-.])audit(?:$|[-.])"))) & ~PLATFORM,
         "What no longer is logged or configured to be logged cannot be found."),
    Rule("admission-removed", "Admission webhook or policy deleted", "medium", "defense-evasion", ("T1562.001",), 5, META,
         ("sigma:eed82177-38f5-4299-8a76-098d50d225ab",), DELETED & on(*WEBHOOKS, *POLICIES) & ~PLATFORM,
         "The rules it enforced hold no more."),
    Rule("network-policy-removed", "NetworkPolicy deleted", "medium", "defense-evasion", ("T1562.007",), 4, META,
         (), DELETED & on(*NETWORK_POLICIES) & ~PLATFORM,
         "Pods it shielded can be reached, or reach out, again."),
    Rule("pod-security-lifted", "Pod security of a namespace lifted", "medium", "defense-evasion", ("T1562.001",), 6, BODY,
         (), WRITTEN & on("namespaces") & says("not enforced") & ~PLATFORM,
         "Privileged pods are admitted there from now on."),
    Rule("dns-changed", "Cluster's DNS configuration changed", "high", "collection", ("T1557", "T1584.002"), 8, META,
         (), (WRITTEN | DELETED) & on("configmaps") & (NAMESPACE == "kube-system") & named("coredns", "coredns-custom", "kube-dns", "node-local-dns") & ~PLATFORM,
         "Who answers for names decides where every pod's traffic goes."),
    Rule("kube-proxy-changed", "Service routing configuration changed", "high", "collection", ("T1557",), 6, META,
         (), (WRITTEN | DELETED) & on("configmaps") & (NAMESPACE == "kube-system") & named("kube-proxy", "kube-proxy-config", "cilium-config", "kubeadm-config", "extension-apiserver-authentication") & ~PLATFORM,
         "These tell every node how to route, and the API server whom to trust."),
    Rule("forged-forwarding", "Forged address", "high", "defense-evasion", ("T1665",), 9, META,
         (), FORGED,
         "The request claims to begin inside the cluster's networks, yet comes from the Internet: X-Forwarded-For is the client's to write."),
    Rule("audit-id-collision", "Audit id shared by different requests", "high", "defense-evasion", ("T1562.008",), 9, META,
         (), COLLIDES,
         "Clients may choose the id; whoever reuses one makes readers who deduplicate by it lose requests."),
)

DISCOVERY: tuple[Rule, ...] = (
    Rule("rights-listed", "Own rights listed", "low", "discovery", ("T1069.003", "T1087.004"), 1, META,
         ("sigma:84b777bd-c946-4d17-aa2e-c39f5a454325",), on("selfsubjectrulesreviews") & (VERB == "create") & PERSON,
         "The first thing to do with a stolen identity is to ask what it may."),
    Rule("rights-listed-by-account", "Own rights listed with a service account's token", "medium", "discovery", ("T1069.003", "T1087.004"), 6, META,
         ("sigma:84b777bd-c946-4d17-aa2e-c39f5a454325",), on("selfsubjectrulesreviews") & (VERB == "create") & ACCOUNT & ~PLATFORM,
         "A workload knows what it may do; who found its token asks."),
    Rule("powerful-right-asked", "Asked for a right that attackers want", "low", "discovery", ("T1069.003", "T1613"), 3, BODY,
         ("guardduty:Discovery:Kubernetes/AnomalousBehavior.PermissionChecked",), on("selfsubjectaccessreviews") & (VERB == "create") & says("asks powerful") & ~PLATFORM,
         "Asking leaves less behind than trying."),
    Rule("scanner", "Attackers' scanner", "high", "discovery", ("T1613", "T1595.002"), 9, META,
         ("sigma:597a7e84-187d-458b-9e4f-2f5a0e676711",), SCANS,
         "The client gives itself the name of a tool for finding weaknesses."),
)

IMPACT: tuple[Rule, ...] = (
    Rule("namespace-deleted", "Namespace deleted", "medium", "impact", ("T1485",), 4, META,
         (), DELETED & on("namespaces") & ~PLATFORM,
         "Everything in it goes with it."),
    Rule("workload-deleted", "Workload deleted", "low", "impact", ("T1485", "T1489"), 1, META,
         ("sigma:40967487-139b-4811-81d9-c9767a92aa5a",), OK & (VERB == "delete") & on("deployments", "daemonsets", "statefulsets") & ~PLATFORM,
         "What it served is gone."),
    Rule("bulk-deleted", "Objects deleted in bulk", "high", "impact", ("T1485",), 5, META,
         (), OK & (VERB == "deletecollection") & on(*PODS, *WORKLOADS, *STORAGE, *ROLES, *BINDINGS, "configmaps", "secrets", "services", "ingresses", "serviceaccounts", "namespaces", "nodes") & ~PLATFORM,
         "One request takes all objects of a kind."),
    Rule("storage-deleted", "Volume deleted", "medium", "impact", ("T1485",), 3, META,
         (), DELETED & on(*STORAGE) & ~PLATFORM,
         "Its data may go with it."),
    Rule("node-deleted", "Node deleted by hand", "medium", "impact", ("T1489",), 3, META,
         (), DELETED & on("nodes") & ~PLATFORM,
         "All its pods are lost or run where nobody sees them."),
    Rule("definition-deleted", "Custom resource definition deleted", "high", "impact", ("T1485",), 6, META,
         (), DELETED & on("customresourcedefinitions") & ~PLATFORM,
         "All objects of that kind go with it, in every namespace."),
)

RULES: tuple[Rule, ...] = (
    *INITIAL_ACCESS, *EXECUTION, *PERSISTENCE, *PODS_AND_NODES, *RBAC, *CREDENTIAL_ACCESS, *DEFENSE_EVASION, *DISCOVERY, *IMPACT,
)
"""All rules."""
# fmt: on


@functools.cache
def by_id() -> dict[str, Rule]:
    """Return the rules by their id.

    >>> by_id()["privileged-pod"].severity
    'high'
    """
    return {rule.id: rule for rule in RULES}


def hits(events: pl.DataFrame, cleared: pl.Series | None = None) -> pl.DataFrame:
    """Return which rules hit which events (tables.AUDIT): columns row (its position) and rule, in that order.

    `cleared` says of which events one with the same key (facts.key) was judged before and hit by no rule: where
    a rule could see no more in this one, it is passed over.

    >>> from plimsoll import frames, tables
    >>> event = {"verb": "deletecollection", "objectRef_resource": "events", "user_username": "ann", "stage": "Panic"}
    >>> hits(frames.of_rows(tables.AUDIT, [event])).rows()
    [(0, 'events-deleted')]
    """
    suspects = prepared(events, cleared)
    if suspects.is_empty():
        return pl.DataFrame(schema={"row": pl.UInt32, "rule": pl.String})
    judged = suspects.select("row", *(rule.when.alias(rule.id) for rule in RULES))
    told = judged.unpivot(index="row", variable_name="rule", value_name="hit").filter(pl.col("hit"))
    return told.sort("row", maintain_order=True).select("row", "rule")
