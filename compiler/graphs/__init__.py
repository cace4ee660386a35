"""The served graph of a loaded model: what stands around it, and what its outputs are."""
