"""Licensing of models: terms and presets, values, and the backends that trade in them."""
