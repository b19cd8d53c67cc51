"""Lettershop: a mail server, a bulk mail transfer agent and an email-marketing platform in one program.

The house (imports go only downward): cli > app > servers | workers > marketing > mail | insight > egress >
store | net > wire > base. docs/architecture.md is the plan.
"""

__version__ = "0.1.0"
