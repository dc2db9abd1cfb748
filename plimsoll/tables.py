"""The tables and their columns: the only things the stages hand to each other.

A table is a tuple of columns; a column has a name, a type and a sentence. The types are
`string`, `bool`, `int64`, `float64`, `time` (microseconds since 1970, UTC) and `list[string]`.
No dataframe engine is imported here, so that the node image can share these names;
`plimsoll.frames` makes frames of them.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Type = Literal["string", "bool", "int64", "float64", "time", "list[string]"]


class Column(NamedTuple):
    """One column: its name, its type, and what it says."""

    name: str
    type: Type
    doc: str


Table = tuple[Column, ...]
C = Column

# Every column is nullable: a missing key is a field without value.

ACTIVITY: Table = (
    C("evt_num", "int64", "position of the event in its input, from 1"),
    C("time", "time", "when it happened (evt.time)"),
    C("evt_type", "string", "execve, openat, connect, accept, listen, … (evt.type)"),
    C("evt_res", "string", "SUCCESS or the error's name (evt.res)"),
    C("evt_source", "string", "the sensor that told: plimsoll, falco, tetragon, tracee, kubearmor, inspektor_gadget"),
    C("evt_arg_flags", "string", "open flags in Falco's notation: O_RDONLY, O_WRONLY|O_CREAT (evt.arg.flags)"),
    C("proc_name", "string", "short name of the process (proc.name)"),
    C("proc_exepath", "string", "path of the executable (proc.exepath)"),
    C("proc_cmdline", "string", "name and arguments, for people (proc.cmdline)"),
    C("proc_cwd", "string", "working directory (proc.cwd)"),
    C("proc_pid", "int64", "process id on the host (proc.pid)"),
    C("proc_ppid", "int64", "process id of the parent on the host (proc.ppid)"),
    C("proc_pname", "string", "short name of the parent (proc.pname)"),
    C("proc_pexepath", "string", "path of the parent's executable (proc.pexepath)"),
    C("proc_aname", "list[string]", "names of the ancestors, parent first (proc.aname[1..])"),
    C("proc_tty", "int64", "controlling terminal, 0 without (proc.tty)"),
    C("proc_is_exe_upper_layer", "bool", "the executable is not of the image (proc.is_exe_upper_layer)"),
    C("proc_is_exe_from_memfd", "bool", "the executable has no file (proc.is_exe_from_memfd)"),
    C("proc_is_entered", "bool", "entered from outside the container, as kubectl exec does (ours)"),
    C("user_uid", "int64", "user id (user.uid)"),
    C("user_name", "string", "user name (user.name)"),
    C("fd_name", "string", "path of the file, or the connection's two ends (fd.name)"),
    C("fs_path_target", "string", "new path of a rename or link (fs.path.target)"),
    C("fd_l4proto", "string", "tcp, udp, icmp (fd.l4proto)"),
    C("fd_cip", "string", "client's address (fd.cip)"),
    C("fd_cport", "int64", "client's port (fd.cport)"),
    C("fd_sip", "string", "server's address (fd.sip)"),
    C("fd_sport", "int64", "server's port (fd.sport)"),
    C("fd_sip_name", "string", "name that the server's address was resolved from (fd.sip.name)"),
    C("dns_name", "string", "name asked for in a DNS query (ours)"),
    C("container_id", "string", "container id (container.id)"),
    C("container_name", "string", "container's name in its pod (k8s container name, else container.name)"),
    C("container_image", "string", "image reference (container.image)"),
    C("container_image_digest", "string", "image digest (container.image.digest)"),
    C("k8s_ns_name", "string", "namespace (k8s.ns.name)"),
    C("k8s_pod_name", "string", "pod (k8s.pod.name)"),
    C("k8s_pod_uid", "string", "pod's uid (k8s.pod.uid)"),
    C("k8s_workload_kind", "string", "kind of the owning workload, never ReplicaSet (ours)"),
    C("k8s_workload_name", "string", "name of the owning workload (ours)"),
    C("hostname", "string", "node (evt.hostname)"),
    C("rule", "string", "Falco rule, or the sensor's policy, where the record is its alert"),
    C("priority", "string", "priority of that rule, in Falco's words"),
    C("output", "string", "text of that alert"),
    C("tags", "list[string]", "tags of that rule"),
)

AUDIT: Table = (
    C("evt_num", "int64", "position of the event in its input, from 1"),
    C("time", "time", "requestReceivedTimestamp, else stageTimestamp"),
    C("auditID", "string", "id of the request; clients may choose it, so it is no key by itself"),
    C("stage", "string", "RequestReceived, ResponseStarted, ResponseComplete, Panic"),
    C("level", "string", "Metadata, Request, RequestResponse"),
    C("verb", "string", "get, list, watch, create, update, patch, delete, …"),
    C("requestURI", "string", "path and query as the client sent them"),
    C("user_username", "string", "who asked"),
    C("user_groups", "list[string]", "the groups of who asked"),
    C("user_credential_id", "string", "user.extra authentication.kubernetes.io/credential-id: JTI=… or X509SHA256=…"),
    C("user_pod_name", "string", "pod the token is bound to (user.extra …/pod-name)"),
    C("user_pod_uid", "string", "uid of that pod (user.extra …/pod-uid)"),
    C("user_node_name", "string", "node the token is bound to (user.extra …/node-name)"),
    C("impersonatedUser_username", "string", "whom the request acts as"),
    C("impersonatedUser_groups", "list[string]", "groups the request acts as"),
    C("sourceIPs", "list[string]", "addresses from the client to the last proxy; only the last is not forgeable"),
    C("source_ip", "string", "the last of sourceIPs: the peer the API server saw"),
    C("userAgent", "string", "what the client calls itself"),
    C("objectRef_apiGroup", "string", "API group, empty for the core group"),
    C("objectRef_resource", "string", "resource, empty for a non-resource request"),
    C("objectRef_subresource", "string", "subresource"),
    C("objectRef_namespace", "string", "namespace, empty for cluster scope"),
    C("objectRef_name", "string", "name of the object"),
    C("responseStatus_code", "int64", "HTTP status"),
    C("annotations_decision", "string", "authorization.k8s.io/decision: allow or forbid"),
    C("annotations_reason", "string", "authorization.k8s.io/reason: role, binding and subject that allowed it"),
    C(
        "annotations_issued_credential_id",
        "string",
        "authentication.kubernetes.io/issued-credential-id of a TokenRequest",
    ),
    C("annotations", "string", "all annotations as JSON"),
    C("requestObject", "string", "body of the request as JSON, where the level holds it"),
    C("responseObject", "string", "body of the response as JSON, where the level holds it"),
)

FLOW: Table = (
    C("evt_num", "int64", "position of the event in its input, from 1"),
    C("time", "time", "when the connection was opened or seen"),
    C("verdict", "string", "FORWARDED, DROPPED, ERROR, AUDIT, …"),
    C("is_reply", "bool", "the record is of a packet back to the opener"),
    C("l4_protocol", "string", "TCP, UDP, SCTP, ICMP"),
    C("source_ip", "string", "address of the end that opened it"),
    C("source_port", "int64", "its port"),
    C("source_namespace", "string", "its namespace"),
    C("source_pod_name", "string", "its pod"),
    C("source_workload_kind", "string", "kind of its workload, never ReplicaSet"),
    C("source_workload_name", "string", "name of its workload"),
    C("source_labels", "list[string]", "its labels as key=value"),
    C("source_identity", "string", "reserved end: world, host, kube-apiserver, remote-node, …"),
    C("destination_ip", "string", "address of the end that was called"),
    C("destination_port", "int64", "its port"),
    C("destination_namespace", "string", "its namespace"),
    C("destination_pod_name", "string", "its pod"),
    C("destination_workload_kind", "string", "kind of its workload, never ReplicaSet"),
    C("destination_workload_name", "string", "name of its workload"),
    C("destination_labels", "list[string]", "its labels as key=value"),
    C("destination_identity", "string", "reserved end: world, host, kube-apiserver, remote-node, …"),
    C("destination_names", "list[string]", "DNS names the address was resolved from"),
    C("destination_service", "string", "namespace/name of the Service that was called, before translation"),
    C("node_name", "string", "node that saw it"),
    C("count", "int64", "connections this row stands for, 1 where not told"),
)

OBJECTS: Table = (
    C("apiVersion", "string", "group/version"),
    C("kind", "string", "Pod, Deployment, …"),
    C("namespace", "string", "namespace, empty for cluster scope"),
    C("name", "string", "name"),
    C("uid", "string", "uid"),
    C("owner_kind", "string", "kind of the controlling owner"),
    C("owner_name", "string", "name of the controlling owner"),
    C("workload_kind", "string", "kind at the top of the owners: Deployment, never ReplicaSet"),
    C("workload_name", "string", "name at the top of the owners"),
    C("labels", "list[string]", "labels as key=value"),
    C("ips", "list[string]", "addresses: pod, node, service"),
    C("container_ids", "list[string]", "ids of the pod's containers as id=container name"),
    C("node", "string", "node the pod runs on"),
    C("service_account", "string", "service account of the pod"),
    C("since", "time", "from when this row held; null = always"),
    C("until", "time", "until when it held; null = still"),
    C("object", "string", "the whole object as JSON"),
)

FACTS: Table = (
    C("subject", "string", "whose behaviour: ns/Kind/name:container, user:…, sa:ns/name, node:…"),
    C("peer", "string", "the group whose members should behave alike: namespace, identity provider's group, nodes"),
    C("verb", "string", "what kind of fact; the list is in plimsoll.facts"),
    C("given", "string", "what the object is conditional on, empty where on nothing: for `within` the request"),
    C("object", "string", "what was done, normalised"),
    C("day", "int64", "day of event time, in days since 1970-01-01"),
    C("count", "int64", "how many events of that day said so"),
    C("first", "time", "first of them"),
    C("last", "time", "last of them"),
)
"""One row for each (subject, verb, given, object, day); a profile is such a table, merged."""

PROFILE = FACTS

ALERTS: Table = (
    C("id", "string", "stable digest of what the alert is about"),
    C("time", "time", "first event of the evidence"),
    C("subject", "string", "who did it"),
    C("title", "string", "one sentence"),
    C("severity", "string", "critical, high, medium, low, info"),
    C("bits", "float64", "weight of the evidence: 10 bits = a thousand times likelier under attack than by habit"),
    C("why", "list[string]", "the reasons, weightiest first"),
    C("evidence", "list[string]", "auditIDs or event numbers, gravest first"),
    C("attack", "list[string]", "MITRE ATT&CK technique ids"),
    C("kind", "string", "deviation, rule, ledger or chain"),
    C("controls", "list[string]", "ids of the same rule elsewhere: panther:…, falco:…, sigma:…, guardduty:…"),
    C("maturity", "string", "mature, learning or unknown: how well the subject was known"),
    C("facts", "list[string]", "what has to be approved for silence: verb and object, with a space between"),
)

CONTEXT: Table = (
    C("kind", "string", "admin, ticket, change, window, rollout or grant"),
    C("id", "string", "id in its source"),
    C("source", "string", "name of the source, as its configuration has it"),
    C("url", "string", "where people find it"),
    C("title", "string", "what it is called, for people; never evidence"),
    C("subjects", "list[string]", "whom it speaks for: user names and groups as the cluster names them"),
    C("creator", "string", "who made it, as the cluster names him; without one it proves nothing"),
    C("approver", "string", "who approved it, as the cluster names him; null where nobody did"),
    C("created", "time", "when it was made"),
    C("approved", "time", "when it was approved"),
    C("since", "time", "from when it holds"),
    C("until", "time", "until when it holds; null = still"),
    C("scope", "list[string]", "whom it is about: workloads as globs ns/Kind/name"),
    C("allows", "list[string]", "rule classes it excuses"),
    C("strong", "bool", "the identity is proven by a second factor"),
    C("edited", "time", "when it was last changed"),
    C("fetched", "time", "when its source said so"),
)
"""What tickets, calendars, groups and rollouts say: one row for each statement."""

STREAMS: dict[str, Table] = {"activity": ACTIVITY, "audit": AUDIT, "flow": FLOW}


def names(table: Table) -> tuple[str, ...]:
    """Return the column names of a table, in order.

    >>> names(FACTS)[:3]
    ('subject', 'peer', 'verb')
    """
    return tuple(column.name for column in table)
