"""The page on which a grid worker fills in, on a phone, what the workbooks would ask."""
