from __future__ import annotations

import json

import pytest

from plimsoll.posture.judging import kubescape_defaults


@pytest.mark.data
def test_the_lists_are_those_that_kubescape_ships(shared_data):
    file = shared_data.parent / "facts/tables/posture/default-config-inputs.json"
    if not file.exists():
        pytest.skip("Kubescape's defaults are not here")
    told = json.loads(file.read_text(encoding="utf-8"))["settings"]["postureControlInputs"]
    assert set(told["insecureCapabilities"]) == kubescape_defaults.INSECURE_CAPABILITIES
    assert tuple(told["sensitiveInterfaces"]) == kubescape_defaults.SENSITIVE_INTERFACES
    assert tuple(told["sensitiveKeyNames"]) == kubescape_defaults.SENSITIVE_KEYS
    assert set(told["recommendedLabels"]) == kubescape_defaults.RECOMMENDED_LABELS
    assert set(told["k8sRecommendedLabels"]) == kubescape_defaults.KUBERNETES_LABELS
    assert set(told["hardenedSandboxRuntimeClasses"]) == kubescape_defaults.HARDENED_RUNTIMES
    assert told["imageRepositoryAllowList"] == told["untrustedRegistries"] == told["floatingImageTags"] == []


@pytest.mark.parametrize("value", ["BEGIN RSA PRIVATE KEY", "Bearer abc", "ghp_" + "a" * 36, "xoxb-" + "1" * 10])
def test_values_that_look_like_credentials(value):
    assert kubescape_defaults.SENSITIVE_VALUES.search(value)
