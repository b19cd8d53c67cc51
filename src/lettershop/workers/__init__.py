"""The run loops of a worker process, each with a graceful stop: outbound, campaigns, facts, upkeep."""
