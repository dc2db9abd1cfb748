from __future__ import annotations

from plimsoll.posture import check


def test_a_registered_function_is_a_test_by_its_modules_and_its_own_name():
    @check.test("Pod", "Job")
    def strange(one, cluster):
        return ()

    name = f"{__name__.rpartition('.')[2]}.strange"
    assert check.TESTS.pop(name).kinds == ("Pod", "Job")
