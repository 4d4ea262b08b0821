"""The ranker: the arithmetic that learning and serving share. numpy only, no Django, no clock, no chance, because a web
process runs it on every decision.

1. `candidates` gathers a few hundred products: the visitor's purchases, those of similar customers (user-kNN), the
   neighbours of both by every recommender (item-kNN, EASE, TF-IDF similarity, ...), and bestsellers.
2. `features` describes each of them by numbers.
3. `scorer` makes one score of them: by LambdaMART trees with Platt scaling, which `train` learned and compared by NDCG,
   or by default weights. `tasks` lists the questions that have a ranker of their own.
4. `cold_start` sorts a list for a visitor without a history; `search_queries` and `category_names` say what a search
   leads to.

`snapshot_arrays` is what all of them read.
"""
