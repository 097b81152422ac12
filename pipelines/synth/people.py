"""Households and their members: who lives with whom, born when, called what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.synth import names, places

Array = np.ndarray[Any, Any]
YEAR = 365.25
SLOTS = ("father", "mother", "husband", "wife", "child1", "child2", "child3")
# Shares of households: (kind, share, migrant). Kinds decide which slots are filled.
_KINDS = (
    ("single", 0.06, False),
    ("couple", 0.10, False),
    ("nuclear", 0.20, False),
    ("stem", 0.17, False),
    ("elders", 0.09, False),
    ("elder", 0.06, False),
    ("lone_parent", 0.03, False),
    ("grown_son", 0.05, False),
    ("single", 0.21, True),
    ("couple", 0.09, True),
    ("nuclear", 0.07, True),
)
LOCAL_COUNTIES = (330199, 330198, 330197, 330196)


def _years(value: Array) -> Array:
    return np.rint(value * YEAR).astype(np.int64)


def draw_world(
    rng: np.random.Generator, residents: int, today: int
) -> tuple[dict[str, Array], pa.Table, pa.Table, pa.Table]:
    """Draw the district on its first day.

    Args:
        rng: source of all chance.
        residents: living residents, exactly.
        today: day number since 1970-01-01.

    Returns:
        the grids, and tables of dwellings, of households and of persons (structure and names only;
        `traits` adds the rest).
    """
    grids = places.draw_places(rng, residents)
    count = int(residents / 1.9) + 50
    shares = np.array([share for _, share, _ in _KINDS])
    pick = np.searchsorted(np.cumsum(shares / shares.sum()), rng.random(count), side="right")
    kind = np.array([name for name, _, _ in _KINDS], dtype=object)[pick]
    migrant = np.array([away for _, _, away in _KINDS])[pick]
    left = rng.random(count) < 0.015
    present, dead, birth = _members(rng, kind, migrant, today)
    living = present & ~dead
    sizes = np.where(left, 0, living.sum(axis=1))
    keep = int(np.searchsorted(np.cumsum(sizes), residents, side="right"))
    missing = residents - int(sizes[:keep].sum())
    # The last household that fits is followed by single lodgers until the number is exact.
    lodgers = keep + missing
    for slot in range(len(SLOTS)):
        present[keep:lodgers, slot] = SLOTS[slot] == "husband"
    dead[keep:lodgers] = False
    left[keep:lodgers] = False
    migrant[keep:lodgers] = True
    kind[keep:lodgers] = "single"
    birth[keep:lodgers, 2] = today - _years(rng.uniform(19, 50, missing))
    kind, migrant, left = kind[:lodgers], migrant[:lodgers], left[:lodgers]
    present, dead, birth = present[:lodgers], dead[:lodgers], birth[:lodgers]

    grid_of = _settle(rng, sizes=np.where(left, 1, (present & ~dead).sum(axis=1)), grids=grids)
    dwelling, dwelling_table = _house(rng, grids, grid_of, migrant)
    household = pa.table(
        {
            "household": np.arange(lodgers, dtype=np.int64),
            "kind": pa.array(kind, pa.string()),
            "migrant": migrant,
            "moved_away": left,
            "dwelling": dwelling,
        }
    )
    persons = _persons(
        rng,
        grids,
        grid_of,
        kind=kind,
        migrant=migrant,
        present=present,
        dead=dead,
        birth=birth,
        today=today,
    )
    return grids, dwelling_table, household, persons


def _members(
    rng: np.random.Generator, kind: Array, migrant: Array, today: int
) -> tuple[Array, Array, Array]:
    """Which slots are filled, who of them is dead, and days of birth."""
    n = len(kind)

    def age(low: float, high: float) -> Array:
        return rng.uniform(low, high, n)

    wife_age = np.select(
        [
            kind == "nuclear",
            kind == "stem",
            kind == "lone_parent",
            kind == "single",
            (kind == "couple") & (rng.random(n) < 0.4),
            kind == "couple",
        ],
        [age(24, 52), age(25, 50), age(28, 50), age(19, 62), age(22, 35), age(46, 62)],
        age(24, 40),
    )
    birth = np.zeros((n, 7), dtype=np.int64)
    birth[:, 3] = today - _years(wife_age)
    gap = np.clip(rng.normal(2.0, 2.3, n), -4, 10)
    husband_age = np.maximum(wife_age + gap, 20.5)
    birth[:, 2] = today - _years(np.where(kind == "single", wife_age, husband_age))
    elder_age = np.where(
        np.isin(kind, ("elders", "elder")),
        60 + 34 * rng.beta(1.3, 2.4, n),
        husband_age + rng.uniform(22, 33, n),
    )
    birth[:, 0] = today - _years(elder_age)
    mother_age = elder_age - np.clip(rng.normal(1.8, 2.0, n), -3, 8)
    mother_age = np.where(
        np.isin(kind, ("stem", "grown_son")), np.maximum(mother_age, husband_age + 19), mother_age
    )
    birth[:, 1] = today - _years(mother_age)
    first = birth[:, 3] + _years(rng.uniform(21, 31.5, n))
    twins = rng.random(n) < 0.02
    second = np.where(twins, first, first + _years(rng.uniform(1.6, 6, n)))
    third = second + _years(rng.uniform(1.6, 5, n))
    wanted = np.searchsorted(np.array([0.55, 0.93]), rng.random(n)) + 1
    wanted = np.where(twins, np.maximum(wanted, 2), wanted)
    leaves_at = _years(rng.uniform(20, 28, n))
    present = np.zeros((n, 7), dtype=bool)
    for slot, (day, order) in enumerate(((first, 1), (second, 2), (third, 3)), start=4):
        birth[:, slot] = day
        born = (day <= today - 30) & (day - birth[:, 3] < 45 * YEAR)
        parent = np.isin(kind, ("nuclear", "stem", "lone_parent"))
        at_home = today - day < leaves_at
        present[:, slot] = parent & (wanted >= order) & born & at_home
    couple = np.isin(kind, ("couple", "nuclear", "stem"))
    coin = rng.random(n)
    present[:, 2] = (
        couple
        | ((kind == "single") & (coin < np.where(migrant, 0.6, 0.5)))
        | ((kind == "lone_parent") & (coin < 0.25))
        | (kind == "grown_son")
    )
    present[:, 3] = (
        couple | ((kind == "single") & ~present[:, 2]) | ((kind == "lone_parent") & ~present[:, 2])
    )
    survives = 1 / (1 + np.exp((np.stack([elder_age, mother_age - 3], axis=1) - 84) / 6))
    alive = (rng.random((n, 2)) < survives) & (np.stack([elder_age, mother_age], axis=1) < 104)
    with_elders = np.isin(kind, ("stem", "grown_son"))
    pair = (kind == "elders")[:, None] | (with_elders[:, None] & alive)
    alone = kind == "elder"
    pair[:, 0] |= alone & (coin < 0.33)
    pair[:, 1] |= alone & (coin >= 0.33)
    nobody = with_elders & ~pair.any(axis=1)
    pair[:, 1] |= nobody
    present[:, :2] = pair
    dead = np.zeros((n, 7), dtype=bool)
    # Where one of two elders is gone, death is often recent enough to be still on some list.
    widowed = (pair.sum(axis=1) == 1) & (rng.random(n) < 0.35)
    for slot in (0, 1):
        gone = widowed & ~pair[:, slot]
        present[gone, slot] = True
        dead[gone, slot] = True
    return present, dead, birth


def _settle(rng: np.random.Generator, sizes: Array, grids: dict[str, Array]) -> Array:
    """Grid of each household: grids get equal numbers of people, give or take a fifth."""
    number = len(grids["grid_code"])
    weights = rng.uniform(0.8, 1.2, number)
    bounds = np.cumsum(weights) / weights.sum()
    position = (np.cumsum(sizes) - 0.5) / sizes.sum()
    return np.minimum(np.searchsorted(bounds, position), number - 1).astype(np.int64)


def _house(
    rng: np.random.Generator, grids: dict[str, Array], grid_of: Array, migrant: Array
) -> tuple[Array, pa.Table]:
    """A dwelling for each household; lodgers share houses, and some dwellings stand empty."""
    n = len(grid_of)
    shares = migrant & (rng.random(n) < np.where(grids["urban"][grid_of], 0.35, 0.8))
    start = np.r_[True, grid_of[1:] != grid_of[:-1]]
    opens = ~shares | start
    opens_or_empty = opens.astype(np.int64) + (opens & (rng.random(n) < 0.04))
    running = np.cumsum(opens_or_empty)
    base = np.maximum.accumulate(np.where(start, running - opens_or_empty, 0))
    index = running - base - 1
    per_grid = np.zeros(len(grids["grid_code"]), dtype=np.int64)
    np.maximum.at(per_grid, grid_of, index + 1)
    offset = np.r_[0, np.cumsum(per_grid)[:-1]]
    all_grids = np.repeat(np.arange(len(per_grid)), per_grid)
    all_index = np.arange(per_grid.sum()) - offset[all_grids]
    return offset[grid_of] + index, places.dwellings(grids, all_grids, all_index)


def _persons(
    rng: np.random.Generator,
    grids: dict[str, Array],
    grid_of: Array,
    *,
    kind: Array,
    migrant: Array,
    present: Array,
    dead: Array,
    birth: Array,
    today: int,
) -> pa.Table:
    n = len(kind)
    household, slot = np.nonzero(present)
    day = birth[household, slot]
    son = rng.random(len(slot)) < 0.525
    male = np.where(slot >= 4, son, (slot == 0) | (slot == 2))
    year = (day.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)) + 1970

    family = names.surnames().draw(rng, n)
    clans = names.surnames().draw(rng, 3 * (int(grids["village"].max()) + 1)).reshape(-1, 3)
    village = grids["village"][grid_of]
    in_clan = ~migrant & ~grids["urban"][grid_of] & (rng.random(n) < 0.35)
    family = np.where(in_clan, clans[village, rng.integers(0, 3, n)], family)
    own = names.surnames().draw(rng, len(slot))
    surname = np.where((slot == 1) | (slot == 3), own, family[household])

    homes = names.read_rows("homes.csv")
    weight = np.array([float(row["weight"]) for row in homes])
    cumulated = np.cumsum(weight / weight.sum())
    home = np.searchsorted(cumulated, rng.random(n), side="right")
    codes = np.array([int(row["county_code"]) for row in homes])
    other_home = np.searchsorted(cumulated, rng.random(len(slot)), side="right")
    local = np.array(LOCAL_COUNTIES)[
        np.searchsorted(np.array([0.82, 0.9, 0.96]), rng.random(len(slot)), side="right")
    ]
    married_in = ~migrant[household] & np.isin(slot, (1, 3)) & (rng.random(len(slot)) < 0.12)
    county = np.where(
        migrant[household],
        codes[home[household]],
        np.where(married_in, codes[other_home], local),
    )

    ethnic = np.full(len(slot), "汉族", dtype=object)
    origin = np.where(migrant[household], home[household], np.where(married_in, other_home, -1))
    # One draw a family, so that parents and children are of one people.
    chance = np.where(married_in, rng.random(len(slot)), rng.random(n)[household]) * 100
    for number, row in enumerate(homes):
        low = 0.0
        for entry in row["minorities"].split():
            group, percent = entry.split(":")
            hit = (origin == number) & (chance >= low) & (chance < low + float(percent))
            ethnic[hit] = group
            low += float(percent)

    given = names.draw_given(rng, male, year)
    generation = rng.random(n) < 0.3
    name = surname + given
    first_given = np.full(n, None, dtype=object)
    eldest = slot == 4
    first_given[household[eldest]] = given[eldest]
    # Siblings of one family share the first character of their given names.
    shares = (slot > 4) & generation[household]
    for i in np.flatnonzero(shares):
        elder = first_given[household[i]]
        if elder and len(elder) == 2 and len(given[i]) == 2 and elder[1] != given[i][1]:
            name[i] = surname[i] + elder[0] + given[i][1]
    for group in ("维吾尔族", "彝族", "藏族"):
        here = np.flatnonzero(ethnic == group)
        name[here] = names.draw_minority(rng, group, male[here])
        surname[here] = ""

    _make_namesakes(rng, slot, male, surname=surname, name=name, day=day, year=year)
    death = np.where(dead[household, slot], today - rng.integers(20, 1200, len(slot)), 0)
    address = np.array([row["address"] for row in homes], dtype=object)
    return pa.table(
        {
            "person_id": np.arange(len(slot), dtype=np.int64),
            "household": household.astype(np.int64),
            "slot": pa.array(np.array(SLOTS, dtype=object)[slot], pa.string()),
            "male": male,
            "birth_day": day,
            "name": pa.array(name, pa.string()),
            "ethnic_group": pa.array(ethnic, pa.string()),
            "county": county.astype(np.int64),
            "home_address": pa.array(address[np.maximum(origin, 0)], pa.string(), mask=origin < 0),
            "death_day": pa.array(death, mask=death == 0),
        }
    )


def _make_namesakes(
    rng: np.random.Generator,
    slot: Array,
    male: Array,
    *,
    surname: Array,
    name: Array,
    day: Array,
    year: Array,
) -> None:
    """One man in a thousand gets the full name and birthday of another of his year."""
    men = np.flatnonzero((slot == 2) & male & (surname != ""))
    key = np.unique(surname[men].astype(str), return_inverse=True)[1] * 4000 + year[men]
    order = men[np.argsort(key, kind="stable")]
    sorted_key = np.sort(key, kind="stable")
    follows = np.flatnonzero(
        (sorted_key[1:] == sorted_key[:-1]) & (rng.random(len(order) - 1) < 0.006)
    )
    follows = follows[np.r_[True, np.diff(follows) > 1]] if len(follows) else follows
    name[order[follows + 1]] = name[order[follows]]
    day[order[follows + 1]] = day[order[follows]]
