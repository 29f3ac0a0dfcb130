"""How actions get recorded: database triggers, the MLflow server's plugin, webhooks."""
