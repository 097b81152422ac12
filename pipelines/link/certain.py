"""Tier 1: records with the same valid ID number that nothing contradicts are one person.

Who holds a number is decided by pairwise evidence among the distinct spellings found under it,
never by the order of rows. Records that contradict the holder keep no ID: they are contested, go to
review, and are compared by their other evidence. So do those of a number that three or more people
claim without a holder among them: whoever fills in a number that is at hand says nothing by it. Of
two it may be either's, so neither is joined with another number.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from pipelines.link.agreement import (
    beginning,
    formerly,
    lost,
    one_character_differs,
    shortened,
    swapped,
)
from pipelines.link.graph import components
from pipelines.store import count

WEIGHT = 60.0
CROWD = 30
"""More distinct spellings than this under one number: nobody holds it."""

_CLAIMS = "(id17 IS NOT NULL AND coalesce(id_status IN ('valid', 'upgraded', 'conflict'), false))"

_NAMES_AGREE = f"""(
    p.name_key = q.name_key OR p.name_pinyin = q.name_pinyin OR p.name_shape = q.name_shape
    OR {formerly("p.former_name", "q.name_key")} OR {formerly("q.former_name", "p.name_key")}
    OR {lost("p.name_key", "q.name_key")} OR {swapped("p.name_key", "q.name_key")}
    OR {beginning("p.name_key", "q.name_key")}
)"""

_SHORTENED = shortened("p.name_key", "q.name_key", "p.surname", "q.surname")
_ONE_DIFFERS = one_character_differs("p.name_key", "q.name_key")

# Children under a parent's number bear names like the parent's, so a character may only be another
# where both rows state the birth date that the number has, or where it was misheard. One may be
# left out where no office lists both names: whoever fills a number down by mistake lists both.
_NAMES_SLIPPED = f"""(
    (p.confirms AND q.confirms AND ({_SHORTENED} OR (
        length(p.name_key) = length(q.name_key)
        AND len(list_intersect(string_split(p.name_key, ''), string_split(q.name_key, '')))
            = len(list_distinct(string_split(p.name_key, ''))) - 1)))
    OR ({_ONE_DIFFERS} AND damerau_levenshtein(p.name_pinyin, q.name_pinyin) <= 1)
    OR ({_SHORTENED} AND NOT p.conflict AND NOT q.conflict
        AND NOT list_has_any(p.sources, q.sources))
)"""

_GENERATION = 14
"""Years that may lie between two birth dates of one person, but not of parent and child."""

_BIRTH_NEAR = f"""(
    p.near IS NULL OR q.near IS NULL OR p.near = q.near
    OR year(p.near) = year(q.near)
    OR (month(p.near) = month(q.near) AND day(p.near) = day(q.near)
        AND abs(year(p.near) - year(q.near)) < {_GENERATION})
    OR abs(date_diff('day', p.near, q.near)) <= 60
    OR damerau_levenshtein(CAST(p.near AS VARCHAR), CAST(q.near AS VARCHAR)) = 1
)"""

_SEX_AGREES = "(p.sex IS NULL OR q.sex IS NULL OR p.sex = q.sex)"

_AGREE = f"""CASE
    WHEN p.conflict OR q.conflict
    THEN {_NAMES_AGREE} AND ({_BIRTH_NEAR} OR (p.name_key = q.name_key AND {_SEX_AGREES}
        AND length(p.name_key) >= 3 AND abs(year(p.near) - year(q.near)) < {_GENERATION}))
    ELSE {_NAMES_AGREE} OR {_NAMES_SLIPPED}
