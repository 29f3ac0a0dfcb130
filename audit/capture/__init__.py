"""How actions and trainings get recorded: triggers, webhooks, plugins of server and client."""
