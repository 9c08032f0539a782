"""What the exporter serves over HTTP: the metrics, the page for people, and its own health."""

from exporter.web.application import create_app
from exporter.web.listening import ListenAddress, parse_listen_address
from exporter.web.place import UNMOVED, Place, place_of
from exporter.web.server import Server
from exporter.web.site import Site, check_telemetry_path

__all__ = [
    "UNMOVED",
    "ListenAddress",
    "Place",
    "Server",
    "Site",
    "check_telemetry_path",
    "create_app",
    "parse_listen_address",
    "place_of",
]
