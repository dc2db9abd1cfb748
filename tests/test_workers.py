from __future__ import annotations

import os
import sys

import pytest

from plimsoll import workers

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are copied on Linux")
HERE = os.getpid()


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_what_is_made_comes_in_order(processes):
    assert list(workers.across(lambda n: n * n, range(50), processes=processes)) == [n * n for n in range(50)]


def test_the_work_is_shared_out():
    assert len(set(workers.across(lambda _: os.getpid(), range(6), processes=2))) == 2
    assert set(workers.across(lambda _: os.getpid(), range(6), processes=1)) == {HERE}
    assert set(workers.across(lambda _: os.getpid(), range(6), least=7, processes=2)) == {HERE}


def test_what_dies_is_made_up_for():
    def make(n):
        if n > 2 and os.getpid() != HERE:
            os._exit(9)
        return n

    assert list(workers.across(make, range(20), processes=2)) == list(range(20))


def test_an_error_is_told_here():
    def make(n):
        if n == 3:
            raise ValueError("three")
        return n

    with pytest.raises(ValueError, match="three"):
        list(workers.across(make, range(8), processes=2))


def test_large_results_do_not_block():
    sizes = [len(made) for made in workers.across(lambda n: b"x" * (n * 100_000), range(20), processes=2)]
    assert sizes == [n * 100_000 for n in range(20)]


def test_who_stops_reading_leaves_no_process_behind():
    going = workers.across(lambda n: n, range(1_000), processes=2)
    next(going)
    going.close()


def test_there_is_at_least_one_core():
    assert 1 <= workers.cores() <= workers.MOST
