"""``defaults`` merged into an account, with a record of what came from where."""

from exporter.config.document import Value, join


def merged(
    defaults: dict[str, Value], own: dict[str, Value]
) -> tuple[dict[str, Value], frozenset[str]]:
    """The account's keys over those of ``defaults``; mappings merge, anything else replaces.

    Returns:
        The merged mapping, and the key paths (such as ``timeout`` or ``refresh.active``) of the
        values that came from ``defaults``. What lies below such a path came from there as well.
    """
    inherited: set[str] = set()
    return _merge(defaults, own, "", inherited), frozenset(inherited)


def _merge(
    defaults: dict[str, Value], own: dict[str, Value], path: str, inherited: set[str]
) -> dict[str, Value]:
    result = dict(own)
    for key, default in defaults.items():
        value = own.get(key)
        if key not in own:
            result[key] = default
            inherited.add(join(path, key))
        elif isinstance(default, dict) and isinstance(value, dict):
            result[key] = _merge(default, value, join(path, key), inherited)
    return result
