"""Run with ``python -m sedna_dash``."""

from sedna_dash.cli import main

if __name__ == "__main__":
    main()
