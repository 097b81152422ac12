"""Rules over the master: the golden records, their origin, and the invariants of identity."""

from __future__ import annotations

from schemas.fields import FIELDS
from schemas.suites.model import (
    Rule,
    birth_disagrees,
    birth_out_of_range,
    sex_disagrees,
    unknown_code,
    wrong_id,
    wrong_phone,
)

_OVER = "master.resident r"
_ORIGIN = "master.resident r LEFT JOIN master.provenance p USING (resident_id)"
_SAME_CONFIGURATION = """(SELECT config_hash FROM meta.night ORDER BY night DESC LIMIT 1)
    IS NOT DISTINCT FROM
    (SELECT config_hash FROM previous.meta.night ORDER BY night DESC LIMIT 1)"""

_FEW = 10
"""So many residents may go in one night, however few there are."""


def _decided(verdict: str, broken: str) -> str:
    return f"""SELECT count(*), count(*) FILTER ({broken})
        FROM link.decision d
        JOIN link.cluster l ON l.record_id = d.record_l
        JOIN link.cluster o ON o.record_id = d.record_r WHERE d.verdict = '{verdict}'"""


_FORBIDDEN = """l.resident_id <> o.resident_id AND EXISTS (
    SELECT 1 FROM link.decision n
    JOIN link.cluster a ON a.record_id = n.record_l JOIN link.cluster b ON b.record_id = n.record_r
    WHERE n.verdict = 'never'
        AND least(a.resident_id, b.resident_id) = least(l.resident_id, o.resident_id)
        AND greatest(a.resident_id, b.resident_id) = greatest(l.resident_id, o.resident_id))"""


