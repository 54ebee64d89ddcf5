"""The engine for archives past one machine: the same queries, answered by an OpenSearch cluster."""
