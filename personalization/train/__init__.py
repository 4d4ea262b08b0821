"""Learns from the shop's history and publishes a snapshot; workers only. `run` reads as the table of contents.

1. `dataset` and `search_history` read tables into arrays.
2. `evaluate` cuts off the evaluation weeks: `ranking_examples` makes examples of them, `learning_to_rank` fits a ranker
   for each task (LambdaMART, Platt scaling), `metrics` compares it with default weights, bestsellers and each
   recommender (NDCG, recall, MRR, hit rate, novelty, coverage).
3. `fit` lets every recommender learn from the whole history; `search_choices` learns what is chosen after searches.
4. `quality_gate` refuses what is clearly worse, `publish` writes the snapshot and switches to it.

`engines` do the blocks of the work that can be done anywhere.
"""
