import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.paths.edges import versions
from tests.paths import clusters
from tests.paths.clusters import pod
from tests.paths.familiar import kinds


def node(**info):
    return clusters.node("n") | {"status": {"nodeInfo": info}}


def test_a_git_volume_is_a_way_through_old_kubelets():
    told = pod("p", volumes=[{"name": "g", "gitRepo": {"repository": "x"}}])
    assert kinds(versions.edges, told, node(kubeletVersion="v1.29.6")) == {"CE_GITREPO"}
    assert kinds(versions.edges, told, node(kubeletVersion="v1.30.3")) == set()
    assert kinds(versions.edges, pod("p"), node(kubeletVersion="v1.29.6")) == set()
    assert kinds(versions.edges, told, clusters.node("n")) == set()


def test_a_sub_path_is_a_way_through_old_kubelets():
    told = pod("p", container={"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s"}]})
    assert kinds(versions.edges, told, node(kubeletVersion="v1.22.1")) == {"CE_SUBPATH_CVE"}
    assert kinds(versions.edges, told, node(kubeletVersion="v1.22.2")) == set()


@pytest.mark.parametrize(
    ("info", "found"),
    [
        ({"containerRuntimeVersion": "containerd://1.6.20"}, True),
        ({"containerRuntimeVersion": "containerd://1.7.13"}, False),
        ({"containerRuntimeVersion": "containerd://2.0.5", "kernelVersion": "6.8.0"}, False),
        ({"kernelVersion": "5.10.60-generic"}, True),
        ({"kernelVersion": "5.15.30"}, False),
        ({"kernelVersion": 7, "containerRuntimeVersion": "x"}, False),
    ],
)
def test_a_runtime_or_kernel_of_a_known_band_is_a_maybe(info, found):
    assert ("CE_RUNTIME_CVE" in kinds(versions.edges, pod("p"), node(**info), conditional=True)) is found
    assert "CE_RUNTIME_CVE" not in kinds(versions.edges, pod("p"), node(**info))


def test_helpers_of_the_runtime_count_for_every_pod_of_the_cluster():
    helper = pod("h", container={"image": "nvcr.io/nvidia/container-toolkit:v1.17.3-ubuntu"})
    assert "CE_RUNTIME_CVE" in kinds(versions.edges, pod("p"), helper, node(), conditional=True)


def test_windows_isolates_processes_by_no_boundary():
    told = {"nodeSelector": {"kubernetes.io/os": "windows"}}
    assert "CE_WIN_PROCESS_ISOLATION" in kinds(versions.edges, pod("p", **told), conditional=True)
    assert "CE_WIN_PROCESS_ISOLATION" not in kinds(
        versions.edges, pod("p", runtimeClassName="hyperv", **told), conditional=True
    )


@given(st.lists(st.integers(0, 99), max_size=4).map(tuple))
def test_what_is_fixed_is_not_in_the_band(version):
    for band in (versions.GIT_REPO, versions.SUB_PATH, versions.API_SERVER, *versions.KERNELS):
        assert not any(band.has(one) for one in band.fixed)
        assert not (band.has(version) and version >= max(band.fixed))
