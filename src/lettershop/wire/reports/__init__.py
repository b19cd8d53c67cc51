"""Reports: what a message says about other messages. [pure]

Will live here: delivery status notifications (read and composed), feedback reports, the many forms of bounces that
follow no standard, automatic replies, and the one function that tells which of them a message is.

Owned by helper reports; helper trust leaves this folder and mail/bounces.py alone.
"""
