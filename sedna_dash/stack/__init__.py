"""Values for the charts of other people that make a whole stack: Prometheus, Loki, Alloy or Promtail, Grafana.

``values`` holds them as people read them, with places such as ``<cluster>``; what the product itself says goes there.
"""
