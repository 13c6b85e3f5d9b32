"""A simulated site: Sedna's world in motion, and everything around it that Prometheus scrapes."""
