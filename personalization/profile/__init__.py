"""Who is this visitor? Genomes: what a customer buys, weighted by recency; of one at once, of all in batches."""
