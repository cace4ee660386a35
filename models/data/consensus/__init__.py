"""A simulated consensus group: what drives it, what breaks it, and the twelve metrics that a node reports."""
