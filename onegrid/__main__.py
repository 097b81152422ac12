"""``python -m onegrid``: the command where the script is not on the path."""

from onegrid.main import main

main()
