"""From dashboard modules to files: load, bring into the target Grafana's shape, write each form."""
