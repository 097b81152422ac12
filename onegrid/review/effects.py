"""What either decision on an item would do."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid.review import texts
from onegrid.review.queries import Item, Record, Row

_MOST_SAID = 4


@dataclass(frozen=True)
class Effects:
    """Sentences (Chinese): what `same` and `different` do, and what to beware of when joining."""

    same: tuple[str, ...]
    different: tuple[str, ...]
    beware: tuple[str, ...]


def effects(
    item: Item,
    residents: dict[str, Row],
    left: list[Record],
    right: list[Record],
    decided: list[Row],
) -> Effects:
    """What a decision on `item` would do.

    `left` and `right` are the records of both residents, `decided` what people said of others of
    their records.
    """
    one, other = (residents.get(name) for name in (item.resident_l, item.resident_r))
    if one is None or other is None:
        return Effects((), (), ())
    kept = min((one, other), key=lambda row: (row["born_night"], row["resident_id"]))
    same = [
        f"两名居民合并为一名，{len(left)} + {len(right)} 条记录归到一起",
        f"保留{'左' if kept is one else '右'}侧编号，另一个作为旧编号仍可查到",
    ]
    benefits = [set(one["benefits"]), set(other["benefits"])]
    if all_benefits := sorted(benefits[0] | benefits[1]):
        same.append(f"待遇合到一人名下：{_named(all_benefits)}")
    beware = [_said_before(word) for word in decided[:_MOST_SAID]]
    if doubled := sorted(benefits[0] & benefits[1]):
        beware.append(f"两人都在领取{_named(doubled)}：若是同一人，属重复领取，请告知民政")
    numbers = [{r.id17 for r in side if r.holds_id} for side in (left, right)]
    if all(numbers) and numbers[0].isdisjoint(numbers[1]):
        beware.append("两人各有一个有效身份证号：判同一人意味着其中一个号码有误")
    if one["grid_code"] and other["grid_code"] and one["grid_code"] != other["grid_code"]:
        beware.append("两人现住不同网格：合并后只出现在一个网格的表单中")
    if {record.row for record in left} & {record.row for record in right}:
        beware.append("两人同在一行记录里（如夫妻、母子）：通常是两个人")
    elif one["household_id"] and one["household_id"] == other["household_id"]:
        beware.append("两人登记在同一户：可能是家人，也可能是一人登记了两次")
    different = ["两名居民各自保留，这两人今后不再排入待核"]
    if item.reason == "contested_id":
        different.append(_whose(numbers, left, right))
    return Effects(tuple(same), tuple(different), tuple(beware))


def _said_before(word: Row) -> str:
    sides = {"l": "左侧", "r": "右侧"}
    one, other = (f"{sides[word[f'side_{n}']]}“{word[f'source_{n}']}”" for n in "lr")
    said = texts.SAID_BEFORE.format(
        author=word["author"],
        day=f"{word['decided_at']:%Y-%m-%d}",
        one=one,
        other=other,
        verdict=texts.VERDICTS[word["verdict"]],
    )
    return f"{said}（{word['reason']}）" if word["reason"] else said


def _whose(numbers: list[set[str | None]], left: list[Record], right: list[Record]) -> str:
    shared = {r.id17 for r in left if r.id17} & {r.id17 for r in right if r.id17}
    for side, held in zip(("左侧", "右侧"), numbers, strict=True):
        if shared & held:
            return f"相同的证号归{side}居民；另一方的来源部门会收到“使用他人身份证号”的更正提示"
    return "相同的证号暂不归任何一方，两人的证号都会再次询问"


def _named(kinds: list[str]) -> str:
    return "、".join(texts.BENEFITS.get(kind, kind) for kind in kinds)
