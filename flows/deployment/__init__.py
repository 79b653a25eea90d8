"""How a Prefect server comes to know and run the flows."""
