"""Grafana dashboards for Sedna, as code."""

__version__ = "0.1.0"
