"""How it is done: plain functions in the order of the journey. Never imports dagster or assets."""
