"""Drafts of source maps: what an unknown table or workbook seems to hold, for people to confirm."""
