"""Configuration: a YAML file in, frozen values out."""
