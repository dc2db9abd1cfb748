import pytest

from plimsoll.paths import tokens
from plimsoll.paths.model import Model
from tests.paths.clusters import account, cluster, pod, thing


def held(body, *others):
    model = Model(cluster(body, *others))
    workload = model.workloads[0]
    return tokens.of_container(model, workload, workload.pod.containers[0])


@pytest.mark.parametrize(
    ("own", "accounts", "has"),
    [(None, None, True), (None, False, False), (True, False, True), (False, None, False), (False, True, False)],
)
def test_the_pods_word_counts_before_its_accounts(own, accounts, has):
    body = pod("p", serviceAccountName="x", **({} if own is None else {"automountServiceAccountToken": own}))
    told = account("x") | ({} if accounts is None else {"automountServiceAccountToken": accounts})
    assert bool(held(body, told)) is has


def projected(audience=None, mounted=True):
    token = {"path": "token"} | ({"audience": audience} if audience is not None else {})
    volume = {"name": "t", "projected": {"sources": [{"serviceAccountToken": token}]}}
    mount = [{"name": "t", "mountPath": "/var/run/x"}] if mounted else []
    return pod("p", automountServiceAccountToken=False, container={"volumeMounts": mount}, volumes=[volume])


@pytest.mark.parametrize(
    ("body", "has"),
    [
        (projected(), True),
        (projected("https://kubernetes.default.svc"), True),
        (projected("vault"), False),
        (projected("sts.amazonaws.com"), False),
        (projected(mounted=False), False),
    ],
)
def test_a_projected_token_counts_where_it_is_mounted_and_for_the_api(body, has):
    assert bool(held(body)) is has


def test_another_mount_in_its_place_keeps_the_token_out():
    place = "/var/run/secrets/kubernetes.io/serviceaccount"
    body = pod(
        "p", container={"volumeMounts": [{"name": "e", "mountPath": place}]}, volumes=[{"name": "e", "emptyDir": {}}]
    )
    assert not held(body)


def test_a_kubelets_own_pod_has_no_account():
    assert not held(pod("p", metadata={"annotations": {"kubernetes.io/config.mirror": "1"}}))


def test_secrets_come_by_volume_environment_and_driver_and_only_to_who_mounts_them():
    body = pod(
        "p",
        container={
            "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}}],
            "envFrom": [{"secretRef": {"name": "two", "optional": True}}],
            "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "d", "mountPath": "/d"}],
        },
        volumes=[
            {"name": "v", "projected": {"sources": [{"secret": {"name": "three"}}]}},
            {"name": "d", "csi": {"driver": "s", "volumeAttributes": {"secretProviderClass": "pc"}, "nodePublishSecretRef": {"name": "four"}}},
            {"name": "un", "secret": {"secretName": "never"}},
        ],
    )  # fmt: skip
    provider = thing("SecretProviderClass", "pc", "a", spec={"secretObjects": [{"secretName": "five"}]})
    model = Model(cluster(body, provider))
    workload = model.workloads[0]
    found = {
        one.name: (one.optional, one.conditional) for one in tokens.secrets(model, workload, workload.pod.containers[0])
    }
    assert found == {
        "one": (False, False),
        "two": (True, False),
        "three": (False, False),
        "four": (False, True),
        "five": (False, False),
    }
