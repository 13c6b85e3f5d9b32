"""Find what is wrong with dashboards, ours or anybody's, before a Grafana shows it."""
