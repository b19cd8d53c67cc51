"""People, segments, campaigns, their messages and what became of them. Nothing on a lower floor imports this."""
