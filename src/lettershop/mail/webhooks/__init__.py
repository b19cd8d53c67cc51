"""Webhooks: what happens in a workspace, told to addresses of its choice, signed, until it was taken.

`desk` is for people and programs that keep them, `courier` brings the events, `round` is one piece of its work for one
webhook, `payload` says how an event is written. Statements are in `store.webhooks` and `store.webhook_deliveries`.
"""
