"""The journal's part about personal tokens: who may fill in which grid's forms, and until when.

A token itself is kept nowhere, only its hash. Nothing is ever changed: a token ends by its date, or
by a later word about it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from pipelines.journal import Journal

_METADATA = sa.MetaData()
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")

TOKEN = sa.Table(
    "fill_token",
    _METADATA,
    sa.Column("token_id", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("grid_code", sa.String(32), nullable=False),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False, unique=True),
    sa.Column("made_by", sa.String(64), nullable=False),
    sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
)

REVOKED = sa.Table(
    "fill_token_revoked",
    _METADATA,
    sa.Column("seq", _SEQUENCE, primary_key=True, autoincrement=True),
    sa.Column("token_id", _SEQUENCE, nullable=False, index=True),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
)

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what looks alike on paper: 0 O, 1 I L."""
LENGTH, GROUP = 16, 4
"""Characters of a token (79 bits, which nobody guesses and a phone's keyboard can bear)."""
_COLUMNS = ("token_id", "grid_code", "author", "made_at", "expires_at")


@dataclass(frozen=True)
class Token:
    """What the journal knows of a token.

    Attributes:
        token_id: its number.
        grid_code: the only grid that it opens.
        author: whose answers come with it.
        made_at, expires_at: from when, until when.
        is_revoked: somebody ended it.
    """

    token_id: int
    grid_code: str
    author: str
    made_at: datetime
    expires_at: datetime
    is_revoked: bool = False

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return not self.is_revoked and now < self.expires_at


class Tokens:
    """Tokens in a journal; the tables are made on first use."""

    def __init__(self, journal: Journal) -> None:
        self._engine = journal.engine
        _METADATA.create_all(self._engine)

    def make(self, grid: str, author: str, days: int, made_by: str) -> tuple[Token, str]:
        """A new token for `author` at `grid`, good for `days`; also its text, told this once."""
        text = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        now = datetime.now(UTC)
        row = {
            "grid_code": grid,
            "author": author,
            "made_at": now,
            "expires_at": now + timedelta(days=days),
        }
        with self._engine.begin() as con:
            result = con.execute(
                sa.insert(TOKEN).values(**row, made_by=made_by, hash=_hash(text) or "")
            )
            token = Token(int(result.inserted_primary_key[0]), **row)  # type: ignore
        parts = [text[at : at + GROUP] for at in range(0, LENGTH, GROUP)]
        return token, "-".join(parts)

    def find(self, text: str) -> Token | None:
        """The token that somebody typed, however it is spaced; None: there is none like it."""
        wanted = _hash(text)
        if wanted is None:
            return None
        return next(iter(self._read(TOKEN.c.hash == wanted)), None)

    def get(self, token_id: int) -> Token | None:
        """The token of a number."""
        return next(iter(self._read(TOKEN.c.token_id == token_id)), None)

    def all(self) -> list[Token]:
        """Every token, oldest first."""
        return self._read(sa.true())

    def revoke(self, token_id: int, author: str) -> None:
        """End a token at once."""
        with self._engine.begin() as con:
            con.execute(
                sa.insert(REVOKED).values(
                    token_id=token_id, author=author, revoked_at=datetime.now(UTC)
                )
            )

    def _read(self, condition: sa.ColumnElement[bool]) -> list[Token]:
        is_revoked = sa.exists().where(REVOKED.c.token_id == TOKEN.c.token_id)
        query = (
            sa.select(*(TOKEN.c[name] for name in _COLUMNS), is_revoked)
            .where(condition)
            .order_by(TOKEN.c.token_id)
        )
        with self._engine.connect() as con:
            return [
                Token(*row[:3], _aware(row[3]), _aware(row[4]), bool(row[5]))
                for row in con.execute(query)
            ]


def _hash(text: str) -> str | None:
    """The hash of a token's text; None: no token looks like this."""
    plain = re.sub(r"[\s-]", "", text[:100]).upper()
    if len(plain) != LENGTH or not set(plain) <= set(ALPHABET):
        return None
    return hashlib.sha256(plain.encode()).hexdigest()


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
