"""Where content is kept: one `Store` protocol, `local.LocalStore` as the embedded default."""
