"""``sedna-dash demo``: a simulated site with real programs around it, and stories of what goes wrong at one."""
