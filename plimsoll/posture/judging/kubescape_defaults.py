"""What Kubescape's rules look for on its defaults: the lists its users may change, as it ships them."""

from __future__ import annotations

import re

INSECURE_CAPABILITIES = frozenset(
    (
        "SETPCAP",
        "NET_ADMIN",
        "NET_RAW",
        "SYS_MODULE",
        "SYS_RAWIO",
        "SYS_PTRACE",
        "SYS_ADMIN",
        "SYS_BOOT",
        "MAC_OVERRIDE",
        "MAC_ADMIN",
        "PERFMON",
        "ALL",
        "BPF",
    )
)
SENSITIVE_INTERFACES = (
    "nifi",
    "argo-server",
    "weave-scope-app",
    "kubeflow",
    "kubernetes-dashboard",
    "jenkins",
    "prometheus-deployment",
    "ollama",
    "vllm",
    "kserve",
    "triton-inference-server",
    "ray-dashboard",
    "ray-head",
    "mlflow",
    "jupyterhub",
    "seldon",
    "bentoml",
)
"""Parts of the names of workloads that should face no stranger."""
SENSITIVE_KEYS = (
    "aws_secret_access_key",
    "azure_batchai_storage_key",
    "azure_batch_key",
    "secret",
    "key",
    "password",
    "pwd",
    "token",
    "jwt",
    "bearer",
    "credential",
)
"""Parts of names, in small letters, of what may be a credential."""
SENSITIVE_VALUES = re.compile(
    r"BEGIN \w{1,80} PRIVATE KEY|PRIVATE KEY|eyJhbGciO|JWT|Bearer|_key_|_secret_|AKIA[0-9A-Z]{16}"
    r"|ghp_[0-9A-Za-z]{36}|AIza[0-9A-Za-z\-_]{35}|xox[baprs]-[0-9A-Za-z]{10,48}"
)
RECOMMENDED_LABELS = frozenset(("app", "tier", "phase", "version", "owner", "env"))
KUBERNETES_LABELS = frozenset(
    f"app.kubernetes.io/{name}"
    for name in ("name", "instance", "version", "component", "part-of", "managed-by", "created-by")
)
HARDENED_RUNTIMES = frozenset(("gvisor",))
PRIVILEGED_NAMESPACES = frozenset(("kube-system",))
OLDEST_SUPPORTED = (1, 33)
"""The oldest minor version of Kubernetes that is not called outdated."""