END"""


def stand(con: duckdb.DuckDBPyConnection, *, everything: bool) -> dict[str, int]:
    """Fill `link.standing` (for the touched records, or for all) and collect tier 1 pairs.

    Reads ``looked_at``: all that hold the same number are touched together. The pairs go into the
    temporary table ``certain_pair`` (columns of `link.pair`).

    Returns:
        counts for the night's summary.
    """
    scope = "" if everything else "SEMI JOIN touched USING (record_id)"
    # A number of 17 digits is compared and kept as one integer, a name by its hash.
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE claim AS
        SELECT record_id, id17::BIGINT AS number, id_status = 'conflict' AS conflict,
            CASE WHEN name_key IS NOT NULL THEN hash(name_key) END AS named,
            CASE WHEN name_pinyin IS NOT NULL THEN hash(name_pinyin) END AS sound,
            hash(name_key, former_name, sex, phones, address_key, village_code, birth_date)
                AS evidence
        FROM looked_at WHERE {_CLAIMS}
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE number AS
        SELECT number, count(*)::INTEGER AS holders, min(record_id) AS hub,
            min(named) = max(named) AND NOT bool_or(conflict) AS is_clear
        FROM claim GROUP BY number
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE contested AS
        SELECT record_id, source, number, c.conflict, name_key, name_pinyin, name_shape, surname,
            former_name, sex, birth_date, coalesce(birth_from_id, false) AS implied, holders,
            evidence
        FROM claim c JOIN number n USING (number) JOIN looked_at USING (record_id)
        WHERE is_clear IS NOT TRUE
        """
    )
    _spellings(con)
    _parties(con)
    _standing(con, everything=everything)
    _pairs(con, scope)
    found = {
        "certain": count(con, "SELECT count(*) FROM certain_pair WHERE verdict = 'joined'"),
        "contested_numbers": count(
            con, "SELECT count(DISTINCT number) FROM party WHERE rivals > 1"
        ),
    }
    for table in ("claim", "number", "contested", "spelling", "party"):
        con.execute(f"DROP TABLE {table}")
    return found


def _spellings(con: duckdb.DuckDBPyConnection) -> None:
    """Distinct spellings under the numbers that are not clear, and the party each belongs to.

    Records without a name go with the party that has most support, if one has.
    """
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE spelling AS
        SELECT number, name_key, name_pinyin, name_shape,
            max_by(surname, (length(surname), surname)) AS surname, former_name, sex, conflict,
            CASE WHEN NOT implied THEN birth_date END AS birth,
            birth IS NOT NULL AND NOT conflict AS confirms, min(birth_date) AS near,
            min(record_id) AS first, count(*) AS records, list(DISTINCT source) AS sources
        FROM contested GROUP BY ALL
        """
    )
    edges = con.sql(
        f"""
        SELECT p.first AS l, q.first AS r
        FROM spelling p JOIN spelling q ON p.number = q.number AND p.first < q.first
        SEMI JOIN (
            SELECT number FROM spelling GROUP BY number HAVING count(*) <= {CROWD}
        ) small ON small.number = p.number
        WHERE {_AGREE}
        """
    ).to_arrow_table()
    node, hub = components(edges["l"].to_numpy(), edges["r"].to_numpy())
    con.register("agreeing", pa.table({"first": node, "hub": hub}))
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE spelling AS
        WITH named AS (
            SELECT s.*, coalesce(a.hub, s.first) AS hub
            FROM spelling s LEFT JOIN agreeing a USING (first)
        ), led AS (
            SELECT number, hub FROM named WHERE name_key IS NOT NULL GROUP BY number, hub
            HAVING NOT bool_and(conflict)
            QUALIFY count(*) OVER (
                PARTITION BY number ORDER BY count(*) FILTER (confirms) DESC, sum(records) DESC
            ) = 1
        )
        SELECT n.* EXCLUDE (hub), min(first) OVER (PARTITION BY n.number, CASE
            WHEN n.name_key IS NULL AND NOT n.conflict THEN coalesce(l.hub, n.hub)
            ELSE n.hub END) AS hub
        FROM named n LEFT JOIN led l USING (number)
        """
    )
    con.unregister("agreeing")


