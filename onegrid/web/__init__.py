"""What the pages that onegrid serves have in common: who may come in, and how they are started."""
