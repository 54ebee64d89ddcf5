"""Archives on an OpenSearch cluster: the connection, the mapping, and what a reindex writes there."""
