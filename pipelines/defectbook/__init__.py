"""What is wrong in a department's data, as a workbook a month: out, answered, and back."""

from pipelines.defectbook.find import find_defects
from pipelines.defectbook.read import UnusableBook, read_book
from pipelines.defectbook.receipt import receipt_text
from pipelines.defectbook.take import Outcome, Receipt, take_book
from pipelines.defectbook.write import Book, make_book

__all__ = [
    "Book",
    "Outcome",
    "Receipt",
    "UnusableBook",
    "find_defects",
    "make_book",
    "read_book",
    "receipt_text",
    "take_book",
]
