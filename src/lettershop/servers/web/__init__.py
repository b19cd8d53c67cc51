"""The web interface, the public pages, tracking and metrics over HTTP. An event in, one service call, a reply out."""
