"""DNS packets as Tracee's events tell them: which names a process asked for, and which addresses it was told.

`net_packet_dns` tells a packet whole, `net_packet_dns_request` and `…_response` a part of it; each in both forms of
events, whose keys are spelt in several ways (`QR` and `qr`, `IP` and `ip`, `query_data` and `dns_query_data`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from plimsoll.sources import activity
from plimsoll.sources.activity import NOBODY, Row

_PORT = 53
_MOST = 64
"""Addresses of one answer that are told; more fit in no packet that is not made to be long."""
_ADDRESSES = ("A", "AAAA")
_INCOMING = (1, "INGRESS")
_OUTGOING = (2, 3, "EGRESS")
"""A packet's direction: 2 in the old form, 3 in protobuf's."""
_TCP = 6


class Told(NamedTuple):
    """A question, and the addresses of the answer to it."""

    name: str
    addresses: Sequence[str] = ()


def rows(args: Mapping[str, Any]) -> list[Row]:
    """Return an act for each name that is asked for and for each address that is told; none for a server's own packets.

    >>> rows({"dns_response": [{"query_data": {"query": "a.example"}, "dns_answer": [{"answer_type": "A", "answer": "192.0.2.7"}]}]})
    [{'evt_type': 'dns', 'dns_name': 'a.example'}, {'evt_type': 'dns_answer', 'fd_sip': '192.0.2.7', 'fd_sip_name': 'a.example'}]
    """
    packet = _keys(args)
    whole, about = _keys(packet.get("protodns")), _keys(packet.get("metadata"))
    replies = _listed(packet.get("dnsresponse") or packet.get("dnsresponses"), "responses")
    if about.get("direction") in (_OUTGOING if replies or whole.get("qr") else _INCOMING):
        return []
    told = [one for one in _told(packet, whole, replies) if one.name]
    ends = _ends(packet, about)
    asked: list[Row] = [
        {"evt_type": "dns", "dns_name": name, **ends} for name in dict.fromkeys(one.name for one in told)
    ]
    answers = dict.fromkeys((one.name, address) for one in told for address in one.addresses)
    return asked + [{"evt_type": "dns_answer", "fd_sip": address, "fd_sip_name": name} for name, address in answers]


def _told(packet: Mapping[str, Any], whole: Mapping[str, Any], replies: Sequence[Any]) -> Iterator[Told]:
    """Yield what is asked; of a whole packet the answer is to its first question, as there is but one in practice."""
    addresses = _addresses(whole.get("answers"))
    for question in [*(whole.get("questions") or []), *_listed(packet.get("dnsquestions"), "questions")]:
        yield Told(_asked(question), addresses)
        addresses = ()
    for reply in map(_keys, replies):
        yield Told(_asked(reply.get("querydata") or reply.get("dnsquerydata")), _addresses(reply.get("dnsanswer")))


def _asked(question: Any) -> str:
    """Return the name of a question, without the root's dot."""
    told = _keys(question)
    return str(told.get("name") or told.get("query") or "").rstrip(".")


def _addresses(records: Any) -> Sequence[str]:
    """Return the addresses of an answer's records: aliases that lead to them are no addresses."""
    told = map(_keys, (records or [])[:_MOST])
    found = ((one.get("type") or one.get("answertype"), one.get("ip") or one.get("answer")) for one in told)
    return [str(address) for kind, address in found if kind in _ADDRESSES and address]


def _ends(packet: Mapping[str, Any], about: Mapping[str, Any]) -> Row:
    """Return the ends of a packet: the server is the one at port 53."""
    source, destination = (
        (packet.get(side) or about.get(f"{side}ip"), packet.get(f"{side}port") or about.get(f"{side}port"))
        for side in ("src", "dst")
    )
    if destination == source == NOBODY:
        return {}
    client, server = (destination, source) if source[1] == _PORT else (source, destination)
    return activity.connection(client, server, "tcp" if about.get("protocol") == _TCP else "udp")


def _listed(told: Any, key: str) -> Sequence[Any]:
    """Return a list, which protobuf puts under a key."""
    return (_keys(told).get(key) if isinstance(told, dict) else told) or []


def _keys(told: Any) -> Mapping[str, Any]:
    """Return an object with its keys in one spelling."""
    return {key.lower().replace("_", ""): value for key, value in told.items()} if told else {}
