"""`python -m mrak` is `mrak`."""

from mrak.cli.main import main

main()
