"""SQL conditions on two values: how names, birth dates and numbers agree short of being equal.

Each function takes the SQL of the two values and is true for either order of them.
"""

from __future__ import annotations

_ID_PARTS = ((1, 6), (7, 4), (11, 4), (15, 3), (18, 1))
"""First character and length of county, year, month and day, sequence, and check digit."""


def lost(a: str, b: str) -> str:
    """What is left of a name fits the other: ``?`` matches any character, at the end also none.

    A star behind a name stands for a character that was masked, or marks the person in the list.
    """
    return f"({_fits(a, b)} OR {_fits(b, a)})"


def one_slip(a: str, b: str) -> str:
    """Equal, or one character or two neighbours differ, or one is too many.

    The distance itself costs microseconds: texts that are too far apart are told by their length,
    the places where they differ, or the two ends of which one slip leaves one.
    """
    return f"""CASE WHEN {a} = {b} THEN true
        WHEN strlen({a}) = strlen({b}) THEN CASE WHEN hamming({a}, {b}) <= 2
            THEN damerau_levenshtein({a}, {b}) <= 1 ELSE false END
        WHEN abs(strlen({a}) - strlen({b})) = 1
            AND (left({a}, 1) = left({b}, 1) OR right({a}, 1) = right({b}, 1))
        THEN damerau_levenshtein({a}, {b}) <= 1 ELSE false END"""


def swapped(a: str, b: str) -> str:
    """The characters stand in another order: 张明小, 小明张, 明小张 for 张小明."""
    first, last, rest = f"left({a}, 1)", f"right({a}, 1)", f"substr({a}, 2)"
    orders = (
        f"{rest} || {first}",
        f"{last} || left({a}, -1)",
        f"CASE WHEN length({a}) = 3 THEN {first} || {last} || substr({a}, 2, 1) END",
        f"CASE WHEN length({a}) = 4 THEN right({a}, 2) || left({a}, 2) END",
    )
    # A CASE keeps the orders from the pairs that have no character in common.
    return f"""CASE WHEN length({a}) = length({b}) AND contains({b}, {last})
        THEN {b} IN ({", ".join(orders)}) ELSE false END"""


def shortened(a: str, b: str, surname_a: str, surname_b: str) -> str:
    """A character of a given name is left out (王春 for 王春萍), or what follows a name's dot."""
    return (
        f"({_left_out(a, b)} OR {_left_out(b, a)} OR {_cut_off(a, b, surname_b)} "
        f"OR {_cut_off(b, a, surname_a)})"
    )


def beginning(a: str, b: str) -> str:
    """One name of at least four characters is the beginning of the other."""
    return (
        f"((length({a}) >= 4 AND starts_with({b}, {a})) "
        f"OR (length({b}) >= 4 AND starts_with({a}, {b})))"
    )


def one_character_differs(a: str, b: str) -> str:
    """Two names of three to five characters that differ in one place."""
    differing = " + ".join(
        f"CAST(substr({a}, {n}, 1) <> substr({b}, {n}, 1) AS INTEGER)" for n in range(1, 6)
    )
    # A character has up to four bytes, and bytes are compared faster.
    return f"""CASE WHEN length({a}) = length({b}) AND length({a}) BETWEEN 3 AND 5
            AND CASE WHEN strlen({a}) = strlen({b}) THEN hamming({a}, {b}) <= 4 ELSE true END
        THEN {differing} = 1 ELSE false END"""


def day_slip(a: str, b: str) -> str:
    """ISO dates that differ: one digit, two neighbours, or month against day."""
    return f"""({one_slip(a, b)} OR (left({a}, 4) = left({b}, 4)
        AND substr({a}, 6, 2) = right({b}, 2) AND right({a}, 2) = substr({b}, 6, 2)))"""


def masks_agree(a: str, b: str) -> str:
    """What is left of two ID numbers does not contradict: ``*`` matches any digit.

    Where both are masked, county, year, month and day, sequence and check digit are compared as
    far as they are whole in both.
    """
    parts = " AND ".join(
        f"(substr({a}, {start}, {length}) = substr({b}, {start}, {length}) "
        f"OR contains(substr({a}, {start}, {length}) || substr({b}, {start}, {length}), '*'))"
        for start, length in _ID_PARTS
    )
    whole = sum(length for _, length in _ID_PARTS)
    ends = f"right({a}, 4) || right({b}, 4)"
    # Most pairs are told by their ends. A CASE keeps from them what comes after.
    return f"""CASE WHEN {a} = {b} THEN true
        WHEN length({a}) <> length({b}) OR NOT contains({a} || {b}, '*')
            OR (right({a}, 4) <> right({b}, 4) AND NOT contains({ends}, '*')) THEN false
        WHEN {a} LIKE replace({b}, '*', '_') OR {b} LIKE replace({a}, '*', '_') THEN true
        WHEN contains({a}, '*') AND contains({b}, '*') AND length({a}) = {whole}
        THEN {parts} ELSE false END"""


def shown(a: str, b: str, first: int, length: int) -> str:
    """Both ID numbers show these digits, whatever they are."""
    return f"NOT contains(substr({a}, {first}, {length}) || substr({b}, {first}, {length}), '*')"


def _fits(pattern: str, name: str) -> str:
    marked = f"length(rtrim({pattern}, '?')) >= 2 AND {name} = rtrim({pattern}, '?')"
    return (
        f"(contains({pattern}, '?') AND ({name} LIKE replace({pattern}, '?', '_') OR ({marked})))"
    )


def _left_out(short: str, whole: str) -> str:
    return (
        f"(length({short}) = 2 AND length({whole}) = 3 AND left({short}, 1) = left({whole}, 1) "
        f"AND contains(substr({whole}, 2), right({short}, 1)))"
    )


def _cut_off(short: str, whole: str, surname: str) -> str:
    return (
        f"(length({surname}) >= 2 AND length({short}) >= length({surname}) "
        f"AND length({short}) < length({whole}) AND starts_with({whole}, {short}))"
    )


def formerly(former: str, name: str) -> str:
    """`name` is one of the `former` names, between which stands ``、``."""
    return f"coalesce(contains('、' || {former} || '、', '、' || {name} || '、'), false)"
