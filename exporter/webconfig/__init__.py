"""TLS, users, headers and rate limit of the web server, in the file format of exporter-toolkit.

Knows nothing of HTTP: ``exporter.web`` acts on what is read here.
"""
