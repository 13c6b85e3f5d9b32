"""From dashboard models to a Grafana: read what is there, compare, change what is ours, report."""
