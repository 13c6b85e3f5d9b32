"""The one line in a worker's script: ``import sedna_dash.worker.auto``."""

from sedna_dash.worker import start

start()
