"""Training a model again: what services collected, and whether the new model is as good as what is served."""
