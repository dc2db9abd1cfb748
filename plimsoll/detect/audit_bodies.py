"""What the body of a request asks for, in a few fixed words: privileged, hostPath, binds cluster-admin and so on.

A rule looks for words; how a Pod, a workload's template, a Role or a webhook comes to say them is here. Bodies are
written by whoever sends the request: every value may be of any type, and everything is bounded. A JSON patch is read
as the object that it would make of nothing, so it says what it adds.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib import parse

import msgspec

LARGEST = 4 << 20
"""Bytes of a body that is read; the API server takes no request beyond 3 MB."""
MOST = 256
"""Elements of a list that are looked at."""
LONGEST = 4096
"""Characters of a command that are looked at."""
DEEPEST = 16
"""Steps of a JSON patch's path that are followed."""

WORDS: dict[str, str] = {
    "privileged": "a container has all rights on the node",
    "root": "a container is told to run as root",
    "hostNetwork": "the pod uses the node's network",
    "hostPID": "the pod sees the node's processes",
    "hostIPC": "the pod shares memory with the node's processes",
    "hostPath": "the pod mounts a directory of the node",
    "sensitive hostPath": "… one that opens the node: its root, /etc, the kubelet's, the runtime's socket",
    "capability": "a container gets a Linux capability that opens the node or its network",
    "unconfined": "seccomp or AppArmor are turned off",
    "attack image": "the image is a tool of attackers",
    "image by address": "the image comes from a bare IP address",
    "reverse shell": "the command opens a shell to somewhere else",
    "miner": "the command or image mines coins",
    "binds cluster-admin": "the role bound is cluster-admin",
    "binds admin": "the role bound is admin, or a powerful one of the system",
    "binds edit": "the role bound is edit",
    "to anonymous": "a subject is everybody who has not logged in",
    "to everyone": "a subject is every account or every service account",
    "to default account": "a subject is a namespace's default service account, which every pod has",
    "to masters": "a subject is the group system:masters",
    "wildcard": "a rule names every verb or every resource",
    "node proxy": "a rule allows the kubelets' API",
    "pod exec": "a rule allows commands in pods",
    "writes": "a rule allows changes",
    "escalates": "a rule allows escalate, bind or impersonate",
    "reads secrets": "a rule allows reading secrets",
    "mints tokens": "a rule allows tokens of service accounts",
    "external webhook": "the webhook is an address outside the cluster's Services",
    "client certificate": "the certificate asked for logs in to the API server",
    "kubelet certificate": "… as a node",
    "asks masters": "the certificate asked for is of the group system:masters or its like",
    "node port": "the Service opens a port on every node",
    "load balancer": "the Service asks for an address of its own outside",
    "external address": "the Service claims traffic to addresses of others (CVE-2020-8554)",
    "no TLS": "the Ingress serves without a certificate",
    "taints": "the node's taints are set",
    "not enforced": "the namespace's pod security standard is taken away or privileged",
    "asks powerful": "the access review asks for a right that attackers want",
    "token secret": "the Secret is a service account token that never expires",
    "long-lived": "the token asked for lives for more than a day",
    "copies out": "tar writes to the output: what kubectl cp does to fetch files",
    "reads token": "the command reads the pod's service account token",
    "reads credentials": "the command reads keys of the cloud, SSH, kubelets or the node",
    "passes credential": "the command line holds a password or token",
}
"""All words, and what each says."""

Body = Mapping[str, Any]
BROKEN = (msgspec.MsgspecError, ValueError, RecursionError)

_decode = msgspec.json.Decoder().decode


def says(resource: str, sub: str, uri: str, request: str | None, response: str | None) -> list[str]:
    """Return the words that a request's body and URI say, sorted; none for what cannot be read.

    >>> says("pods", "", "", '{"spec": {"hostPID": true, "containers": [{"securityContext": {"privileged": true}}]}}', None)
    ['hostPID', 'privileged']
    >>> says("pods", "exec", "/exec?command=tar&command=cf&command=-&command=/etc", None, None)
    ['copies out']
    >>> says("pods", "", "", '{"spec": [', None)
    []
    """
    if sub in ("exec", "attach"):
        return sorted(set(_of_command(command(uri, request))))
    reader = READERS.get(f"{resource}/{sub}" if sub else resource)
    return sorted(set(reader(body(request) or body(response)))) if reader else []


