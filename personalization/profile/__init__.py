<<<<<<< HEAD
"""Who is this visitor? Genomes: what a customer buys, weighted by recency; of one at once, of all in batches."""
=======
"""Who is this visitor? Genomes: what a customer buys, weighted by recency, of one customer or of all in batches."""
>>>>>>> ab0e7d5
