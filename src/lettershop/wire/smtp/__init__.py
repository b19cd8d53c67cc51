"""SMTP (RFC 5321) as machines: `server` for relay and submission, `client` for the delivery engine."""
