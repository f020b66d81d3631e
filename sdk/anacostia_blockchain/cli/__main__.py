"""`python -m anacostia_blockchain.cli`."""

from anacostia_blockchain.cli import main

main()
