"""The delivery engine. It knows envelopes, sites and answers of receivers, not campaigns; `message` is its port to those."""
