"""Names as they are given: skewed surnames, given names by generation and sex, minority names."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
ERAS = (1949, 1969, 1989, 1999, 2009, 2099)


def read_rows(name: str) -> list[dict[str, str]]:
    """The rows of a packaged data file."""
    text = (files("pipelines.synth") / "data" / name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@dataclass(frozen=True)
class Distribution:
    """Words and the cumulated probability of each."""

    words: Array
    cumulated: Array

    @classmethod
    def of(cls, weighted: dict[str, float]) -> Distribution:
        """From word → weight."""
        weights = np.cumsum(np.fromiter(weighted.values(), float))
        return cls(np.array(list(weighted), dtype=object), weights / weights[-1])

    def draw(self, rng: np.random.Generator, size: int) -> Array:
        """Draw `size` words."""
        return self.words[np.searchsorted(self.cumulated, rng.random(size), side="right")]


@cache
def surnames() -> Distribution:
    """Surnames by their share in the population."""
    return Distribution.of({r["surname"]: float(r["share"]) for r in read_rows("surnames.csv")})


@cache
def given_names() -> dict[tuple[int, str], Distribution]:
    """(last year of birth of the generation, sex) → given names.

    A third of a generation bears one of its popular names; the rest is put together from the
    characters it liked, the liked ones more often (weight 1/rank^0.6).
    """
    words = {
        (int(r["born_until"]), r["sex"], r["kind"]): r["words"].split()
        for r in read_rows("given_names.csv")
    }
    single_share = {1949: 0.06, 1969: 0.12, 1989: 0.30, 1999: 0.28, 2009: 0.12, 2099: 0.05}
    found: dict[tuple[int, str], Distribution] = {}
    for era in ERAS:
        for sex in ("男", "女"):
            weighted: dict[str, float] = {}

            def add(names: list[str], share: float, into: dict[str, float] = weighted) -> None:
                ranks = 1 / np.arange(1, len(names) + 1) ** 0.6
                for name, weight in zip(names, ranks / ranks.sum(), strict=True):
                    into[name] = into.get(name, 0.0) + share * float(weight)

            singles = single_share[era]
            add(words[era, sex, "popular"], 0.22 * (1 - singles))
            add(words[era, sex, "single"], singles)
            first, second = words[era, sex, "first"], words[era, sex, "second"]
            pairs = [(i + 1) * (j + 1) for i in range(len(first)) for j in range(len(second))]
            both = [a + b for a in first for b in second]
            order = np.argsort(np.array(pairs), kind="stable")
            add([both[i] for i in order if both[i][0] != both[i][1]], 0.78 * (1 - singles))
            found[era, sex] = Distribution.of(weighted)
    return found


def draw_given(rng: np.random.Generator, male: Array, birth_year: Array) -> Array:
    """A given name for each person."""
    names = np.empty(len(male), dtype=object)
    era = np.searchsorted(np.array(ERAS), birth_year)
    for index, until in enumerate(ERAS):
        for sex, wanted in (("男", male), ("女", ~male)):
            here = np.flatnonzero((era == index) & wanted)
            names[here] = given_names()[until, sex].draw(rng, len(here))
    return names


@cache
def _minority(group: str, sex: str, part: str) -> Array:
    for row in read_rows("minority_names.csv"):
        if (row["ethnic_group"], row["sex"], row["part"]) == (group, sex, part):
            return np.array(row["words"].split(), dtype=object)
    raise KeyError(group)


def draw_minority(rng: np.random.Generator, group: str, male: Array) -> Array:
    """Whole names of a people with names of its own (维吾尔族, 彝族, 藏族)."""
    names = np.empty(len(male), dtype=object)
    for sex, wanted in (("男", male), ("女", ~male)):
        here = np.flatnonzero(wanted)
        if group == "藏族":
            names[here] = rng.choice(_minority(group, sex, "whole"), len(here))
            continue
        given = rng.choice(_minority(group, sex, "given"), len(here))
        other = rng.choice(_minority(group, "男", "father"), len(here))
        first, last = (given, other) if group == "维吾尔族" else (other, given)
        names[here] = first + "·" + last
    return names


@cache
def homophones() -> list[tuple[str, str]]:
    """(character, another of the same toneless sound) among the characters of names."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  loading its dictionaries takes a while

    pool = dict.fromkeys((files("pipelines.synth") / "data" / "communal.txt").read_text("utf-8"))
    pool.pop("\n", None)
    for row in read_rows("given_names.csv"):
        pool |= dict.fromkeys(row["words"].replace(" ", ""))
    sounds: dict[str, list[str]] = {}
    for character in sorted(pool):
        sounds.setdefault(lazy_pinyin(character)[0], []).append(character)
    return [(a, b) for group in sounds.values() for a in group for b in group if a != b]


_PAIRS = (
    "高髙 吕呂 峰峯 群羣 国國 兰蘭 凤鳳 华華 荣榮 宝寶 龙龍 云雲 叶葉 陈陳 张張 "
    "刘劉 杨楊 黄黃 吴吳 温溫 "
    "贵貴 芦蘆 珍珎 强強 泽澤 静靜 丽麗 杰傑 升昇 岳嶽 "
    "栋棟 磊嵒 晋晉 德徳 真眞 青靑 铭銘 欣訢 梅楳 炉爐"
)
VARIANTS = {pair[0]: pair[1] for pair in _PAIRS.split()}
