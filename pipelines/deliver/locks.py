"""Workbooks behind a password: one for each grid, made from a secret of the environment."""

from __future__ import annotations

import hashlib
import hmac
import io
import os

from msoffcrypto.format.ooxml import OOXMLFile

from pipelines.config import FORM_SECRET, SHORTEST_SECRET
from pipelines.errors import ConfigError

_LENGTH = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Letters and digits that nobody confuses on paper: no i, l, o, 0, 1."""


def grid_password(grid: str) -> str:
    """The password of a grid's workbooks: ten characters, 49 bits. Another secret makes another.

    Raises:
        ConfigError: the environment holds no secret, or a short one.
    """
    secret = os.environ.get(FORM_SECRET, "")
    if len(secret) < SHORTEST_SECRET:
        raise ConfigError(f"{FORM_SECRET} must be set to at least {SHORTEST_SECRET} characters")
    digest = hmac.digest(secret.encode(), f"onegrid form {grid}".encode(), hashlib.sha256)
    return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_LENGTH])


def lock(book: bytes, password: str) -> bytes:
    """The workbook encrypted as Excel does it (ECMA-376 agile, AES-256); salted, so never twice
    the same. Takes some 0.3 s: hashing the password a hundred thousand times is the lock."""
    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(book)).encrypt(password, locked)
    return locked.getvalue()
