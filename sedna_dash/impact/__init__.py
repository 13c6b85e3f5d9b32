"""What breaks when a metric, a label or a dashboard goes, and what nobody uses."""
