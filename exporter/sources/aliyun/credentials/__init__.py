"""Where the credentials of a call come from, one module each kind of place."""
