"""Doctor: what is wrong with a deployment, and the cure; nothing of it is changed."""
