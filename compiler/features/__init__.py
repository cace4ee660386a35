"""Features, defined once: their specification, and its executors in Python and in the graph (Go has its own)."""
