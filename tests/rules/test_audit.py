from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from plimsoll.rules import audit, columns, fields

POD = {
    "metadata": {"name": "web"},
    "spec": {
        "hostNetwork": True,
        "securityContext": {"runAsUser": 7, "supplementalGroups": [1, 2]},
        "containers": [
            {
                "image": "reg:5000/web:1",
                "securityContext": {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
                "ports": [{"hostPort": 80}, {}],
            },
            {"image": "redis", "securityContext": {"runAsUser": 0}},
        ],
        "volumes": [{"name": "a", "hostPath": {"path": "/etc"}}, {"name": "b", "emptyDir": {}}],
    },
}
ROLE = {
    "rules": [
        {"verbs": ["get", "list"], "resources": ["pods"], "apiGroups": [""]},
        {"verbs": ["*"], "nonResourceURLs": ["/x"]},
    ]
}
BINDING = {"roleRef": {"name": "admin"}, "subjects": [{"kind": "User", "name": "bob"}]}


def told(field: str, **event: Any) -> Any:
    row = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in event.items()}
    return columns.of_audit(pl.DataFrame([row]), [field]).row(0)[0]


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (POD, "ka.req.pod.containers.image", ["reg:5000/web:1", "redis"]),
        (POD, "ka.req.pod.containers.image.repository", ["reg:5000/web", "redis"]),
        (POD, "ka.req.pod.containers.privileged", ["true"]),
        (POD, "ka.req.pod.containers.add_capabilities", ["SYS_ADMIN"]),
        (POD, "ka.req.pod.containers.host_port", ["80"]),
        (POD, "ka.req.pod.containers.eff_run_as_user", ["7", "0"]),
        (POD, "ka.req.pod.initContainers.image", None),
        (POD, "ka.req.pod.host_network", "true"),
        (POD, "ka.req.pod.host_pid", None),
        (POD, "ka.req.pod.supplemental_groups", ["1", "2"]),
        (POD, "ka.req.pod.volumes.hostpath", ["/etc"]),
        (POD, "ka.req.pod.volumes.volume_type", ["hostPath", "emptyDir"]),
        (POD, "ka.req.pod.containers.image[1]", ["redis"]),
        (POD, "ka.req.pod.containers.image[9]", None),
        (POD, "ka.req.pod.volumes.volume_type[1]", ["emptyDir"]),
        (POD, "ka.req.pod.containers.eff_run_as_group", ["0", "0"]),
        (POD, "ka.req.volume.hostpath[/e*]", "true"),
        (POD, "ka.req.volume.hostpath[/et]", "false"),
        (POD, "jevt.value[/requestObject/spec/containers/1/image]", "redis"),
        (ROLE, "ka.req.role.rules.verbs", ["get", "list", "*"]),
        (ROLE, "ka.req.role.rules.resources[1]", None),
        (ROLE, "ka.req.role.rules.nonResourceURLs", ["/x"]),
        (BINDING, "ka.req.binding.role", "admin"),
        (BINDING, "ka.req.binding.subjects", ['{"kind":"User","name":"bob"}']),
        (BINDING, "ka.req.binding.subject.has_name[bob]", "true"),
        ({"spec": {"type": "NodePort", "ports": [{"port": 80}]}}, "ka.req.service.ports", ['[{"port":80}]']),
        ({"data": {"a": "b"}}, "ka.req.configmap.obj", '{"a":"b"}'),
    ],
)
def test_fields_come_out_of_the_body(body: dict[str, Any], field: str, value: Any) -> None:
    assert told(field, requestObject=body) == value


@pytest.mark.parametrize(
    ("event", "field", "value"),
    [
        ({"user_username": "bob"}, "ka.user.name", "bob"),
        ({"impersonatedUser_username": "root"}, "ka.impuser.name", "root"),
        ({"sourceIPs": ["10.0.0.1"]}, "ka.sourceips", ["10.0.0.1"]),
        ({"userAgent": "kubectl"}, "ka.useragent", "kubectl"),
        ({"responseStatus_code": 201}, "ka.response.code", "201"),
        ({"annotations_decision": "allow"}, "ka.auth.decision", "allow"),
        ({"requestURI": "/exec?command=sh&command=-c"}, "ka.uri.param[command]", "sh"),
        ({"responseObject": {"metadata": {"name": "web-x"}}}, "ka.resp.name", "web-x"),
        ({"annotations": {"a/b": "c"}}, "jevt.value[/annotations/a~1b]", "c"),
        ({"event": {"responseStatus": {"reason": "Forbidden"}}}, "ka.response.reason", "Forbidden"),
        ({"event": {"user": {"extra": {"a": [1]}}}}, "jevt.value[/user/extra]", '{"a":[1]}'),
        ({"event": {"stageTimestamp": "2018-10-26T14:26:34.242498Z"}}, "jevt.rawtime", 1540563994242498000),
        ({"verb": "get"}, "ka.target.subresource", None),
    ],
)
def test_fields_come_out_of_the_columns(event: dict[str, Any], field: str, value: Any) -> None:
    assert told(field, **event) == value


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        "7",
        '"x"',
        '{"spec":[]}',
        '{"spec":{"containers":[1,{"securityContext":7}],"volumes":{}}}',
        '{"rules":[7],"subjects":"x"}',
    ],
)
def test_a_strange_body_breaks_nothing(body: str) -> None:
    names = [
        name
        for name, kind in fields.CATALOGUE["k8s_audit"].items()
        if name.startswith("ka.req") and kind.argument != "must"
    ]
    assert columns.of_audit(pl.DataFrame({"requestObject": [body]}), names).height == 1


def test_every_field_is_told_or_says_that_it_needs_the_whole_event() -> None:
    for name, kind in fields.CATALOGUE["k8s_audit"].items():
        if name.startswith("ka."):
            full = f"{name}[0]" if kind.argument == "must" else name
            assert columns.of_audit(pl.DataFrame({"verb": ["get"]}), [full]).height == 1
    assert audit.needs_whole("jevt.value[/user/extra]")
