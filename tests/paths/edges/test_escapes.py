import pytest

from plimsoll.paths.edges import escapes
from tests.paths.clusters import deployment, node, pod
from tests.paths.familiar import edges, kinds, steps


def of(context=None, **spec):
    return kinds(escapes.edges, pod("p", container={"securityContext": context or {}}, **spec))


def caps(*names, **more):
    return {"capabilities": {"add": list(names)}, **more}


def test_a_harmless_container_has_no_way_out():
    assert of() == set()
    assert of(hostPID=True) == set()
    assert of(hostNetwork=True, hostIPC=True) == set()


def test_a_privileged_container_has_all_ways():
    assert {"CE_PRIVILEGED", "CE_MODULE_LOAD", "CE_SYS_ADMIN"} <= of({"privileged": True})
    assert {"CE_NSENTER", "CE_SYS_PTRACE"} <= of({"privileged": True}, hostPID=True)


def test_a_privileged_container_that_is_not_root_still_has_a_way():
    assert of({"privileged": True, "runAsUser": 1000}) == {"CE_PRIVILEGED"}


def test_a_user_namespace_confines_all_of_them():
    everything = {"privileged": True, "procMount": "Unmasked"}
    assert of(everything, hostUsers=False) == set()


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["SYS_MODULE"], {"CE_MODULE_LOAD"}),
        (["CAP_SYS_MODULE"], {"CE_MODULE_LOAD"}),
        (["SYS_ADMIN"], {"CE_SYS_ADMIN", "CE_BPF"}),
        (["DAC_READ_SEARCH"], {"CE_DAC_READ_SEARCH"}),
        (["BPF"], set()),
        (["BPF", "PERFMON"], {"CE_BPF"}),
        (["SYS_PTRACE"], set()),
        (["SYS_RAWIO"], set()),
        (["NET_ADMIN", "SYS_TIME"], set()),
    ],
)
def test_a_capability_opens_its_way(names, found):
    assert of(caps(*names)) == found
    assert of(caps(*names, runAsUser=1000)) == set()
    assert of(caps(*names, runAsNonRoot=True)) == set()


def test_tracing_needs_the_nodes_processes_and_no_profile_against_it():
    assert of(caps("SYS_PTRACE"), hostPID=True) == {"CE_SYS_PTRACE"}
    assert of(caps("SYS_PTRACE", appArmorProfile={"type": "RuntimeDefault"}), hostPID=True) == set()
    assert of(caps("SYS_PTRACE", appArmorProfile={"type": "Unconfined"}), hostPID=True) == {"CE_SYS_PTRACE"}


def test_entering_namespaces_needs_two_capabilities_together():
    assert "CE_NSENTER" not in of(caps("SYS_ADMIN"), hostPID=True)
    assert "CE_NSENTER" in of(caps("SYS_ADMIN", "SYS_PTRACE"), hostPID=True)


def test_an_unmasked_proc_is_a_way_for_root():
    assert of({"procMount": "Unmasked"}) == {"CE_PROCMOUNT_UNMASKED"}
    assert of({"procMount": "Unmasked", "runAsUser": 5}) == set()
    assert of({"procMount": "Default"}) == set()


def test_windows_has_its_own_way():
    host = {"windowsOptions": {"hostProcess": True}}
    assert of(host, os={"name": "windows"}, hostNetwork=True) == {"CE_WIN_HOSTPROCESS"}
    assert of(host, os={"name": "windows"}) == set()
    assert of({"privileged": True}, nodeSelector={"kubernetes.io/os": "windows"}) == set()


def test_only_the_container_that_has_the_right_escapes_to_the_node_it_is_on():
    told = pod("p", nodeName="n1", initContainers=[{"name": "i", "securityContext": {"privileged": True}}])
    found = steps(escapes.edges, told)
    assert ("CE_PRIVILEGED", "Container:a/p/i", "Node:n1") in found
    assert not any(source == "Container:a/p/c" for _, source, _ in found)


def test_a_template_leads_to_each_node_it_could_be_on_and_names_what_to_change():
    told = deployment("d", container={"securityContext": {"privileged": True}})
    assert ("CE_PRIVILEGED", "Container:a/d/c", "Node:*") in steps(escapes.edges, told)
    found = steps(escapes.edges, told, node("n1"), node("n2"))
    assert {target for kind, _, target in found if kind == "CE_PRIVILEGED"} == {"Node:n1", "Node:n2"}
    one = next(one for one in edges(escapes.edges, told) if one.kind == "CE_PRIVILEGED")
    assert one.objects == ("Deployment/a/d",)
    assert "spec.template.spec.containers[0].securityContext.privileged is true" in one.why
