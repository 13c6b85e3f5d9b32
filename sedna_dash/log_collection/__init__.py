"""From the lines that Sedna's pods write to entries in Loki and metrics: the rules, and the collectors' configs.

``rules.yaml`` says what is kept, dropped, hidden and counted. `reading` does it in Python, for the simulator and the
tests; `stages` says it in the words that Alloy and Promtail share.
"""

from __future__ import annotations

from sedna_dash.log_collection.rules import Format, LineMetric, Noise, Rules, load_rules

__all__ = ["Format", "LineMetric", "Noise", "Rules", "load_rules"]
