"""Graphs of records: connected components, and their cutting where constraints forbid a union."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np


def components(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes of the edges, and for each the smallest node of its component."""
    nodes, place = np.unique(np.concatenate([left, right]), return_inverse=True)
    if not len(nodes):
        return nodes, nodes
    one, other = place[: len(left)], place[len(left) :]
    label = np.arange(len(nodes))
    while len(one):
        # of two trees that an edge joins, the root of one hangs itself under the smaller root
        least = np.minimum(label[one], label[other])
        np.minimum.at(label, label[one], least)
        np.minimum.at(label, label[other], least)
        while not np.array_equal(label, root := label[label]):
            label = root
        apart = label[one] != label[other]
        one, other = one[apart], other[apart]
    return nodes, nodes[label]


@dataclass
class Node:
    """What may not come together in one resident.

    Attributes:
        row: the source row; two persons of one row are two people.
        identity: national ID the record holds for certain; None: none, or known to be another's.
    """

    row: int
    identity: str | None


@dataclass
class _Group:
    members: list[int]
    rows: set[int]
    identities: set[str]
    apart: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Edge:
    """Evidence that joins two records; `decided`: a person said so."""

    left: int
    right: int
    weight: float
    decided: bool


def cut(
    nodes: dict[int, Node], edges: Iterable[Edge], apart: Iterable[tuple[int, int]]
) -> tuple[dict[int, int], list[Edge]]:
    """Join by descending weight, refusing what a constraint forbids.

    A person's word overrides rows and IDs, but never another person's `never`.

    Returns:
        record → smallest record of its resident, and the refused edges.
    """
    group = {
        record: _Group([record], {node.row}, {node.identity} if node.identity else set())
        for record, node in nodes.items()
    }
    for left, right in apart:
        group[left].apart.add(right)
        group[right].apart.add(left)
    alias: dict[str, str] = {}

    def same(identity: str) -> str:
        while identity in alias:
            identity = alias[identity]
        return identity

    refused = []
    for edge in sorted(edges, key=lambda e: (not e.decided, -e.weight, e.left, e.right)):
        one, other = group[edge.left], group[edge.right]
        if one is other:
            continue
        if len(one.members) < len(other.members):
            one, other = other, one
        legal = one.apart.isdisjoint(other.members)
        if legal and not edge.decided:
            identities = {same(identity) for identity in one.identities | other.identities}
            legal = one.rows.isdisjoint(other.rows) and len(identities) <= 1
        if not legal:
            refused.append(edge)
            continue
        if edge.decided:
            first, *rest = sorted({same(i) for i in one.identities | other.identities}) or [""]
            alias.update(dict.fromkeys(rest, first))
        one.members += other.members
        one.rows |= other.rows
        one.identities |= other.identities
        one.apart |= other.apart
        for record in other.members:
            group[record] = one
    return {record: min(found.members) for record, found in group.items()}, refused
