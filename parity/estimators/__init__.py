"""Trees and linear models as references: rows on their own splits, leaf paths, and what may differ."""
