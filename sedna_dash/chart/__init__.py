"""The Helm chart's files that are not written by hand: dashboards, rules, and configs, from what they are made of."""
