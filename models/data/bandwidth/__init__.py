"""Simulated links: what probes and counters say of them each minute, and the state behind it."""
