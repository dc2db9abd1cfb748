from plimsoll.paths import deputies
from tests.paths.clusters import account, model, pod

FLUX, *_ = deputies.DEPUTIES


def test_a_deputy_is_found_by_the_name_of_its_account_or_by_its_image() -> None:
    told = model(
        account("kustomize-controller", "flux"),
        pod("p", "b", serviceAccountName="own", container={"image": "ghcr.io/fluxcd/kustomize-controller:v1"}),
    )
    assert set(deputies.accounts(told, FLUX)) == {("flux", "kustomize-controller"), ("b", "own")}


def test_each_row_names_resources_and_a_controller() -> None:
    assert all(one.group and one.resources and one.names for one in deputies.DEPUTIES)
