"""Speed, measured against a floor and a peer in the same run; see docs/speed.md."""
