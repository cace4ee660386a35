"""scikit-learn: estimators read from pickles as data, and rebuilt from what was checked to be compared with."""
