"""Workbooks with a password to open: tried with the passwords that the configuration names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msoffcrypto
from msoffcrypto.exceptions import DecryptionError, FileFormatError, InvalidKeyError, ParseError

from pipelines.extract.guard import Unreadable

_EXCELS_OWN = "VelvetSweatshop"
"""With this Excel encrypts what may be read by all and changed by some; it asks nobody for it."""


def unlock(path: Path, target: Path, variables: Iterable[str]) -> None:
    """Write what the workbook `path` holds to `target`.

    Args:
        path: a workbook with a password, of any Excel since 97 or of WPS.
        target: the workbook without one.
        variables: names of environment variables, each with a password to try.

    Raises:
        Unreadable: none fits, or the way of encryption is unknown.
    """
    variables = tuple(variables)
    passwords = [os.environ[name] for name in variables if os.environ.get(name)]
    for password in (*passwords, _EXCELS_OWN):
        if opens(path, target, password):
            return
    target.unlink(missing_ok=True)
    if variables:
        raise Unreadable("wrong_password", "、".join(variables))
    raise Unreadable("password")


def opens(path: Path, target: Path, password: str) -> bool:
    """Write what `path` holds behind `password` to `target`; False: it is another password.

    Raises:
        Unreadable: the way of encryption is unknown, or the file is damaged.
    """
    with path.open("rb") as locked, target.open("wb") as opened:
        try:
            office = msoffcrypto.OfficeFile(locked)
            office.load_key(password=password)
            office.decrypt(opened)
        except InvalidKeyError:
            return False
        except (DecryptionError, FileFormatError, ParseError, OSError, ValueError) as error:
            raise Unreadable("password") from error
        except MemoryError:
            raise
        except Exception as error:
            # it trusts the file's own figures; whatever goes wrong then, it is not readable
            raise Unreadable("password") from error
    return True
