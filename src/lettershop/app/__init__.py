"""The one composition root: configuration -> objects -> running system. Nobody else builds long-lived objects.

`house` opens the storage and the services that commands and workers share; `worker` adds listeners and run loops for the
roles of one process; `campaigns` is what is there only with marketing/ (without it the mail server still starts).
"""
