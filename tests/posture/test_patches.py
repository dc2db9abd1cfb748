from __future__ import annotations

import pytest

from plimsoll.posture import engine, frameworks, patches, rows
from plimsoll.posture.check import Check
from plimsoll.posture.engine import Finding
from plimsoll.posture.objects import Cluster, Object

INNER = {"securityContext": {"privileged": False}}
CHECK = Check("T", "D", "F", "high", (), patch=INNER, id="c")
CRON = "spec.jobTemplate.spec.template.spec"


def patch(kind, spec, field, check=CHECK):
    body = {"kind": kind, "spec": spec}
    return patches.patch(Finding(check, Object(body), field, "", ()))


@pytest.mark.parametrize("field", ["spec.initContainers[0]", "spec.initContainers[0].securityContext.privileged"])
def test_a_container_is_patched_by_its_name(field):
    spec = {"initContainers": [{"name": "a"}], "containers": [{"name": "b"}]}
    assert patch("Pod", spec, field) == {"spec": {"initContainers": [{"name": "a", **INNER}]}}


def test_the_patch_reaches_the_pod_of_a_template():
    spec = {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "a"}, {"name": "b"}]}}}}}
    made = patch("CronJob", spec, f"{CRON}.containers[1].image")
    inner = {"spec": {"containers": [{"name": "b", **INNER}]}}
    assert made == {"spec": {"jobTemplate": {"spec": {"template": inner}}}}


def test_what_is_of_the_pod_is_patched_there():
    assert patch("Pod", {}, "spec.securityContext.runAsNonRoot") == {"spec": INNER}
    assert patch("Pod", {"volumes": [{}]}, "spec.volumes[0].hostPath") == {"spec": INNER}


def test_what_is_of_the_object_is_patched_there():
    assert patch("Pod", {}, "metadata.labels") == INNER
    assert patch("Service", {}, "spec.type") == INNER


def test_there_is_none_without_one_or_without_a_name():
    assert patch("Pod", {"containers": [{}]}, "spec.containers[0]") is None
    assert patch("Pod", {}, "spec", Check("T", "D", "F", "high", (), id="c")) is None


def merged(value, change):
    """A value after a strategic merge patch: mappings by key, containers by name."""
    if isinstance(value, dict) and isinstance(change, dict):
        return {**value, **{key: merged(value.get(key), inner) for key, inner in change.items()}}
    if isinstance(value, list) and change and isinstance(change[0], dict):
        by_name = {one["name"]: one for one in change}
        return [merged(one, by_name[one["name"]]) if one["name"] in by_name else one for one in value]
    return change


WEAK = {
    "privileged": True,
    "allowPrivilegeEscalation": True,
    "capabilities": {"drop": ["NET_RAW"]},
    "procMount": "Unmasked",
    "runAsNonRoot": False,
    "seccompProfile": {"type": "Unconfined"},
    "windowsOptions": {"hostProcess": True},
}


@pytest.mark.parametrize("context", [WEAK, {}])
def test_a_patch_mends_what_was_found(context):
    spec = {"containers": [{"name": "a", "image": "x", "securityContext": context}, {"name": "b", "image": "y"}]}
    body = {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"template": {"spec": spec}}}
    mended = 0
    for found in judged(body):
        if made := patches.patch(found):
            after = {(one.check.id, one.field) for one in judged(merged(body, made))}
            assert (found.check.id, found.field) not in after, (found.check.id, found.field, made)
            mended += 1
    assert mended > 4


def judged(body):
    one = Object(body)
    return list(engine.Engine(frameworks.chosen(rows.own())).of(one, Cluster([one])))