def answered(resource: str, response: str | None) -> list[str]:
    """Return the words that the answer says: only a Service's, for there the answer names the port that was opened.

    >>> answered("services", '{"spec": {"type": "NodePort"}}')
    ['node port']
    """
    return sorted(set(_of_service(body(response)))) if resource == "services" else []


def body(text: str | None) -> Body:
    """Return a body as an object, empty where it is none or too large; a JSON patch as what it makes of nothing.

    >>> body('[{"op": "add", "path": "/spec/hostPID", "value": true}]')
    {'spec': {'hostPID': True}}
    """
    if not text or len(text) > LARGEST:
        return {}
    try:
        found = _decode(text)
    except BROKEN:
        return {}
    if isinstance(found, list):
        return _patched(found)
    return found if isinstance(found, dict) else {}


def command(uri: str, request: str | None = None) -> str:
    """Return the command of an exec, from the URI or the body, as one line.

    >>> command("/api/v1/namespaces/a/pods/b/exec?command=sh&command=-c&command=cat+%2Fetc%2Fpasswd&stdin=true")
    'sh -c cat /etc/passwd'
    """
    try:
        query = parse.parse_qs(uri[: 4 * LONGEST].partition("?")[2], max_num_fields=MOST)
    except ValueError:
        query = {}
    words = query.get("command") or _texts(body(request).get("command"))
    return " ".join(words)[:LONGEST]


def _patched(steps: list[Any]) -> Body:
    made: dict[str, Any] = {}
    for step in steps[:MOST]:
        if isinstance(step, dict) and step.get("op") in ("add", "replace") and isinstance(step.get("path"), str):
            _put(made, [_unescaped(part) for part in step["path"].split("/", DEEPEST)[1:]], step.get("value"))
    return made


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _put(made: dict[str, Any], path: list[str], value: Any) -> None:
    """Put a value at a path of nested objects; positions in lists are keys here, read like list elements."""
    if not path:
        return
    for part in path[:-1]:
        inner = made.setdefault(part, {})
        if not isinstance(inner, dict):
            return
        made = inner
    made[path[-1]] = value


def _at(value: Any, *path: str) -> Any:
    for part in path:
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _object(value: Any, *path: str) -> Body:
    found = _at(value, *path)
    return found if isinstance(found, dict) else {}


def _each(value: Any) -> list[Any]:
    """Return the elements of a list; of what a patch put at numbered places too."""
    if isinstance(value, dict) and all(isinstance(key, str) and (key.isdigit() or key == "-") for key in value):
        value = list(value.values())
    return value[:MOST] if isinstance(value, list) else []


def _objects(value: Any) -> list[Body]:
    return [one for one in _each(value) if isinstance(one, dict)]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value[:LONGEST]]
    return [one[:LONGEST] for one in _each(value) if isinstance(one, str)]


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


TEMPLATES: dict[str, tuple[str, ...]] = {
    "pods": ("spec",),
    "pods/ephemeralcontainers": ("spec",),
    "podtemplates": ("template", "spec"),
    "cronjobs": ("spec", "jobTemplate", "spec", "template", "spec"),
} | dict.fromkeys(
    ("deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs"),
    ("spec", "template", "spec"),
)
"""Where the pod's spec is."""

_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SPECIAL = frozenset(
    [
        "SYS_ADMIN",
        "SYS_PTRACE",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_BOOT",
        "SYS_CHROOT",
        "SYS_TIME",
        "NET_ADMIN",
        "NET_RAW",
        "DAC_READ_SEARCH",
        "DAC_OVERRIDE",
        "BPF",
        "PERFMON",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "SYSLOG",
        "ALL",
    ]
)
_OPEN_ROOTS = frozenset(
    [
        "/",
        "/etc",
        "/root",
        "/home",
        "/proc",
        "/sys",
        "/dev",
        "/boot",
        "/bin",
        "/sbin",
        "/usr",
        "/usr/bin",
        "/lib",
        "/var",
        "/var/lib",
        "/run",
        "/var/run",
        "/opt",
    ]
)
_OPEN_TREES = (
    "/etc/kubernetes", "/etc/cron.d", "/etc/systemd", "/etc/cni", "/root/.ssh", "/root/.kube", "/root/.aws",
    "/home/admin", "/proc/sys", "/var/lib/kubelet", "/var/lib/docker", "/var/lib/containerd", "/var/lib/crio",
    "/var/lib/containers", "/var/lib/etcd", "/var/lib/rancher", "/var/lib/cloud", "/var/spool/cron",
)  # fmt: skip
_SOCKET = re.compile(r"(?:docker|containerd|crio|cri-dockerd|podman|kubelet)\.sock$")


