import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths import privileges
from plimsoll.posture.objects import Container, Pod

NAMES = st.sampled_from(["ALL", "SYS_ADMIN", "CAP_SYS_ADMIN", "net_raw", "CHOWN", "NOT_ONE"])


def container(**context):
    return Container("containers", "c", {"securityContext": context}, "spec.containers[0]")


def pod(**spec):
    return Pod({}, spec, "spec", ())


@pytest.mark.parametrize(
    ("own", "whole", "root"),
    [
        ({}, {}, True),
        ({"runAsUser": 0}, {}, True),
        ({"runAsUser": 1000}, {}, False),
        ({}, {"runAsUser": 1000}, False),
        ({"runAsUser": 0}, {"runAsUser": 1000}, True),
        ({"runAsNonRoot": True}, {}, False),
        ({"runAsUser": 0, "runAsNonRoot": True}, {}, False),
        ({"runAsNonRoot": False}, {"runAsNonRoot": True}, True),
        ({"runAsUser": "0"}, {}, True),
    ],
)
def test_root_is_the_default_and_the_container_has_the_word(own, whole, root):
    assert privileges.may_be_root(pod(securityContext=whole), container(**own)) is root


@pytest.mark.parametrize("name", ["SYS_ADMIN", "CAP_SYS_ADMIN", "sys_admin", "ALL", "all"])
def test_a_capability_has_many_spellings(name):
    assert "SYS_ADMIN" in privileges.effective(pod(), container(capabilities={"add": [name]}))


def test_all_is_dropped_before_single_ones_are_added():
    held = privileges.bounding(container(capabilities={"add": ["ALL", "NET_ADMIN"], "drop": ["ALL"]}))
    assert held == {"NET_ADMIN"}
    assert "CHOWN" not in privileges.bounding(container(capabilities={"add": ["ALL"], "drop": ["CHOWN"]}))


def test_capabilities_are_nothing_without_root_or_in_a_user_namespace():
    asked = container(capabilities={"add": ["SYS_ADMIN"]})
    assert privileges.effective(pod(hostUsers=False), asked) == frozenset()
    assert privileges.effective(pod(securityContext={"runAsUser": 7}), asked) == frozenset()


@given(st.lists(NAMES), st.lists(NAMES))
def test_what_is_dropped_is_never_held(add, drop):
    held = privileges.bounding(container(capabilities={"add": add, "drop": drop}))
    assert held <= privileges.ALL
    assert not held & {one.upper().removeprefix("CAP_") for one in drop}


def test_windows_ignores_privileged_and_host_processes_need_the_nodes_network():
    on_windows = pod(os={"name": "windows"})
    assert not privileges.is_privileged(on_windows, container(privileged=True))
    process = container(windowsOptions={"hostProcess": True})
    assert not privileges.is_host_process(pod(), process)
    assert privileges.is_host_process(pod(hostNetwork=True), process)


def test_apparmor_is_told_by_field_or_by_the_old_annotation():
    old = Pod({"annotations": {"container.apparmor.security.beta.kubernetes.io/c": "runtime/default"}}, {}, "spec", ())
    assert privileges.apparmor(old, container()) == "RuntimeDefault"
    assert privileges.apparmor(old, container(appArmorProfile={"type": "Unconfined"})) == "Unconfined"
    assert privileges.apparmor(pod(), container()) == ""


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_a_security_context_of_any_shape_is_read(told):
    strange = Container("containers", "c", {"securityContext": told}, "")
    odd = Pod({"annotations": told}, {"securityContext": told, "nodeSelector": told}, "spec", ())
    privileges.effective(odd, strange)
    privileges.groups(odd, strange)
    privileges.apparmor(odd, strange)
    privileges.is_host_process(odd, strange)


def test_sidecars_last_and_other_init_containers_end():
    assert not privileges.lasts(Container("initContainers", "i", {}, ""))
    assert privileges.lasts(Container("initContainers", "i", {"restartPolicy": "Always"}, ""))
