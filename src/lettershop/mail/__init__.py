"""The mail server as services: who may send, what comes in, mailboxes, log-ins. Complete without marketing."""
