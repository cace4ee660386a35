"""Data to train and to evaluate on: tables from files, simulated ones, their splits and their windows."""
