"""Simulated and given tables to train and evaluate on, and how they are split."""
