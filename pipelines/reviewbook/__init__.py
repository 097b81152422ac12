"""The review queue as a workbook, for offices without the page: out, filled in, and back."""

from pipelines.reviewbook.read import UnusableBook, read_book
from pipelines.reviewbook.take import Outcome, take_answers
from pipelines.reviewbook.write import Book, make_book

__all__ = ["Book", "Outcome", "UnusableBook", "make_book", "read_book", "take_answers"]
