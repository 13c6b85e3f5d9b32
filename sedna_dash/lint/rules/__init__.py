"""All rules. A new rule is a new file here, a line in this list, and a table of cases in tests/lint/cases."""

from sedna_dash.lint.rule import Rule
from sedna_dash.lint.rules import panel_title

RULES: tuple[Rule, ...] = (panel_title.rule,)
