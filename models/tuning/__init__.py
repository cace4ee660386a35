"""Searching for the best trade between a model's quality and its compiled latency."""
