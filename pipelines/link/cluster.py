"""From joined pairs to residents: components, cut where a constraint forbids a union."""

from __future__ import annotations

import math

import duckdb
import pyarrow as pa

from pipelines.journal import open_journal
from pipelines.link import identity, model
from pipelines.link.defects import write_defects
from pipelines.link.graph import Edge, Node, components, cut
from pipelines.link.past import past
from pipelines.link.returned import tie_returns
from pipelines.link.score import NUMBERED, SLIP_WEIGHT, SLIPPED_NAME
from pipelines.link.touched import looks_at_everything, mark_touched
from pipelines.night import Night
from pipelines.store import count

DECISION_WEIGHT = 1000.0
_FIRM = f"""NOT (list_has_any({model.says("name", *SLIPPED_NAME)}, string_split(reasons, '; '))
    AND NOT list_has_any({model.says("id", *NUMBERED)}, string_split(reasons, '; ')))"""
"""SQL: two records have a name or, as far as it is left, a number in common."""


def cluster_records(night: Night) -> dict[str, object]:
    """Assign every record to a resident; fills `link.cluster`, `link.identity`, `delta.resident`.

    Identity events of the night go into `master.event`, what people decided into `link.decision`.
    A night that is not full looks only at the components that what changed can reach.

    Returns:
        counts: residents, components cut, pairs refused, events by kind.
    """
    with (
        night.stage("cluster_records") as counts,
        night.open_for_linking() as con,
        past(con, night),
    ):
        con.execute("BEGIN")
        again = count(
            con,
            "SELECT count(*) FROM meta.stage WHERE night = ? AND stage = 'cluster_records'",
            night.number,
        )
        everything = looks_at_everything(con, night)
        mark_touched(con, everything=everything)
        everything = everything or bool(again)
        _take_decisions(con, night)
        tie_returns(con, night)
        if not everything:
            _take_turned_blocks(con)
        _edges(con)
        _reach(con, everything=everything)
        accept = night.config.district.linkage.accept
        counts.update(_components(con, margin=math.log2(accept / (1 - accept))))
        counts.update(identity.assign(con, night, everything=everything))
        counts.update(write_defects(con))
        con.execute("COMMIT")
        counts["residents"] = count(con, "SELECT count(*) FROM link.identity")
        counts["records"] = count(con, "SELECT count(*) FROM link.cluster")
    return counts


def _take_decisions(con: duckdb.DuckDBPyConnection, night: Night) -> None:
    """What people said, into `link.decision` and `link.pair`; changes since last night seed.

    An `always` that was refused last night stays refused until something reaches it again.
    """
    with open_journal(night.config.journal_url) as journal:
        rows = journal.decisions()
    con.execute("DELETE FROM link.decision")
    if rows:
        con.executemany("INSERT INTO link.decision VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    con.execute("DELETE FROM link.pair WHERE tier = 'decision'")
    con.execute(
        f"""
        INSERT INTO link.pair
        SELECT d.record_l, d.record_r, 'decision',
            CASE d.verdict WHEN 'always' THEN {DECISION_WEIGHT} ELSE -{DECISION_WEIGHT} END,
            CASE d.verdict WHEN 'always' THEN 1.0 ELSE 0.0 END, 'a person decided',
            CASE d.verdict WHEN 'always' THEN coalesce(p.verdict, 'joined') ELSE 'refused' END
        FROM link.decision d
        LEFT JOIN past_pair p ON p.record_l = d.record_l AND p.record_r = d.record_r
            AND p.tier = 'decision' AND p.weight > 0
        WHERE d.record_l IN (SELECT record_id FROM std.record)
            AND d.record_r IN (SELECT record_id FROM std.record)
        """
    )
    con.execute(
        """
        INSERT INTO touched
        SELECT DISTINCT unnest([record_l, record_r]) FROM (
            (SELECT record_l, record_r, verdict FROM link.decision
                EXCEPT SELECT record_l, record_r, verdict FROM past_decision)
            UNION ALL (SELECT record_l, record_r, verdict FROM past_decision
                EXCEPT SELECT record_l, record_r, verdict FROM link.decision)
        )
        """
    )


def _take_turned_blocks(con: duckdb.DuckDBPyConnection) -> None:
    """Records whose pairs came or went because a block became too large, or small enough."""
    if not count(
        con,
        """SELECT count(*) FROM (SELECT rule, key FROM link.crowd
        EXCEPT SELECT rule, key FROM past_crowd)""",
    ) + count(
        con,
        """SELECT count(*) FROM (SELECT rule, key FROM past_crowd
        EXCEPT SELECT rule, key FROM link.crowd)""",
    ):
        return
    now, then = (
        f"SELECT record_l, record_r, verdict FROM {pairs} WHERE tier = 'probable'"
        for pairs in ("link.pair", "past_pair")
    )
    con.execute(
        f"""INSERT INTO touched SELECT DISTINCT unnest([record_l, record_r])
        FROM (({now} EXCEPT {then}) UNION ALL ({then} EXCEPT {now}))"""
    )


def _edges(con: duckdb.DuckDBPyConnection) -> None:
    """The temporary view ``edge``: pairs that evidence joins, whether or not they were cut."""
    columns = "p.record_l, p.record_r, p.tier, p.weight, p.verdict"
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE cut_before AS
        SELECT {columns} FROM link.pair p
        LEFT JOIN link.standing l ON l.record_id = p.record_l
        LEFT JOIN link.standing r ON r.record_id = p.record_r
        WHERE p.verdict = 'refused' AND CASE WHEN p.tier = 'decision' THEN p.weight > 0
            ELSE p.tier = 'certain' OR p.weight = {SLIP_WEIGHT}
                OR (l.held_id <> r.held_id) IS NOT TRUE END
        """
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP VIEW edge AS
        SELECT {columns} FROM link.pair p WHERE verdict = 'joined' UNION ALL FROM cut_before"""
    )