def _of_pod(path: tuple[str, ...]) -> Callable[[Body], Iterator[str]]:
    def read(whole: Body) -> Iterator[str]:
        spec = _object(whole, *path)
        yield from (name for name in _HOST if spec.get(name) is True)
        for volume in _objects(spec.get("volumes")):
            yield from _of_volume(volume)
        yield from _of_security(_object(spec, "securityContext"))
        for one in itertools.chain(*(_objects(spec.get(kind)) for kind in _CONTAINERS)):
            yield from _of_container(one)

    return read


_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")


def _of_volume(volume: Body) -> Iterator[str]:
    if "hostPath" not in volume:
        return
    yield "hostPath"
    path = "/" + "/".join(part for part in _text(_at(volume, "hostPath", "path")).split("/") if part not in ("", "."))
    inside = any(path == tree or path.startswith(f"{tree}/") for tree in _OPEN_TREES)
    if path in _OPEN_ROOTS or inside or ".." in path or _SOCKET.search(path):
        yield "sensitive hostPath"


def _of_security(context: Body) -> Iterator[str]:
    if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
        yield "root"
    kinds = (_at(context, kind, "type") for kind in ("seccompProfile", "appArmorProfile"))
    if "Unconfined" in kinds:
        yield "unconfined"


def _of_container(container: Body) -> Iterator[str]:
    context = _object(container, "securityContext")
    yield from _of_security(context)
    if context.get("privileged") is True:
        yield "privileged"
    added = _texts(_at(context, "capabilities", "add"))
    if any(name.upper().removeprefix("CAP_") in _SPECIAL for name in added):
        yield "capability"
    image = _text(container.get("image"))
    yield from _of_image(image)
    line = " ".join([*_texts(container.get("command")), *_texts(container.get("args"))])[:LONGEST]
    yield from (word for word in _of_command(line) if word == "reverse shell")
    if _MINER.search(line) or _MINER.search(image):
        yield "miner"


_ATTACK_IMAGE = re.compile(
    r"(?:^|/)(?:kali(?:-?linux)?|kali-rolling|parrotsec|metasploit(?:-framework)?|kube-hunter|peirates|cdk|botb|"
    r"kubeletctl|kubiscan|amicontained|kdigger|deepce|sliver|empire|chisel|ligolo|ngrok|nmap)(?:[-_/:@]|$)"
)
_MINER = re.compile(r"xmrig|xmr-stak|minerd|cpuminer|ethminer|nbminer|t-rex-miner|cryptonight|randomx|stratum\+|minexmr|nanopool|c3pool")  # fmt: skip


def _of_image(image: str) -> Iterator[str]:
    if _ATTACK_IMAGE.search(image.lower()):
        yield "attack image"
    registry, slash, _ = image.partition("/")
    host = registry.rpartition(":")[0] or registry
    if slash and _is_address(host.strip("[]")):
        yield "image by address"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


