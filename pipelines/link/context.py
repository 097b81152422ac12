"""Evidence that lies around a record: whose telephone it is, who lives with it, the other calendar.

Computed for the records that are compared, not for all. It depends on the model's frozen list of
shared telephones and, for companions, on the records of the same households; `past.mark_touched`
follows both households and numbers, so that a delta night sees what a full night would.
"""

from __future__ import annotations

from pipelines.link.blocking import evidence_sql
from pipelines.link.lunar import lunar_days_sql

OFFICE = 8
"""A telephone under more names than a family has is an office's: no evidence."""
HOUSEHOLD = 12
"""More records than this under one household number: the number is no household's."""
SHARED_PHONES = "phones"
"""Name under which a model keeps its list of shared telephones."""
EMPTY = "NULL::VARCHAR AS birth_lunar, NULL::VARCHAR[] AS own_phones, NULL::UBIGINT[] AS companions"
"""The columns that `context_sql` adds, where they are not needed."""


def shared_phones_sql() -> str:
    """SQL of the telephones that stand under several names, and under how many."""
    return f"""SELECT phone, count(DISTINCT name_pinyin) AS names
        FROM (SELECT unnest(phones) AS phone, name_pinyin FROM ({evidence_sql("is_profile")}))
        GROUP BY phone HAVING names > 1 ORDER BY phone"""


def context_sql(records: str, shared: str | None) -> str:
    """SQL of `records` with what lies around them; offices' telephones are taken away.

    Adds ``birth_lunar`` (the birth date by the lunar calendar, written like an ISO date),
    ``own_phones`` (telephones of one name) and ``companions`` (sounds of the names of those whom
    the records of its ID number share a household with).

    Args:
        records: a query with the columns record_id, hub, phones and birth_day.
        shared: the relation of shared telephones (phone, names); None: there is none yet.
    """
    shared = shared or "(SELECT NULL::VARCHAR AS phone, 0 AS names)"
    return f"""
        WITH given AS MATERIALIZED ({records}),
        listed AS (
            SELECT record_id, unnest(phones) AS phone FROM given WHERE phones IS NOT NULL
        ), shared AS (
            SELECT record_id, list(phone) AS several,
                list(phone) FILTER (names > {OFFICE}) AS offices
            FROM listed JOIN {shared} USING (phone) GROUP BY record_id
        ), {_companions_sql()}, day AS ({lunar_days_sql()})
        SELECT g.* EXCLUDE (phones),
            CASE WHEN s.offices IS NULL THEN g.phones
                WHEN len(s.offices) < len(g.phones)
                THEN list_filter(g.phones, lambda p: NOT list_contains(s.offices, p))
                END AS phones,
            CASE WHEN s.several IS NULL THEN g.phones
                ELSE list_filter(g.phones, lambda p: NOT list_contains(s.several, p))
                END AS own_phones,
            d.lunar AS birth_lunar, c.companions
        FROM given g LEFT JOIN shared s USING (record_id)
        LEFT JOIN day d USING (birth_day) LEFT JOIN companion c USING (hub)"""


def _companions_sql() -> str:
    """Common table expressions that end in ``companion`` (hub, companions).

    A source knows a household by its number, or by the row that names two of its members.
    """
    return f"""wanted AS (
            SELECT hub, unit, sound FROM link.tie
            JOIN (SELECT record_id, hub FROM link.standing WHERE hub IN (SELECT hub FROM given))
                USING (record_id) WHERE sound IS NOT NULL
        ), mate AS MATERIALIZED (
            SELECT unit, sound FROM link.tie
            WHERE sound IS NOT NULL AND unit IN (SELECT unit FROM wanted)
        ), home AS (
            SELECT unit FROM mate GROUP BY unit HAVING count(*) BETWEEN 2 AND {HOUSEHOLD}
        ), companion AS (
            SELECT hub, list(sound) AS companions FROM (
                SELECT DISTINCT w.hub, o.sound FROM wanted w SEMI JOIN home USING (unit)
                JOIN mate o ON o.unit = w.unit AND o.sound <> w.sound
            ) GROUP BY hub
        )"""
