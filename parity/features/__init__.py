"""From raw windows to predictions: the reference of models that compute their features themselves."""