_TAR = re.compile(r"(?:^|[\s/;&|'\"(])tar\s[^;&|]{0,200}")
_TO_OUTPUT = re.compile(r"tar\s+-?[a-zA-Z]*c[a-zA-Z]*f\s+-(?:\s|$)|\s-c\b.*\s(?:-f\s?-|--file[= ]-)(?:\s|$)|--create\b.*\s(?:-f\s?-|--file[= ]-)(?:\s|$)")  # fmt: skip
_TOKEN = re.compile(r"/run/secrets/(?:kubernetes\.io|eks\.amazonaws\.com|pods\.eks\.amazonaws\.com|tokens|azure|workload)|serviceaccount/token")  # fmt: skip
_KEYS = re.compile(r"169\.254\.(?:169\.254|170\.2)|metadata\.google\.internal|/\.(?:aws|azure|kube|ssh|docker)/|/\.config/gcloud|/etc/kubernetes/|/var/lib/kubelet/|/etc/shadow|id_(?:rsa|ed25519)")  # fmt: skip
_PASSED = re.compile(
    r"(?:--?(?:password|passwd|token|secret|api-?key|access-?key)|PASSWORD|PGPASSWORD|AWS_SECRET_ACCESS_KEY|[A-Z]_TOKEN)[= ]['\"]?[^\s'\"$-]"
    r"|[Aa]uthorization: ?(?:Bearer|Basic) \S|mysql\S{0,16} .{0,80}-p[^\s]|https?://[^\s/:@]{1,64}:[^\s/@]{1,128}@"
)
_REVERSE = re.compile(
    r"/dev/(?:tcp|udp)/|\b(?:nc|ncat|netcat)\b.{0,80}\s-[a-z]*[ec]\b|\bsocat\b.{0,200}exec:|mkfifo .{0,80}\b(?:nc|ncat|telnet|openssl)\b"
    r"|pty\.spawn|socket\.socket.{0,200}(?:dup2|subprocess)|TCPSocket\.(?:new|open)|fsockopen\(", re.IGNORECASE
)  # fmt: skip


def _of_command(line: str) -> Iterator[str]:
    for found in itertools.islice(_TAR.finditer(line), 16):
        if _TO_OUTPUT.search(found.group()):
            yield "copies out"
    for word, pattern in (
        ("reads token", _TOKEN),
        ("reads credentials", _KEYS),
        ("passes credential", _PASSED),
        ("reverse shell", _REVERSE),
        ("miner", _MINER),
    ):
        if pattern.search(line):
            yield word


_POWERFUL = frozenset({"admin", "system:masters", "system:node", "system:kube-controller-manager", "system:aggregate-to-admin"})  # fmt: skip


def _of_binding(whole: Body) -> Iterator[str]:
    role = _text(_at(whole, "roleRef", "name"))
    if role in ("cluster-admin", "edit"):
        yield f"binds {role}"
    elif role in _POWERFUL or role.startswith("system:controller:"):
        yield "binds admin"
    for subject in _objects(whole.get("subjects")):
        name = _text(subject.get("name"))
        if name in ("system:anonymous", "system:unauthenticated"):
            yield "to anonymous"
        elif name in ("system:authenticated", "system:serviceaccounts"):
            yield "to everyone"
        elif name == "system:masters":
            yield "to masters"
        elif name == "default" and subject.get("kind") == "ServiceAccount":
            yield "to default account"


_WRITES = {"create", "update", "patch", "delete", "deletecollection", "*"}
_READS = {"get", "list", "watch", "*"}


def _of_role(whole: Body) -> Iterator[str]:
    for rule in _objects(whole.get("rules")):
        verbs, resources = set(_texts(rule.get("verbs"))), set(_texts(rule.get("resources")))
        if "*" in verbs or "*" in resources:
            yield "wildcard"
        if resources & {"nodes/proxy", "nodes/*", "*/proxy"}:
            yield "node proxy"
        if resources & {"pods/exec", "pods/*", "*/exec", "pods/attach"} and verbs & {"create", "get", "*"}:
            yield "pod exec"
        if verbs & _WRITES:
            yield "writes"
        if verbs & {"escalate", "bind", "impersonate"}:
            yield "escalates"
        if resources & {"secrets", "*"} and verbs & _READS:
            yield "reads secrets"
        if resources & {"serviceaccounts/token", "serviceaccounts/*"} and verbs & {"create", "*"}:
            yield "mints tokens"


def _of_webhooks(whole: Body) -> Iterator[str]:
    if any(_at(hook, "clientConfig", "url") for hook in _objects(whole.get("webhooks"))):
        yield "external webhook"