def _reach(con: duckdb.DuckDBPyConnection, *, everything: bool) -> None:
    """The temporary table ``reached``: live records whose resident may change.

    Old companions of a touched record count too: without it they may fall apart.
    """
    if everything:
        con.execute("CREATE OR REPLACE TEMP TABLE reached AS SELECT record_id FROM std.record")
        return
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE reached AS
        SELECT record_id FROM touched
        UNION
        SELECT record_id FROM past_cluster WHERE resident_id IN (
            SELECT resident_id FROM past_cluster SEMI JOIN touched USING (record_id)
        )
        """
    )
    con.execute("CREATE OR REPLACE TEMP TABLE frontier AS FROM reached")
    while count(con, "SELECT count(*) FROM frontier"):
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE frontier AS
            SELECT DISTINCT record_id FROM (
                SELECT record_r AS record_id FROM edge
                WHERE record_l IN (SELECT record_id FROM frontier)
                UNION ALL
                SELECT record_l FROM edge WHERE record_r IN (SELECT record_id FROM frontier)
            ) ANTI JOIN reached USING (record_id)
            """
        )
        con.execute("INSERT INTO reached FROM frontier")
    con.execute("DROP TABLE frontier")
    con.execute("DELETE FROM reached WHERE record_id NOT IN (SELECT record_id FROM std.record)")


def _components(con: duckdb.DuckDBPyConnection, *, margin: float) -> dict[str, int]:
    """The temporary table ``member`` (record_id, component), lawful."""
    con.execute(
        """CREATE OR REPLACE TEMP TABLE near_edge AS
        FROM edge WHERE record_l IN (SELECT record_id FROM reached)"""
    )
    edges = con.sql("SELECT record_l, record_r FROM near_edge").to_arrow_table()
    node, label = components(edges["record_l"].to_numpy(), edges["record_r"].to_numpy())
    con.register("labelled", pa.table({"record_id": node, "component": label}))
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE member AS
        SELECT record_id, coalesce(l.component, record_id) AS component
        FROM reached LEFT JOIN labelled l USING (record_id)
        """
    )
    con.unregister("labelled")
    _find_unlawful(con)
    found = {"components_cut": count(con, "SELECT count(*) FROM unlawful")}
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE verdict AS
        SELECT record_l, record_r, tier FROM near_edge WHERE verdict = 'refused'
        """
    )
    _set_verdict(con, "joined")
    found["pairs_refused"] = _cut(con, margin)
    for table in ("unlawful", "verdict", "held", "near_edge"):
        con.execute(f"DROP TABLE {table}")
    return found


