"""How good a model is: figures with their intervals, curves, and what they are drawn from."""
