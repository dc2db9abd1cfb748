from plimsoll.paths.edges import supply
from tests.paths.clusters import pod, thing
from tests.paths.familiar import kinds, steps


def test_an_image_by_tag_may_change_and_one_by_digest_not():
    found = steps(supply.edges, pod("p", container={"image": "quay.io/a/b:1"}))
    assert ("ENTRY_IMAGE", "Registry:quay.io", "Container:a/p/c") in found
    assert kinds(supply.edges, pod("p", container={"image": "quay.io/a/b@sha256:0"})) == set()
    assert kinds(supply.edges, pod("p", container={"image": "quay.io/a/b:1@sha256:0"})) == set()


def test_packages_installed_at_start_come_from_outside():
    told = pod("p", container={"command": ["sh", "-c", "pip install flask && python app.py"]})
    assert "ENTRY_DEPENDENCY" in kinds(supply.edges, told, conditional=True)
    assert "ENTRY_DEPENDENCY" not in kinds(supply.edges, pod("p", container={"args": ["pipeline"]}), conditional=True)


def test_a_runner_runs_what_others_wrote():
    told = pod("p", container={"image": "ghcr.io/actions/actions-runner@sha256:0"})
    assert kinds(supply.edges, told) == {"UNTRUSTED_CODE"}


def test_a_pull_secret_may_push():
    secret = thing("Secret", "s", "a", type="kubernetes.io/dockerconfigjson")
    told = pod("p", container={"image": "r.example/a@sha256:0"}, imagePullSecrets=[{"name": "s"}])
    assert ("REGISTRY_WRITE", "Secret:a/s", "Registry:r.example") in steps(supply.edges, told, secret, conditional=True)
