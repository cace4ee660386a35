"""How good a model is: metrics of arrays, and of compiled bundles run by Go."""
