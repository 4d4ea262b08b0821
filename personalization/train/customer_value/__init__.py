"""What a customer will order and spend, and when: from the days of their orders alone. Arrays in, arrays out.

How it was chosen, and how good it is: docs/evaluation.md, "What customers will spend".
"""
