"""The recipes that train the reference models, and what each run leaves behind."""
