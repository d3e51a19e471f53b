"""`python -m mrcpbalance`: the command, where its script isn't on the path."""

from mrcpbalance.cli import main

main(prog_name="mrcpbalance")
