"""Run records and the log that holds them: what is anchored, and how it is proven."""
