"""Training a model again from what services collected, and publishing what is not worse: `command.py` has the steps."""