def _parties(con: duckdb.DuckDBPyConnection) -> None:
    """Groups of agreeing records under one number, and whether one of them is its holder.

    The holder has a record that does not contradict the number itself, and strictly more support
    than any rival: first records whose own birth date confirms the number, then records.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE party AS
        WITH rival AS (
            SELECT number, hub, sum(records) AS records,
                coalesce(sum(records) FILTER (confirms), 0) AS confirmed,
                coalesce(sum(records) FILTER (NOT conflict), 0) AS sound,
                count(*) AS spellings
            FROM spelling GROUP BY number, hub
        ), ranked AS (
            SELECT *, count(*) OVER whole AS rivals, sum(spellings) OVER whole AS crowd,
                rank() OVER (PARTITION BY number ORDER BY confirmed DESC, sound DESC) AS place,
                count(*) OVER (PARTITION BY number, confirmed, sound) AS ties
            FROM rival WINDOW whole AS (PARTITION BY number)
        )
        SELECT *, place = 1 AND ties = 1 AND sound > 0 AND crowd <= {CROWD} AS is_holder,
            bool_or(is_holder) OVER (PARTITION BY number) AS has_holder,
            min(hub) FILTER (is_holder) OVER (PARTITION BY number) AS holder_hub,
            min(hub) OVER (PARTITION BY number) AS first_hub
        FROM ranked
        """
    )


def _standing(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    con.execute("BEGIN")
    if everything:
        con.execute("DELETE FROM link.standing")
    else:
        con.execute("DELETE FROM link.standing WHERE record_id IN (SELECT record_id FROM touched)")
    con.execute(
        f"""
        INSERT INTO link.standing
        WITH placed AS (
            SELECT record_id, hub, false AS is_open, number AS held, holders, evidence
            FROM claim JOIN number USING (number) WHERE is_clear IS TRUE
            UNION ALL
            SELECT c.record_id, s.hub, NOT p.is_holder,
                CASE WHEN p.is_holder OR (NOT p.has_holder AND p.rivals <= 2) THEN c.number END,
                c.holders, c.evidence
            FROM contested c
            JOIN spelling s ON s.number = c.number AND s.name_key IS NOT DISTINCT FROM c.name_key
                AND s.name_pinyin IS NOT DISTINCT FROM c.name_pinyin
                AND s.former_name IS NOT DISTINCT FROM c.former_name
                AND s.sex IS NOT DISTINCT FROM c.sex AND s.conflict = c.conflict
                AND s.birth IS NOT DISTINCT FROM CASE WHEN NOT c.implied THEN c.birth_date END
            JOIN party p ON p.number = s.number AND p.hub = s.hub
        ), profile AS (
            SELECT min(record_id) AS record_id FROM placed WHERE NOT is_open GROUP BY hub, evidence
        )
        SELECT p.record_id, p.hub, p.is_open, p.is_open OR f.record_id IS NOT NULL,
            held::VARCHAR, p.holders
        FROM placed p LEFT JOIN profile f USING (record_id)
        UNION ALL
        SELECT record_id, record_id, true, true, NULL, 0 FROM looked_at WHERE NOT {_CLAIMS}
        """
    )
    con.execute("COMMIT")


def _pairs(con: duckdb.DuckDBPyConnection, scope: str) -> None:
    """Stars around the smallest record of each party, and the contest between parties."""
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE certain_pair AS
        SELECT s.hub AS record_l, s.record_id AS record_r, 'certain' AS tier,
            {WEIGHT}::DOUBLE AS weight, 1.0::DOUBLE AS probability,
            CASE WHEN l.named = r.named THEN 'same ID number; same name'
                WHEN l.sound = r.sound THEN 'same ID number; names sound the same'
                ELSE 'same ID number; names agree in part' END
            || CASE WHEN l.conflict OR r.conflict
                THEN '; birth date or sex contradicts the number' ELSE '' END AS reasons,
            'joined' AS verdict
        FROM (FROM link.standing {scope}) s
        JOIN claim l ON l.record_id = s.hub JOIN claim r ON r.record_id = s.record_id
        WHERE s.hub <> s.record_id
        UNION ALL
        SELECT least(hub, rival), greatest(hub, rival), 'certain', 0.0, 0.5,
            'same ID number; names or birth dates contradict', 'review'
        FROM (
            SELECT hub, coalesce(holder_hub, first_hub) AS rival FROM party
            WHERE rivals > 1 AND crowd <= {CROWD}
        ) WHERE hub <> rival
        """
    )
