"""Archives in, generations out: reading articles, indexing them, and opening what was indexed."""
