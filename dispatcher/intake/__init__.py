"""The first half of a job's life: submit, seal, enqueue."""
