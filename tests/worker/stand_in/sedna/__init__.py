"""Classes and methods shaped like those of the sedna library, for machines where that cannot be installed.

Only what the worker hook watches is here, and what its scenarios need around it; the scenarios are the same on the real
library (see tests/worker/test_scenarios.py). Python 3.6 runs this too.
"""
