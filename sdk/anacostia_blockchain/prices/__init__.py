"""Prices of models: values, the curve, history, a picture; `prices.native.Prices` is the way in."""
