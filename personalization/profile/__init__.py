"""Who is this visitor? Genomes: what a customer buys, weighted by recency, of one customer or of all in batches."""
