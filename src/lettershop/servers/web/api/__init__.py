"""The REST API under /api/v1: one module a resource, each handler one service call.

    frame      who asks (bearer token), what they may, cursors, types of fields
    problems   errors as application/problem+json (RFC 9457)
    repeat     Idempotency-Key
    app        puts it together; /api/v1/openapi.json describes it

No rule, no SQL and no clock here: `servers.web.ports` names the services.
"""
