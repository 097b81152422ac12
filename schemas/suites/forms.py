"""Rules over the forms that would go out."""

from __future__ import annotations

from schemas.fields import FIELDS
from schemas.suites.model import Rule

_OVER = """deliver.form_row f LEFT JOIN master.resident r USING (resident_id)
    LEFT JOIN master.provenance p USING (resident_id)"""


def _asking(field: str) -> str:
    """SQL: by how many forms a resident is asked for `field`."""
    return f"count(*) FILTER ({field}_state IN ('ask', 'verify'))"


RULES: tuple[Rule, ...] = (
    Rule(
        "states_legal",
        "forms",
        "critical",
        "单元格状态合法",
        "Every cell is known, to verify, asked, waiting for another form, withheld, or empty and "
        "not required.",
        over=_OVER,
        grain="resident",
        bad="f.{f}_state NOT IN ('known', 'verify', 'ask', 'waits', 'withheld', 'none')",
        by_cell=True,
        beside="f.{f}_state IS NOT NULL",
    ),
    Rule(
        "form_residents_exist",
        "forms",
        "critical",
        "表单上的居民存在于主档",
        "Whoever is on a form is in the master.",
        over=_OVER,
        grain="resident",
        bad="r.resident_id IS NULL",
    ),
    Rule(
        "form_own_grid",
        "forms",
        "critical",
        "表单只发给居民所在网格",
        "A resident is only on the form of the grid where they live (invariant 7).",
        over=_OVER,
        grain="resident",
        bad="f.grid_code IS DISTINCT FROM r.grid_code",
    ),
    Rule(
        "form_no_dead",
        "forms",
        "critical",
        "表单上没有已故居民",
        "No dead resident is on a form.",
        over=_OVER,
        grain="resident",
        bad="r.death_date IS NOT NULL",
    ),
    Rule(
        "known_cells_have_origin",
        "forms",
        "critical",
        "已有和待核的单元格有值、有来源、有日期",
        "What is shown as known or to verify has a value, a source and a date.",
        over=_OVER,
        grain="resident",
        bad="f.{f}_state IN ('known', 'verify') AND (r.{f} IS NULL OR p.{f}_source IS NULL "
        "OR p.{f}_observed IS NULL)",
        by_cell=True,
    ),
    Rule(
        "asked_cells_empty",
        "forms",
        "critical",
        "需填的单元格确实无人掌握",
        "Only what nobody knows is asked.",
        over=_OVER,
        grain="resident",
        bad="f.{f}_state IN ('ask', 'none') AND r.{f} IS NOT NULL",
        by_cell=True,
    ),
    Rule(
        "purpose_kept",
        "forms",
        "critical",
        "表单只填入用途允许的来源的值",
        "A value is shown only if its source serves the form's purpose (invariant 7).",
        over=_OVER,
        grain="resident",
        bad="f.{f}_state IN ('known', 'verify', 'waits') AND r.{f} IS NOT NULL "
        "AND p.{f}_source NOT IN ({served}) AND NOT {identified}",
        by_cell=True,
    ),
    Rule(
        "withheld_rightly",
        "forms",
        "warning",
        "不予提供的单元格确因用途不符",
        "A cell is withheld only if its source does not serve the form's purpose.",
        over=_OVER,
        grain="resident",
        bad="f.{f}_state = 'withheld' AND p.{f}_source IN ({served})",
        by_cell=True,
    ),
    Rule(
        "resident_on_one_form",
        "forms",
        "critical",
        "同一种表单上每名居民只出现一次",
        "A resident is on one grid's form only, once for every kind of form.",
        sql="""SELECT coalesce(sum(times), 0), coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM deliver.form_row GROUP BY form, resident_id)""",
        grain="resident",
    ),
    Rule(
        "asked_once",
        "forms",
        "critical",
        "同一事项不由两张表向同一人询问",
        "What one form asks of a resident or has verified, no other form does.",
        sql=f"""SELECT coalesce(sum(cells), 0)::BIGINT, coalesce(sum(again), 0)::BIGINT FROM (
            SELECT {" + ".join(_asking(field.name) for field in FIELDS)} AS cells,
                {" + ".join(f"greatest({_asking(field.name)} - 1, 0)" for field in FIELDS)} AS again
            FROM deliver.form_row GROUP BY resident_id)""",
        grain="resident",
    ),
    Rule(
        "everyone_on_form",
        "forms",
        "critical",
        "在世且已落网格的居民都在应填表单上",
        "Every living, placed resident is on every form that is for everybody, unless the grid "
        "said that they are not there.",
        sql="""SELECT count(*), count(*) FILTER (f.resident_id IS NULL)
            FROM (SELECT resident_id, c.form FROM master.resident, rule_form c
                WHERE grid_code IS NOT NULL AND death_date IS NULL AND c.for_everybody
                AND (resident_id, grid_code) NOT IN (
                    SELECT (resident_id, grid_code) FROM deliver.way_out WHERE stays_off)) due
            LEFT JOIN (SELECT DISTINCT resident_id, form FROM deliver.form_row) f
            ON f.resident_id = due.resident_id AND f.form = due.form""",
        grain="resident",
    ),
    Rule(
        "form_id_unique",
        "forms",
        "critical",
        "表单编号不重复",
        "No two forms have the same form_id.",
        sql="SELECT count(*), count(*) - count(DISTINCT form_id) FROM deliver.form",
    ),
    Rule(
        "form_residents_counted",
        "forms",
        "critical",
        "表单人数与表单行数一致",
        "A form counts as many residents as it has rows.",
        sql="""SELECT count(*), count(*) FILTER (f.residents IS DISTINCT FROM r.rows)
            FROM deliver.form f FULL JOIN (SELECT form, period, grid_code, count(*) AS rows
                FROM deliver.form_row GROUP BY form, period, grid_code) r
            ON r.form = f.form AND r.period = f.period AND r.grid_code = f.grid_code""",
    ),
    Rule(
        "form_cells_add_up",
        "forms",
        "critical",
        "应填单元格等于各状态之和",
        "Required cells are the sum of known, to verify, asked, waiting and withheld ones.",
        over="deliver.form f",
        bad="f.required_cells <> f.known_cells + f.verify_cells + f.ask_cells + f.waits_cells "
        "+ f.withheld_cells",
    ),
    Rule(
        "grids_covered",
        "forms",
        "warning",
        "有居民的网格都有表单",
        "Every grid where somebody lives has a form.",
        sql="""SELECT count(*), count(*) FILTER (grid_code NOT IN
                (SELECT grid_code FROM deliver.form)) FROM (
            SELECT DISTINCT grid_code FROM master.resident
            WHERE grid_code IS NOT NULL AND death_date IS NULL)""",
    ),
    Rule(
        "asked_volume",
        "forms",
        "warning",
        "需填单元格比上次增加不超过两成",
        "No more than 20 % more cells are asked than the night before.",
        compares=True,
        sql="""SELECT b.n, greatest(r.n - b.n, 0)
            FROM (SELECT coalesce(sum(ask_cells), 0) AS n FROM previous.deliver.form) b,
                (SELECT coalesce(sum(ask_cells), 0) AS n FROM deliver.form) r""",
        allowed=0.2,
    ),
)
