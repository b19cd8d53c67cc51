"""A protocol event in, one service call, a reply out. No rule, no SQL, no clock."""
