"""Ledgers that lie in the inbox: taken whole, each content once, their originals kept, receipts."""

from pipelines.inbox.arrival import Arrived, is_unfinished, take_ledgers
from pipelines.inbox.receipt import write_receipts

__all__ = ["Arrived", "is_unfinished", "take_ledgers", "write_receipts"]