def _find_unlawful(con: duckdb.DuckDBPyConnection) -> None:
    """Components with two numbers, two persons of one row, or two records that are never one.

    A number that one slip explains counts as the number it slipped from, when that is clear.
    """
    con.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE held AS
        WITH slip AS (
            SELECT a.record_id, b.held_id AS meant
            FROM (
                SELECT record_l AS one, record_r AS other, tier, weight FROM near_edge
                UNION ALL SELECT record_r, record_l, tier, weight FROM near_edge
            ) e
            JOIN link.standing a ON a.record_id = e.one
            JOIN link.standing b ON b.record_id = e.other
            WHERE e.tier = 'probable' AND e.weight = {SLIP_WEIGHT} AND a.holders = 1
                AND (b.holders > 1 OR a.held_id > b.held_id)
        ), clear AS (
            SELECT record_id, min(meant) AS meant FROM slip
            GROUP BY record_id HAVING min(meant) = max(meant)
        )
        SELECT m.record_id, m.component, coalesce(c.meant, s.held_id)::BIGINT AS held
        FROM member m JOIN link.standing s USING (record_id) LEFT JOIN clear c USING (record_id)
        """
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE unlawful AS
        SELECT component FROM held GROUP BY component HAVING min(held) <> max(held)
        UNION
        SELECT component FROM member JOIN std.record r USING (record_id)
        WHERE r.role <> 'self'
        GROUP BY component, hash(r.source, r.source_key) HAVING count(*) > 1
        UNION
        SELECT l.component FROM link.decision d
        JOIN member l ON l.record_id = d.record_l JOIN member r ON r.record_id = d.record_r
        WHERE d.verdict = 'never' AND l.component = r.component
        """
    )


def _cut(con: duckdb.DuckDBPyConnection, margin: float) -> int:
    """Rebuild the unlawful components edge by edge, strongest first. Returns pairs refused."""
    nodes: dict[int, dict[int, Node]] = {}
    for component, record, row, number in con.execute(
        """SELECT h.component, h.record_id, hash(r.source, r.source_key), h.held::VARCHAR
        FROM held h JOIN std.record r USING (record_id) SEMI JOIN unlawful USING (component)"""
    ).fetchall():
        nodes.setdefault(component, {})[record] = Node(row, number)
    edges: dict[int, list[Edge]] = {}
    for component, left, right, weight, tier, is_firm in con.execute(
        f"""SELECT component, record_l, record_r, weight, tier, {_FIRM} FROM (
            SELECT m.component, e.record_l, e.record_r, e.tier FROM near_edge e
            JOIN member m ON m.record_id = e.record_l SEMI JOIN unlawful USING (component)
        ) JOIN link.pair USING (record_l, record_r, tier)"""
    ).fetchall():
        edge = Edge(left, right, weight, tier == "decision", is_firm)
        edges.setdefault(component, []).append(edge)
    apart: dict[int, list[tuple[int, int]]] = {}
    for component, left, right in con.execute(
        """SELECT l.component, d.record_l, d.record_r FROM link.decision d
        JOIN member l ON l.record_id = d.record_l JOIN member r ON r.record_id = d.record_r
        WHERE d.verdict = 'never' AND l.component = r.component"""
    ).fetchall():
        apart.setdefault(component, []).append((left, right))
    label: dict[int, int] = {}
    refused: list[Edge] = []
    for component, found in nodes.items():
        part, refusals = cut(found, edges.get(component, []), apart.get(component, []), margin)
        label |= part
        refused += refusals
    if label:
        ids = pa.array(label.keys(), pa.int64())
        con.register(
            "relabelled", pa.table({"id": ids, "part": pa.array(label.values(), pa.int64())})
        )
        con.execute("UPDATE member SET component = part FROM relabelled WHERE record_id = id")
        con.unregister("relabelled")
    if refused:
        con.register(
            "refusal",
            pa.table(
                {
                    "record_l": pa.array([edge.left for edge in refused], pa.int64()),
                    "record_r": pa.array([edge.right for edge in refused], pa.int64()),
                    "decided": pa.array([edge.decided for edge in refused], pa.bool_()),
                }
            ),
        )
        con.execute(
            """
            CREATE OR REPLACE TEMP TABLE verdict AS
            SELECT e.record_l, e.record_r, e.tier
            FROM near_edge e JOIN refusal f ON f.record_l = e.record_l AND f.record_r = e.record_r
                AND f.decided = (e.tier = 'decision')
            """
        )
        con.unregister("refusal")
        _set_verdict(con, "refused")
    return len(refused)


def _set_verdict(con: duckdb.DuckDBPyConnection, verdict: str) -> None:
    con.execute(
        """UPDATE link.pair p SET verdict = ? FROM verdict v
        WHERE p.record_l = v.record_l AND p.record_r = v.record_r AND p.tier = v.tier""",
        [verdict],
    )
