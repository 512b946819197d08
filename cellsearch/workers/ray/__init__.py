"""Evaluations on Ray, on this machine or on a cluster."""

import os
import sys

# Ray reads these once, when it is imported, which no file does before this one has run.
if "ray" not in sys.modules:
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # its ports are open to the network: who connects needs a token
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # no line of its own on our terminal when a worker dies
