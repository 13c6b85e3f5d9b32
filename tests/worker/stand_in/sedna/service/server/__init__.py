from .aggregation import AggregationServer

__all__ = ["AggregationServer"]
