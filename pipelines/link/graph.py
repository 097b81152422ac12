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
    """Evidence that joins two records.

    Attributes:
        left, right: the records.
        weight: how strong it is.
        decided: a person said so.
        is_firm: names or numbers agree; false: a slip must have happened to the name.
    """

    left: int
    right: int
    weight: float
    decided: bool
    is_firm: bool = True


def cut(
    nodes: dict[int, Node],
    edges: Iterable[Edge],
    apart: Iterable[tuple[int, int]],
    margin: float = 0.0,
) -> tuple[dict[int, int], list[Edge]]:
    """Join by descending weight, refusing what a constraint forbids.

    A person's word overrides rows and IDs, but never another person's `never`. A name with a slip
    in it is weaker than any that agrees: how rare a name is weighs nothing between two residents.
    Records without a number that go with two numbers nearly as well, at less than `margin`, go
    with neither.

    Returns:
        record → smallest record of its resident, and the refused edges.
    """
    edges = sorted(edges, key=lambda e: (not e.decided, not e.is_firm, -e.weight, e.left, e.right))
    joining = _Joining(nodes, edges, margin)
    for left, right in apart:
        joining.group[left].apart.add(right)
        joining.group[right].apart.add(left)
    refused = [edge for edge in edges if not joining.join(edge)]
    return {record: min(found.members) for record, found in joining.group.items()}, refused


class _Joining:
    """Groups of records that grow edge by edge."""

    def __init__(self, nodes: dict[int, Node], edges: Iterable[Edge], margin: float) -> None:
        self.group = {
            record: _Group([record], {node.row}, {node.identity} if node.identity else set())
            for record, node in nodes.items()
        }
        self._margin = margin
        self._alias: dict[str, str] = {}
        self._beside: dict[int, list[tuple[int, Edge]]] = {}
        for edge in edges:
            self._beside.setdefault(edge.left, []).append((edge.right, edge))
            self._beside.setdefault(edge.right, []).append((edge.left, edge))

    def join(self, edge: Edge) -> bool:
        """Whether both records of `edge` are in one group now."""
        one, other = self.group[edge.left], self.group[edge.right]
        if one is other:
            return True
        if len(one.members) < len(other.members):
            one, other = other, one
        identities = self._numbers(one) | self._numbers(other)
        if edge.decided:
            if not one.apart.isdisjoint(other.members):
                return False
            first, *rest = sorted(identities) or [""]
            self._alias.update(dict.fromkeys(rest, first))
        elif not self._may_join(one, other) or self._is_torn(edge, one, other):
            return False
        one.members += other.members
        one.rows |= other.rows
        one.identities |= other.identities
        one.apart |= other.apart
        for record in other.members:
            self.group[record] = one
        return True

    def _numbers(self, group: _Group) -> set[str]:
        return {self._meant(identity) for identity in group.identities}

    def _meant(self, identity: str) -> str:
        while identity in self._alias:
            identity = self._alias[identity]
        return identity

    def _may_join(self, one: _Group, other: _Group) -> bool:
        return (
            one.apart.isdisjoint(other.members)
            and one.rows.isdisjoint(other.rows)
            and len(self._numbers(one) | self._numbers(other)) <= 1
        )

    def _is_torn(self, edge: Edge, one: _Group, other: _Group) -> bool:
        """Whether the group that has no number might as well go with another one's."""
        if bool(one.identities) == bool(other.identities):
            return False
        bare, bearer = (other, one) if one.identities else (one, other)
        mine = self._numbers(bearer)
        for record in bare.members:
            for there, rival in self._beside[record]:
                if rival.weight <= edge.weight - self._margin or rival.is_firm < edge.is_firm:
                    continue
                rivals = self.group[there]
                theirs = self._numbers(rivals)
                if theirs and theirs.isdisjoint(mine) and self._may_join(bare, rivals):
                    return True
        return False
