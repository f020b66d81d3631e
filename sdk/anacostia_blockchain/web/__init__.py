"""What is served over HTTP: the pages and the API of a pipeline, and an outbox for a worker."""
