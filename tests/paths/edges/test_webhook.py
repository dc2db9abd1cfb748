import pytest

from plimsoll.paths.edges import webhook
from tests.paths.clusters import namespace, pod, thing
from tests.paths.familiar import steps

POD = pod("w", "hooks", container={"name": "c"})
SERVICE = thing("Service", "w", "hooks", spec={"selector": {"app": "w"}, "ports": [{"port": 443}]})
WHOLE = ("WEBHOOK_BACKEND", "Container:hooks/w/c", "Sink:cluster-admin")


def hook(resources=("pods",), operations=("CREATE",), kind="MutatingWebhookConfiguration", **more):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": list(operations), "resources": list(resources)}
    told = {"name": "h", "clientConfig": {"service": {"namespace": "hooks", "name": "w"}}, "rules": [rule], **more}
    return thing(kind, "h", api="admissionregistration.k8s.io/v1", webhooks=[told])


def test_who_rewrites_pods_everywhere_has_the_cluster():
    assert WHOLE in steps(webhook.edges, POD, SERVICE, hook())


@pytest.mark.parametrize(
    "told",
    [hook(["services"]), hook(operations=["DELETE"]), hook(kind="ValidatingWebhookConfiguration"), hook(clientConfig={"url": "https://x"})],
)  # fmt: skip
def test_who_rewrites_no_pods_has_nothing(told):
    assert steps(webhook.edges, POD, SERVICE, told) == set()


def test_a_selector_of_namespaces_narrows_it():
    narrow = hook(namespaceSelector={"matchLabels": {"inject": "yes"}})
    found = steps(webhook.edges, POD, SERVICE, narrow, namespace("team", inject="yes"), pod("p", "team"))
    assert found == {("WEBHOOK_BACKEND", "Container:hooks/w/c", "SA:team/default")}


def test_a_broken_selector_selects_nothing():
    assert steps(webhook.edges, POD, SERVICE, hook(namespaceSelector={"matchLabels": 7})) == set()
