"""Values that need no cleaning, recognised by SQL: nearly all that departments write is like that.

A condition may miss plain values, but never takes one whose cleaner would make anything else of it;
what it leaves goes through Python. It saves Python four million calls per million residents.
"""

from __future__ import annotations

from datetime import date

import duckdb

from pipelines.standardise.dates import NOUGHT
from pipelines.standardise.defect import SEVERITY
from pipelines.standardise.plain_addresses import take_addresses
from pipelines.standardise.plain_names import take_names
from pipelines.standardise.text import JUNK
from schemas.suites.model import wrong_id

_OF_NO_USE = "|".join([digit * 5 for digit in "0123456789"] + ["12345", "13800138000"])
_DIGITS = "(substr(v, 7, 4) || '-' || substr(v, 11, 2) || '-' || substr(v, 13, 2))"
_PARTED = "([0-9]{4})[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?"
_STATUS = {"id_check_digit": "invalid", "id_masked": "masked", "id_damaged": "damaged"}


# whatever may have been typed because a number must stand there
_NO_NUMBER = "|".join(["0{6}", *(digit + "{8}" for digit in "123456789"), "123456789", "987654321"])


def take_plain(
    con: duckdb.DuckDBPyConnection, kind: str, known: str, today: date, villages: frozenset[str]
) -> None:
    """Move the plain values of ``to_clean`` (column v) into the dictionary `known` of `kind`."""
    if kind == "address":
        take_addresses(con, known, villages)
    elif kind == "name":
        take_names(con, known)
    elif kind == "id":
        _take(con, known, _ids(today))
    elif kind == "date":
        _take(con, known, _dates(today))
    elif kind == "phone":
        _take(con, known, _PHONES)
    elif kind == "text":
        _take(con, known, _TEXTS)


def _take(con: duckdb.DuckDBPyConnection, known: str, looked_at: str) -> None:
    """`looked_at` selects v, is_plain and the columns of `known` that are not NULL."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE looked_at AS {looked_at}")
    con.execute(
        f"INSERT INTO {known} BY NAME "
        "SELECT v AS raw, * EXCLUDE (v, is_plain) FROM looked_at WHERE is_plain"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE to_clean AS SELECT v FROM looked_at WHERE NOT is_plain"
    )
    con.execute("DROP TABLE looked_at")


def _ids(today: date) -> str:
    """Valid numbers; those with a wrong check digit, with a masked birth date, rounded by Excel."""
    fate = f"""CASE
        WHEN regexp_full_match(v, '[1-9][0-9]{{16}}[0-9X]') THEN CASE
            WHEN NOT {wrong_id("v")} THEN CASE
                WHEN born BETWEEN DATE '1890-01-01' AND DATE '{today}' THEN 'valid' END
            WHEN NOT suffix(v, '000') AND NOT regexp_matches(v, '{_NO_NUMBER}')
            THEN 'id_check_digit' END
        WHEN regexp_full_match(v, '[0-9]{{6}}[*]{{8}}[0-9]{{3}}[0-9X]') THEN 'id_masked'
        WHEN regexp_full_match(v, '[1-9][.][0-9]{{11,14}}[eE][+]17') THEN 'id_damaged' END"""
    states, severities = (
        " ".join(f"WHEN '{kind}' THEN '{said}'" for kind, said in words.items())
        for words in (_STATUS, {kind: SEVERITY[kind] for kind in _STATUS})
    )
    return f"""SELECT v, fate IS NOT NULL AS is_plain,
        CASE WHEN fate = 'valid' THEN v END AS value,
        CASE fate WHEN 'valid' THEN 'valid' {states} END AS status,
        CASE fate WHEN 'valid' THEN NULL
            WHEN 'id_damaged' THEN rpad(v[1] || v[3:-5], 15, '0') || '***' ELSE v END AS partial,
        CASE WHEN fate = 'valid' THEN born END AS birth,
        CASE WHEN fate = 'valid' THEN CASE WHEN v[17] IN ('1', '3', '5', '7', '9')
            THEN '1' ELSE '2' END END AS sex,
        nullif(fate, 'valid') AS defect, CASE fate {severities} END AS severity,
        CASE WHEN fate <> 'valid' THEN v[1] || repeat('*', length(v) - 3) || v[-2:] END
            AS old_masked
        FROM (SELECT v, born, {fate} AS fate
            FROM (SELECT v, TRY_CAST({_DIGITS} AS DATE) AS born FROM to_clean))"""


def _dates(today: date) -> str:
    nought = ", ".join(f"'{y}-{m:02}-{d:02}'" for y, m, d in sorted(NOUGHT))
    return f"""SELECT v, coalesce(value BETWEEN DATE '1890-01-01' AND DATE '{today}'
            AND CAST(value AS VARCHAR) NOT IN ({nought}), FALSE)
            AS is_plain, value, 'day' AS precision
        FROM (SELECT v, CASE
            WHEN regexp_full_match(v, '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}') THEN TRY_CAST(v AS DATE)
            WHEN regexp_full_match(v, '{_PARTED}')
            THEN TRY_CAST(regexp_replace(v, '{_PARTED}', '\\1-\\2-\\3') AS DATE)
            WHEN regexp_full_match(v, '[0-9]{{8}}')
            THEN TRY_CAST(v[1:4] || '-' || v[5:6] || '-' || v[7:8] AS DATE) END AS value
            FROM to_clean)"""


_PHONES = f"""SELECT v, [v] AS values, regexp_full_match(v, '1[3-9][0-9]{{9}}')
    AND NOT regexp_matches(v, '{_OF_NO_USE}') AS is_plain FROM to_clean"""
_NOTHING = ", ".join(f"'{word}'" for word in sorted(JUNK))
_TEXTS = f"""SELECT v, v AS value, regexp_full_match(v, '[\u4e00-\u9fa50-9A-Za-z·()-]+')
    AND v NOT IN ({_NOTHING}) AS is_plain FROM to_clean"""
