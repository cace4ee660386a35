"""Training of the reference models: schedules, checkpoints, thresholds, and what a run leaves behind."""
