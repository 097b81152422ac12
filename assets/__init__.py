"""When, and in what order: the Dagster storey, the only one that imports dagster."""