RULES: tuple[Rule, ...] = (
    Rule(
        "residents_exist",
        "master",
        "critical",
        "主档不为空",
        "There are residents.",
        sql="SELECT 1, (count(*) = 0)::INTEGER FROM master.resident",
    ),
    Rule(
        "resident_id_unique",
        "master",
        "critical",
        "居民编号不重复",
        "No two residents have the same resident_id.",
        sql="SELECT count(*), count(*) - count(DISTINCT resident_id) FROM master.resident",
    ),
    Rule(
        "resident_id_form",
        "master",
        "critical",
        "居民编号为R加15位十六进制数",
        "A resident_id is R and 15 hexadecimal digits.",
        over=_OVER,
        grain="resident",
        bad="coalesce(NOT regexp_full_match(r.resident_id, 'R[0-9a-f]{15}'), TRUE)",
    ),
    Rule(
        "crosswalk_once",
        "master",
        "critical",
        "每条记录恰好归属一名居民",
        "Every record is in the crosswalk exactly once, and nothing else is (invariant 4).",
        sql="""SELECT count(*), count(*) FILTER (r.record_id IS NULL
                OR coalesce(c.times, 0) <> 1)
            FROM std.record r FULL JOIN (SELECT record_id, count(*) AS times
                FROM master.crosswalk WHERE until IS NULL GROUP BY record_id) c
            ON c.record_id = r.record_id""",
    ),
    Rule(
        "crosswalk_resolves",
        "master",
        "critical",
        "映射指向的居民存在",
        "Every resident the crosswalk names exists.",
        sql="""SELECT count(*), count(*) FILTER (r.resident_id IS NULL)
            FROM master.crosswalk c LEFT JOIN master.resident r USING (resident_id)
            WHERE c.until IS NULL""",
    ),
    Rule(
        "resident_has_record",
        "master",
        "critical",
        "每名居民至少有一条在册记录",
        "Every resident has at least one record.",
        sql="""SELECT count(*), count(*) FILTER (resident_id NOT IN
                (SELECT resident_id FROM master.crosswalk
                WHERE until IS NULL AND resident_id IS NOT NULL)) FROM master.resident""",
        grain="resident",
    ),
    Rule(
        "one_valid_id",
        "master",
        "critical",
        "一名居民没有两个不同的有效身份证号",
        "No resident holds two different valid numbers, unless a defect explains the difference "
        "or a person decided (invariant 1).",
        sql="""SELECT count(*), count(*) FILTER (numbers > 1 AND resident_id NOT IN (
                SELECT c.resident_id FROM link.decision d
                JOIN link.cluster c ON c.record_id IN (d.record_l, d.record_r)
                WHERE d.verdict = 'always'))
            FROM (SELECT c.resident_id, 1 + (min(r.id17) <> max(r.id17))::INTEGER AS numbers
                FROM std.record r JOIN link.cluster c USING (record_id)
                WHERE r.id_status IN ('valid', 'upgraded') AND r.record_id NOT IN (
                    SELECT record_id FROM std.defect WHERE kind IN ('id_slip', 'id_borrowed'))
                GROUP BY c.resident_id)""",
    ),
    Rule(
        "id_number_unique",
        "master",
        "critical",
        "不同居民的身份证号不重复（待核的除外，不超过千分之二）",
        "Residents do not share a number; the few that wait for review are tolerated.",
        sql="""SELECT coalesce(sum(times), 0), coalesce(sum(times) FILTER (times > 1), 0) FROM (
            SELECT count(*) AS times FROM master.resident WHERE id_number IS NOT NULL
            GROUP BY id_number)""",
        allowed=0.002,
    ),
    Rule(
        "never_kept",
        "master",
        "critical",
        "核定“不是同一人”的从未被合并",
        "A decision that two records are different people is never broken (invariant 2).",
        sql=_decided("never", "l.resident_id = o.resident_id"),
    ),
    Rule(
        "always_kept",
        "master",
        "critical",
        "核定“是同一人”的始终合并，除非另有核定不许",
        "A decision that two records are one person is always kept, unless another decision says "
        "that two records of the residents are not (invariant 2).",
        sql=_decided("always", f"l.resident_id <> o.resident_id AND NOT ({_FORBIDDEN})"),
    ),
    Rule(
        "decisions_agree",
        "master",
        "warning",
        "人工核定互不矛盾",
        "No decision that two records are one person is refused because of another decision; "
        "refused ones wait in the review queue.",
        sql=_decided("always", _FORBIDDEN),
    ),
    Rule(
        "ids_persist",
        "master",
        "critical",
        "居民编号稳定：消失的编号均有合并或终止事件",
        "An id of the night before is still there, or an event says what became of it "
        "(invariant 3).",
        compares=True,
        sql="""SELECT count(*), count(*) FILTER (resident_id NOT IN
                (SELECT resident_id FROM master.resident)
                AND resident_id NOT IN (SELECT resident_id FROM master.event
                WHERE night = getvariable('night') AND kind IN ('merge', 'end')))
            FROM previous.master.resident""",
    ),
    Rule(
        "merged_ids_resolve",
        "master",
        "critical",
        "已合并的旧编号仍可查到去向",
        "An id that was merged away leads to one that is known (invariant 3).",
        sql="""SELECT count(*), count(*) FILTER (other_id IS NULL
                OR (other_id NOT IN (SELECT resident_id FROM master.resident)
                AND other_id NOT IN (SELECT resident_id FROM master.event
                    WHERE kind IN ('merge', 'end') AND resident_id IS NOT NULL)))
            FROM master.event WHERE kind = 'merge'""",
    ),
    Rule(
        "cells_have_origin",
        "master",
        "critical",
        "字段值均有来源、记录和采集日期",
        "Every value names its source, its record and when it was observed (invariant 6).",
        over=_ORIGIN,
        grain="resident",
        bad=" OR ".join(
            f'(r."{f.name}" IS NOT NULL AND (p."{f.name}_source" IS NULL '
            f'OR p."{f.name}_record" IS NULL OR p."{f.name}_observed" IS NULL))'
            for f in FIELDS
        ),
    ),
    Rule(
        "name_from_own_record",
        "master",
        "critical",
        "姓名取自本人的记录",
        "The name was taken from a record of the resident (invariant 6).",
        sql="""SELECT count(*), count(*) FILTER (c.resident_id IS DISTINCT FROM p.resident_id)
            FROM master.provenance p LEFT JOIN link.cluster c ON c.record_id = p.name_record
            WHERE p.name_record IS NOT NULL""",
        grain="resident",
    ),
    Rule(
        "resident_id_number_valid",
        "master",
        "critical",
        "主档身份证号为18位且校验位正确",
        "A number in the master has 18 characters and the right check digit.",
        over=_OVER,
        grain="resident",
        checked="r.id_number IS NOT NULL",
        bad=wrong_id("r.id_number"),
    ),
    Rule(
        "resident_sex_agrees",
        "master",
        "warning",
        "主档性别与身份证号一致",
        "The sex agrees with the number.",
        over=_OVER,
        grain="resident",
        checked="r.id_number IS NOT NULL AND r.sex IS NOT NULL",
        bad=sex_disagrees("r.id_number", "r.sex"),
        allowed=0.005,
    ),
    Rule(
        "resident_birth_agrees",
        "master",
        "warning",
        "主档出生日期与身份证号一致",
        "The birth date agrees with the number.",
        over=_OVER,
        grain="resident",
        checked="r.id_number IS NOT NULL AND r.birth_date IS NOT NULL",
        bad=birth_disagrees("r.id_number", "r.birth_date"),
        allowed=0.01,
    ),
    Rule(
        "resident_codes_listed",
        "master",
        "critical",
        "主档代码均在代码表内",
        "Every code in the master is in its code list.",
        over=_OVER,
        grain="resident",
        bad=unknown_code("r"),
    ),
    Rule(
        "resident_has_name",
        "master",
        "warning",
        "居民有姓名",
        "Residents have a name.",
        over=_OVER,
        grain="resident",
        bad="r.name IS NULL",
        allowed=0.001,
    ),
    Rule(
        "resident_birth_in_range",
        "master",
        "critical",
        "主档出生日期不晚于今日、不早于1890年",
        "No birth date lies in the future or before 1890.",
        over=_OVER,
        grain="resident",
        checked="r.birth_date IS NOT NULL",
        bad=birth_out_of_range("r.birth_date"),
    ),
    Rule(
        "resident_death_after_birth",
        "master",
        "warning",
        "主档死亡日期不早于出生日期、不晚于今日",
        "A death comes after the birth and not in the future.",
        over=_OVER,
        grain="resident",
        checked="r.death_date IS NOT NULL",
        bad="r.death_date < r.birth_date OR r.death_date > getvariable('today')",
        allowed=0.01,
    ),
    Rule(
        "living_age_plausible",
        "master",
        "warning",
        "在世居民年龄不超过115岁",
        "No living resident is older than 115.",
        over=_OVER,
        grain="resident",
        checked="r.death_date IS NULL AND r.birth_date IS NOT NULL",
        bad="r.birth_date < getvariable('today') - INTERVAL 116 YEAR",
        allowed=0.0005,
    ),
    Rule(
        "resident_phone_form",
        "master",
        "warning",
        "主档电话为11位手机号或固定电话",
        "A telephone number is a mobile number of 11 digits or a landline.",
        over=_OVER,
        grain="resident",
        checked="r.phone IS NOT NULL",
        bad=wrong_phone("r.phone"),
        allowed=0.001,
    ),
    Rule(
        "grid_exists",
        "master",
        "critical",
        "居民所在网格存在",
        "The grid a resident lives in is one of the grids with dwellings.",
        over=_OVER,
        grain="resident",
        checked="r.grid_code IS NOT NULL",
        bad="r.grid_code NOT IN (SELECT grid_code FROM master.dwelling "
        "WHERE grid_code IS NOT NULL)",
    ),
    Rule(
        "residents_placed",
        "master",
        "warning",
        "未落到网格的在世居民不超过三成",
        "No more than 30 % of the living have no grid yet.",
        over=_OVER,
        grain="resident",
        checked="r.death_date IS NULL",
        bad="r.grid_code IS NULL",
        allowed=0.3,
    ),
    Rule(
        "completeness_in_range",
        "master",
        "warning",
        "完整度在0与1之间",
        "Completeness lies between 0 and 1.",
        over=_OVER,
        grain="resident",
        bad="coalesce(r.completeness NOT BETWEEN 0 AND 1, TRUE)",
    ),
    Rule(
        "household_head_is_member",
        "master",
        "critical",
        "户主是本户成员",
        "The head of a household is one of its members.",
        sql="""SELECT count(*), count(*) FILTER (r.household_id IS DISTINCT FROM h.household_id)
            FROM master.household h
            LEFT JOIN master.resident r ON r.resident_id = h.head_resident_id
            WHERE h.head_resident_id IS NOT NULL""",
    ),
    Rule(
        "household_counted",
        "master",
        "warning",
        "户内人数与成员数一致",
        "The number of members of a household is the number of residents in it.",
        sql="""SELECT count(*), count(*) FILTER (h.residents <> coalesce(m.members, 0))
            FROM master.household h LEFT JOIN (SELECT household_id, count(*) AS members
                FROM master.resident GROUP BY household_id) m USING (household_id)""",
    ),
    Rule(
        "household_size_plausible",
        "master",
        "warning",
        "每户不超过20人",
        "A household has at most 20 members.",
        over="master.household h",
        bad="h.residents > 20",
        allowed=0.005,
    ),
    Rule(
        "residents_not_lost",
        "master",
        "critical",
        "居民数比上次减少不超过百分之五（配置未变时；十人以内和人工核定的归并不计）",
        "Under the same configuration no more than 5 % of the residents are gone; up to ten, and "
        "one for each new decision that two records are one person, do not count.",
        compares=True,
        sql=f"""SELECT b.n, CASE WHEN {_SAME_CONFIGURATION} AND b.n - r.n > {_FEW} + d.n
                THEN b.n - r.n ELSE 0 END
            FROM (SELECT count(*) AS n FROM previous.master.resident) b,
                (SELECT count(*) AS n FROM master.resident) r,
                (SELECT count(*) AS n FROM link.decision ANTI JOIN previous.link.decision
                    USING (decision_id) WHERE verdict = 'always') d""",
        allowed=0.05,
    ),
    Rule(
        "residents_volume",
        "master",
        "warning",
        "居民数与上次相差不超过百分之五",
        "The number of residents changed by no more than 5 %.",
        compares=True,
        sql="""SELECT b.n, abs(b.n - r.n)
            FROM (SELECT count(*) AS n FROM previous.master.resident) b,
                (SELECT count(*) AS n FROM master.resident) r""",
        allowed=0.05,
    ),
    Rule(
        "model_usable",
        "master",
        "warning",
        "在用的匹配模型可用，本次未被迫重新训练",
        "The linkage model in force could be read; this night did not have to train another.",
        sql="""SELECT count(*), count(*) FILTER (counts ->> 'model_problem' IS NOT NULL)
            FROM meta.stage WHERE night = getvariable('night') AND stage = 'score_pairs'""",
    ),
    Rule(
        "blocks_bounded",
        "master",
        "warning",
        "比较组不过大：因共用值过多而略过比较的待认记录不超过百分之一",
        "No more than 1 % of the open records share a key with so many others that it was not "
        "compared by (`link.crowd` names rule and sources).",
        sql="""SELECT count(*), (SELECT coalesce(max(n), 0) FROM (
                SELECT sum(open_records) AS n FROM link.crowd GROUP BY rule))
            FROM link.standing WHERE is_open""",
        allowed=0.01,
    ),
)
