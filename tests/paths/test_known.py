import pytest

from plimsoll.paths import known
from plimsoll.posture.objects import Container


def container(**body):
    return Container("containers", "c", body, "")


def test_the_table_is_whole_and_its_paths_are_clean():
    told = known.table()
    for paths in (told.sockets, told.obeyed, told.node_keys, told.cluster_keys, told.plugins):
        assert all(one.startswith("/") and not one.endswith("/") for one in paths)
    assert all(page.image == page.image.lower() for page in told.pages)


@pytest.mark.parametrize(
    ("annotations", "internal"),
    [
        ({}, False),
        ({"service.beta.kubernetes.io/aws-load-balancer-internal": "0.0.0.0/0"}, True),
        ({"service.beta.kubernetes.io/aws-load-balancer-internal": "false"}, False),
        ({"service.beta.kubernetes.io/azure-load-balancer-internal": "true"}, True),
        ({"service.beta.kubernetes.io/azure-load-balancer-internal": "false"}, False),
        ({"networking.gke.io/load-balancer-type": "Internal"}, True),
        ({"service.beta.kubernetes.io/aws-load-balancer-type": "external"}, True),
        (
            {
                "service.beta.kubernetes.io/aws-load-balancer-type": "external",
                "service.beta.kubernetes.io/aws-load-balancer-scheme": "internet-facing",
            },
            False,
        ),
        ({"networking.gke.io/load-balancer-type": 7}, False),
    ],
)
def test_a_cloud_tells_by_annotation_what_is_internal(annotations, internal):
    assert known.is_internal(annotations, "") is internal


def test_a_version_is_that_of_the_tag():
    assert known.version("registry:5000/app") == ()
    assert known.version("registry.k8s.io/ingress-nginx/controller:v1.11.3@sha256:00") == (1, 11, 3)
    assert known.version("x:20240101") == (20240101,)
    assert known.is_below("app:1.2.0", "1.3.1")
    assert not known.is_below("app:1.3.1", "1.3.1")


def test_a_page_is_open_by_its_words_and_version():
    page = next(one for one in known.table().pages if one.only_with == ("--enable-skip-login",))
    told = known.words(container(args=["--enable-skip-login"], env=[{"name": "A", "value": "b"}]))
    assert told == "--enable-skip-login A=b"
    assert known.opens(told, page, "x")
    assert not known.opens("", page, "x")


def test_words_of_any_shape_are_read():
    assert known.words(container(command="x", args=[1, None], env=[7, {"name": []}])) == "  = ="
