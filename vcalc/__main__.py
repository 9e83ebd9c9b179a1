"""`python -m vcalc`."""

from vcalc.cli import main

main(prog_name="vcalc")
