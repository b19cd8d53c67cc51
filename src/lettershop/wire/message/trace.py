"""What the trace fields of a message tell: through how many hands it went. [pure]"""

MOST_HOPS = 100
"""Received fields beyond which a message goes in circles; RFC 5321 6.3 wants at least 100."""


def goes_in_circles(message: bytes) -> bool:
    """Whether it went through so many hands that it must be a loop."""
    end = message.find(b"\r\n\r\n")
    head = b"\r\n" + (message if end < 0 else message[:end]).lower()
    return head.count(b"\r\nreceived:") > MOST_HOPS
