"""A registry: `REGISTRY/NAME/vX.Y`, which only `publish` adds to, and `latest`, which `publish` and `rollback` move."""
