"""Recording and alerting rules: checked, tested, and written in the form of whatever evaluates them."""
