"""What exists: every metric, label, enum value and log field that Sedna's observability knows.

The data lives in ``data/*.yaml``; this package only reads and checks it. Dashboards, lint and the reference
pages all ask here, so a name is spelled once.
"""

from sedna_dash.catalog.loading import default_catalog, load_catalog
from sedna_dash.catalog.model import Catalog, Metric

__all__ = ["Catalog", "Metric", "default_catalog", "load_catalog"]