_CLIENT = ("kubernetes.io/kube-apiserver-client", "kubernetes.io/legacy-unknown")
_KUBELET = ("kubernetes.io/kube-apiserver-client-kubelet", "kubernetes.io/kubelet-serving")
_MASTERS = (b"system:masters", b"kubeadm:cluster-admins", b"system:kube-controller-manager", b"system:kube-scheduler")


def _of_csr(whole: Body) -> Iterator[str]:
    spec = _object(whole, "spec")
    signer = _text(spec.get("signerName"))
    if signer in _KUBELET:
        yield "kubelet certificate"
    elif signer in _CLIENT or "client auth" in _texts(spec.get("usages")):
        yield "client certificate"
    wanted = _certificate(spec.get("request"))
    if any(name in wanted for name in _MASTERS):
        yield "asks masters"


def _certificate(request: Any) -> bytes:
    """Return a certificate request as DER: PEM in base64, in base64; names stand in it as they are (X.690, 8.23)."""
    try:
        pem = base64.b64decode(request if isinstance(request, str) else "")
        lines = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
        return base64.b64decode(b"".join(lines))
    except (ValueError, binascii.Error):
        return b""


def _of_service(whole: Body) -> Iterator[str]:
    kind = _at(whole, "spec", "type")
    if kind == "NodePort":
        yield "node port"
    if kind == "LoadBalancer":
        yield "load balancer"
    if _texts(_at(whole, "spec", "externalIPs")):
        yield "external address"


_CERTIFIED = (
    "alb.ingress.kubernetes.io/certificate-arn",
    "networking.gke.io/managed-certificates",
    "ingress.gcp.kubernetes.io/pre-shared-cert",
)


def _of_ingress(whole: Body) -> Iterator[str]:
    spec = _object(whole, "spec")
    notes = _object(whole, "metadata", "annotations")
    if spec and not _each(spec.get("tls")) and not any(notes.get(name) for name in _CERTIFIED):
        yield "no TLS"


def _of_node(whole: Body) -> Iterator[str]:
    spec = _object(whole, "spec")
    if "taints" in spec:
        yield "taints"


_ENFORCE = "pod-security.kubernetes.io/enforce"


def _of_namespace(whole: Body) -> Iterator[str]:
    labels = _object(whole, "metadata", "labels")
    if labels.get(_ENFORCE, "kept") in ("privileged", None, ""):
        yield "not enforced"


_WANTED = frozenset({"secrets", "pods/exec", "serviceaccounts/token", "nodes/proxy", "clusterrolebindings", "rolebindings", "clusterroles", "roles", "*"})  # fmt: skip


def _of_review(whole: Body) -> Iterator[str]:
    asked = _object(whole, "spec", "resourceAttributes")
    resource, sub, verb = (_text(asked.get(name)) for name in ("resource", "subresource", "verb"))
    right = f"{resource}/{sub}" if sub else resource
    if right in _WANTED or verb in ("*", "impersonate", "escalate", "bind"):
        yield "asks powerful"


def _of_secret(whole: Body) -> Iterator[str]:
    if whole.get("type") == "kubernetes.io/service-account-token":
        yield "token secret"


def _of_token(whole: Body) -> Iterator[str]:
    seconds = _at(whole, "spec", "expirationSeconds")
    if isinstance(seconds, int) and seconds > 86_400:
        yield "long-lived"


Reader = Callable[[Body], Iterator[str]]
READERS: dict[str, Reader] = {resource: _of_pod(path) for resource, path in TEMPLATES.items()} | {
    "rolebindings": _of_binding,
    "clusterrolebindings": _of_binding,
    "roles": _of_role,
    "clusterroles": _of_role,
    "mutatingwebhookconfigurations": _of_webhooks,
    "validatingwebhookconfigurations": _of_webhooks,
    "certificatesigningrequests": _of_csr,
    "services": _of_service,
    "ingresses": _of_ingress,
    "nodes": _of_node,
    "namespaces": _of_namespace,
    "selfsubjectaccessreviews": _of_review,
    "secrets": _of_secret,
    "serviceaccounts/token": _of_token,
}
"""What reads the body of a request about each resource."""
RESOURCES = frozenset(place.partition("/")[0] for place in READERS)
