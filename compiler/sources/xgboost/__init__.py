"""XGBoost's JSON and UBJ files, read without XGBoost; the framework itself is the reference only."""
