"""What a change opens and closes."""

from __future__ import annotations

from hypothesis import given, settings

from plimsoll.policies import addresses, connectivity, difference, intervals, network, ports, workloads
from tests.policies import clusters


def lines(documents: list[clusters.Document]) -> list[connectivity.Line]:
    frame = clusters.frame(documents)
    return list(connectivity.lines(network.read(frame), workloads.read(frame)))


@settings(max_examples=40)
@given(clusters.clusters)
def test_nothing_changed_is_no_change_and_a_change_back_is_its_mirror(documents: list[clusters.Document]) -> None:
    before = lines([one for one in documents if "Policy" not in one["kind"]])
    after = lines(documents)
    assert difference.changes(after, after) == []
    there, back = difference.changes(before, after), difference.changes(after, before)
    assert sorted((one.src, one.dst, one.opened, one.closed) for one in there) == sorted(
        (one.src, one.dst, one.closed, one.opened) for one in back
    )


HTTP, SQL = ports.spanning("TCP", 80, 80), ports.spanning("TCP", 5432, 5432)


def test_a_pair_says_what_is_opened_and_what_closed() -> None:
    (change,) = difference.changes(
        [connectivity.Line("a/web[Pod]", "a/db[Pod]", HTTP)], [connectivity.Line("a/web[Pod]", "a/db[Pod]", SQL)]
    )
    row = change.as_row()
    assert (row["opened"], row["closed"], row["before"], row["after"]) == ("TCP 5432", "TCP 80", "TCP 80", "TCP 5432")


def test_only_the_addresses_that_change_are_told() -> None:
    def outward(cidr: str) -> connectivity.Line:
        span = addresses.network(cidr)
        return connectivity.Line("a/web[Pod]", f"{addresses.written(span)[0]}[External]", HTTP, span=span)

    (change,) = difference.changes([outward("10.0.0.0/25")], [outward("10.0.0.0/24")])
    assert (change.dst, change.opened) == ("10.0.0.128-10.0.0.255[External]", HTTP)
    assert change.why == ""


def test_an_end_that_is_new_is_called_so() -> None:
    both = [connectivity.Line("a/web[Pod]", "a/db[Pod]", HTTP)]
    (change,) = difference.changes(both, [*both, connectivity.Line("a/new[Job]", "a/db[Pod]", SQL)])
    assert (change.why, change.closed) == ("a/new[Job] had no connection before", intervals.NONE)
