"""Verify: run every query of the dashboards on what they will ask, and say for each panel what came, or why not."""
